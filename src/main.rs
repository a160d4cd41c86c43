//! The binary: arguments, logs, one error chain, one exit code.

use std::process::ExitCode;

use clap::Parser as _;
use provision::cli::{self, Cli, Exit, LogFormat};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // clap's own code for wrong usage is 2, which here means pending changes.
            let exit = if error.use_stderr() { Exit::Failed } else { Exit::Done };
            return ExitCode::from(exit.code());
        }
    };
    start_logging(&cli);
    let global = cli.global.clone();
    let mut builder = if cli.is_service() {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => {
            let error =
                provision::Error::Io { doing: "start the asynchronous runtime".into(), source };
            return ExitCode::from(cli::print_error(&global, &error).code());
        }
    };
    let exit = match runtime.block_on(cli::run(cli)) {
        Ok(exit) => exit,
        Err(error) => cli::print_error(&global, &error),
    };
    ExitCode::from(exit.code())
}

/// Log lines go to stderr; what other crates have to say, only from a warning on.
fn start_logging(cli: &Cli) {
    let wanted = cli.log_filter();
    let directives = if wanted.contains(['=', ',']) {
        wanted.to_owned()
    } else {
        format!("warn,provision={wanted}")
    };
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match cli.global.log_format {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        LogFormat::Human => {
            subscriber.with_ansi(cli.global.colours_stderr()).with_target(false).init();
        }
    }
}
