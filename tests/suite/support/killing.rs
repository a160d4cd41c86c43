//! The tool is killed between any two statements.

use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::proxy::{Proxy, Rule};
use super::tool::{self, run};
use super::{Database, Folder, server};

/// So many statements at the end of an apply are all that write.
const WRITING: usize = 25;

/// Kills `apply acme --allow …` after each of its last statements, until it is done: at any time, the tenant's definition and
/// `rows`, a query of one value, are as they were before, or as they are in the end.
pub async fn killed_everywhere(database: &Database, folder: &Folder, allow: &str, rows: &str) {
    let state = async || {
        let (fingerprint, _) = crate::fingerprint::read(database, "acme").await;
        (fingerprint, database.ask(rows).await)
    };
    let before = state().await;
    let others =
        format!("pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()", database.name);
    let args = ["apply", "acme", "--allow", allow];
    let copy = Database::copy_of(database).await;
    let proxy = Proxy::start(socket(), Rule::Pass);
    let mut command = tool::tool(folder.dir.path(), &args);
    command.env("DATABASE_URL", proxy.url("provision", &copy.name));
    run(command).with(0);
    let all = proxy.statements.load(Ordering::SeqCst);
    let expected = crate::fingerprint::read(&copy, "acme").await.0;
    let mut kills = 0;
    for at in all.saturating_sub(WRITING).. {
        assert!(at < all + 10, "it takes more statements than before");
        let status = killed_after(database, folder, &args, at).await.0;
        // The server may need a moment to see that its client is gone.
        while database.count(&others).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let now = state().await;
        if status.success() || now != before {
            assert_eq!(now.0, expected, "killed after statement {at}, it is half done");
            break;
        }
        kills += 1;
    }
    assert!(kills > 10, "it was killed only {kills} times before it was done");
    run(tool::on(database, folder.dir.path(), &args)).with(0);
    assert_eq!(state().await.0, expected);
}

fn socket() -> PathBuf {
    server().socket.clone().expect("the throwaway cluster")
}

/// Runs the tool until it has ended, and kills it when it has sent so many statements. Returns how it ended, and how many statements
/// were sent.
pub async fn killed_after(
    database: &Database,
    folder: &Folder,
    args: &[&str],
    at: usize,
) -> (ExitStatus, usize) {
    let child: Arc<Mutex<Option<Child>>> = Arc::default();
    let shared = child.clone();
    let kill = move |_| {
        if let Some(child) = shared.lock().expect("no panic").as_mut() {
            let _ = child.kill();
        }
    };
    let proxy = Proxy::start(socket(), Rule::AfterStatements(at, Arc::new(kill)));
    let mut command = tool::tool(folder.dir.path(), args);
    command.env("DATABASE_URL", proxy.url("provision", &database.name));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // Held while it starts, so that it can be killed however early that is.
    {
        let mut slot = child.lock().expect("no panic");
        *slot = Some(command.spawn().expect("the binary starts"));
    }
    let status = loop {
        let ended = child.lock().expect("no panic").as_mut().map(Child::try_wait);
        if let Some(status) = ended.expect("it was started").expect("a child") {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    (status, proxy.statements.load(Ordering::SeqCst))
}
