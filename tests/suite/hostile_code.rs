//! Code that a tenant's owner has planted where PostgreSQL lets one: whatever the tool does, it is
//! not run, and the report names it.
//!
//! [`hooks`] is the table: one row for each way, planted in a tenant of its own. [`catalog`] holds it
//! against what the server's catalog says can refer to a function, [`stage`] plants it, and
//! [`commands`] runs each command and judges.

mod catalog;
mod commands;
mod hooks;
mod races;
mod stage;
mod trust;
mod unlockable;

use commands::Judge;
use hooks::{ALONE, Hook, all};
use stage::{Arms, Runner, Stage};

/// Runs everything that the role may run, once each hook is planted; tells what is wrong.
async fn failures(runner: Runner, hooks: Vec<&'static Hook>) -> Vec<String> {
    let stage = Stage::build(runner, hooks, Arms::Raise).await;
    let mut judge = Judge::new(&stage);
    judge.looks().await;
    if runner != Runner::Reader {
        judge.applies().await;
        judge.applies_to_all().await;
        judge.holds().await;
        judge.requests().await;
        judge.loops().await;
    }
    let failures = judge.into_failures();
    stage.strike().await;
    failures
}

fn check(failures: &[String]) {
    assert!(failures.is_empty(), "{}\n\n{} in all", failures.join("\n"), failures.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_tenant_runs_as_a_superuser() {
    check(&failures(Runner::Superuser, all()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_tenant_runs_as_a_member_of_its_owner() {
    check(&failures(Runner::Member, all()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_tenant_runs_as_a_reader() {
    check(&failures(Runner::Reader, all()).await);
}

/// What concerns all tenants of a database is planted in a database of its own.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_concerns_the_whole_database_runs() {
    let mut all = Vec::new();
    for hook in ALONE.iter().filter(|hook| hook.is_offered()) {
        for runner in [Runner::Superuser, Runner::Member] {
            all.extend(failures(runner, vec![hook]).await);
        }
    }
    check(&all);
}
