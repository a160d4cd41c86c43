//! The binary: arguments, logs, one error chain, one exit code.

use std::process::ExitCode;

use clap::Parser as _;
use provision::cli::{self, Cli, LogFormat};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

#[cfg(feature = "otlp")]
mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "no_traces.rs"]
mod traces;

use traces::Traces;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return ExitCode::from(cli::print_usage(&error).code());
        }
    };
    let traces = Traces::start();
    start_logging(&cli, &traces);
    let (color, is_json) = (cli.global.color, cli.is_json());
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
            return ExitCode::from(cli::print_error(color, is_json, &error).code());
        }
    };
    let exit = match runtime.block_on(cli::run(cli)) {
        Ok(exit) => exit,
        Err(error) => cli::print_error(color, is_json, &error),
    };
    ExitCode::from(exit.code())
}

/// Log lines go to stderr; those of other crates only from warnings on.
fn start_logging(cli: &Cli, traces: &Traces) {
    let wanted = cli.log_filter();
    let directives = if wanted.contains(['=', ',']) {
        wanted.to_owned()
    } else {
        // Notices of the server are reported where they matter; spans for traces are no log lines.
        format!("warn,sqlx::postgres::notice=off,provision={wanted},provision::traces=off")
    };
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match cli.global.log_format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed()
        }
        LogFormat::Human => {
            let colours = cli.global.colours_stderr();
            lines.with_ansi(colours).with_target(false).with_filter(filter).boxed()
        }
    };
    tracing_subscriber::registry().with(lines).with(traces.layer()).init();
}
