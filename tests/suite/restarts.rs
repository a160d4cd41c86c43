//! A server that is restarted while tenants are worked on.

use std::time::Duration;

use provision::embedded::{self, Config, Durability};
use provision::explain::Explain as _;
use provision::manifest;
use provision::reconcile::Context;

use crate::fleet::target_of;
use crate::support::{Folder, apply, refused};

const MANIFEST: &str = "version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_reached_is_waited_for_and_another_is_not() {
    let root = tempfile::tempdir_in("/tmp").expect("a folder");
    let config = Config {
        root: root.path().join("pg"),
        bin_dir: None,
        durability: Durability::Throwaway,
        settings: Vec::new(),
    };
    let cluster = embedded::ensure_running(&config).expect("a server");
    let folder = Folder::new(MANIFEST);
    let context = || {
        let manifest = manifest::load(&folder.manifest()).expect("a manifest");
        let mut context = Context::new(manifest, target_of(&cluster));
        context.retry.first = Duration::from_millis(300);
        context.retry.attempts = 20;
        context
    };
    let known = context();
    apply(&known, "acme").await.expect("the server runs");
    embedded::stop(&config).expect("stopping");

    let error = refused(apply(&context(), "bolt").await);
    assert_eq!(error.code(), "connect-failed");
    let mut hasty = context();
    hasty.target = known.target.clone();
    hasty.retry.attempts = 2;
    let error = refused(apply(&hasty, "bolt").await);
    assert_eq!(error.code(), "connect-failed");

    let applying = tokio::spawn(async move { apply(&known, "bolt").await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!applying.is_finished(), "it waits");
    embedded::ensure_running(&config).expect("the server again");
    let applied = applying.await.expect("no panic").expect("the server runs again");
    assert!(applied.attempts > 1, "{}", applied.attempts);
    embedded::destroy(&config).expect("cleaning up");
}
