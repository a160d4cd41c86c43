//! Runs each command on what is planted, and judges what comes of it.

use provision::hold::{HoldRequest, Reason};
use provision::{reconcile, report};

use super::hooks::{End, Hook};
use super::stage::{RAISED, Runner, Scene, Stage};
use crate::support::tool::RunReport;
use crate::support::{self, tenant, told};

/// That all is done which has nothing to do with table `t`.
const REST_DONE: &str = "EXISTS (SELECT FROM pg_attribute WHERE attname = 'more' \
    AND attrelid = '{t}.u'::regclass AND NOT attisdropped) \
    AND (SELECT count(*) FROM {t}.u) = 2 AND to_regclass('{t}.n') IS NOT NULL";

/// That the column that table `t` misses was added.
pub const COLUMN_ADDED: &str = "EXISTS (SELECT FROM pg_attribute WHERE attname = 'more' \
    AND attrelid = '{t}.t'::regclass AND NOT attisdropped)";

/// Collects what is wrong, so that one run tells all.
pub struct Judge<'s> {
    stage: &'s Stage,
    failures: Vec<String>,
}

impl<'s> Judge<'s> {
    pub fn new(stage: &'s Stage) -> Self {
        Self { stage, failures: Vec::new() }
    }

    pub fn into_failures(self) -> Vec<String> {
        self.failures
    }

    /// The commands that only look.
    pub async fn looks(&mut self) {
        let scene = self.stage.scene().await;
        let hooks = self.stage.hooks.clone();
        let ended = self.ran(&scene, &["validate"], &hooks).await;
        self.expect(ended.code == Some(0), "validate", &ended);
        for args in [&["plan", "--all"][..], &["drift"]] {
            let ended = self.ran(&scene, args, &hooks).await;
            for hook in self.hooks().filter(|hook| !hook.is_of_record) {
                self.tells(&args.join(" "), hook, &text(&ended));
            }
        }
        // Each tenant within this process, which is cheaper; the first one as a command, too.
        if let Some(hook) = self.hooks().next() {
            self.ran(&scene, &["plan", hook.name], &[hook]).await;
            self.ran(&scene, &["status", hook.name], &[hook]).await;
        }
        let context = scene.context();
        for hook in self.hooks() {
            let planned = support::plan(&context, hook.name).await;
            let planned = planned.map_or_else(|error| told(&error), |plan| report::to_line(&plan));
            self.left_no_trace(&format!("plan {}", hook.name), &scene, &[hook], &planned).await;
            if !hook.is_of_record {
                self.tells("plan", hook, &planned);
            }
            let status = reconcile::status(&context, &tenant(&context, hook.name), 1).await;
            let status = status.map_or_else(|error| told(&error), |status| report::status(&status));
            self.left_no_trace(&format!("status {}", hook.name), &scene, &[hook], &status).await;
        }
    }

    /// `apply` of each tenant.
    pub async fn applies(&mut self) {
        let scene = self.stage.scene().await;
        for hook in self.hooks() {
            let ended = self.ran(&scene, &["apply", hook.name], &[hook]).await;
            let is_right = ended.code.is_some_and(|code| hook.end.codes().contains(&code));
            self.expect(is_right, &format!("the exit code of apply {}", hook.name), &ended);
            self.tells("apply", hook, &text(&ended));
            let is_done = hook.end != End::Refused || ended.code == Some(3);
            self.is_done("apply", &scene, hook, is_done).await;
        }
    }

    /// `apply --all`.
    pub async fn applies_to_all(&mut self) {
        let scene = self.stage.scene().await;
        let ended =
            self.ran(&scene, &["apply", "--all", "--format", "json"], &self.stage.hooks).await;
        let is_right = matches!(ended.code, Some(1 | 3));
        self.expect(is_right, "the exit code of apply --all", &ended);
        for hook in self.hooks() {
            self.tells("apply --all", hook, &text(&ended));
            self.is_done("apply --all", &scene, hook, hook.end != End::Refused).await;
        }
    }

    /// `hold` and `release` of each tenant.
    pub async fn holds(&mut self) {
        let scene = self.stage.scene().await;
        let context = scene.context();
        let reason = Reason::new("a test").expect("a reason");
        let request = HoldRequest { reason, until: None, by: None };
        for hook in self.hooks() {
            let tenant = tenant(&context, hook.name);
            let held = reconcile::hold(&context, &tenant, &request).await;
            let held = held.map_or_else(|error| told(&error), |held| report::held(&held));
            self.left_no_trace(&format!("hold {}", hook.name), &scene, &[hook], &held).await;
            let released = reconcile::release(&context, &tenant).await;
            let released =
                released.map_or_else(|error| told(&error), |released| report::released(&released));
            self.left_no_trace(&format!("release {}", hook.name), &scene, &[hook], &released).await;
        }
    }

    /// A POST to the service for each tenant.
    pub async fn requests(&mut self) {
        let scene = self.stage.scene().await;
        let service = scene.service("0");
        for hook in self.hooks() {
            let path = format!("/ops/provision/{}", hook.name);
            let answer = service.post(&path).await;
            self.left_no_trace(&path, &scene, &[hook], &answer.body).await;
            let is_complete = hook.end != End::HeldBack && scene.is_true(hook, COLUMN_ADDED).await;
            if answer.status == 200 && !is_complete {
                self.failures.push(self.told(&path, &format!("{answer:?}")));
            }
            // Why a tenant is refused may stand in the log only.
            self.tells("POST", hook, &format!("{}{}", answer.body, service.log()));
            self.is_done("POST", &scene, hook, hook.end != End::Refused).await;
        }
        self.left_no_trace("the service", &scene, &self.stage.hooks, &service.log()).await;
    }

    /// A pass of the service's loop.
    pub async fn loops(&mut self) {
        let scene = self.stage.scene().await;
        let service = scene.service("3600");
        service.logs("a reconcile pass has ended").await;
        self.left_no_trace("the loop", &scene, &self.stage.hooks, &service.log()).await;
        for hook in self.hooks() {
            self.is_done("the loop", &scene, hook, hook.end != End::Refused).await;
        }
    }

    fn hooks(&self) -> impl Iterator<Item = &'static Hook> + use<> {
        self.stage.hooks.clone().into_iter()
    }

    /// Runs a command on the tenants of these hooks.
    async fn ran(&mut self, scene: &Scene<'_>, args: &[&str], hooks: &[&Hook]) -> RunReport {
        let command = args.join(" ");
        let ended = scene.tool(args);
        let is_over = ended.code.is_some_and(|code| code < 100) && !ended.stderr.contains("panic");
        self.expect(is_over, &format!("the end of {command}"), &ended);
        self.left_no_trace(&command, scene, hooks, &text(&ended)).await;
        ended
    }

    async fn left_no_trace(
        &mut self,
        command: &str,
        scene: &Scene<'_>,
        hooks: &[&Hook],
        output: &str,
    ) {
        let traces = scene.traces(hooks).await;
        if !traces.is_empty() || output.contains(RAISED) {
            let traces = format!("{command} ran code of: {}", traces.join(" "));
            let lines: Vec<&str> = output.lines().filter(|line| line.contains(RAISED)).collect();
            self.failures.push(self.told(&traces, &lines.join("\n")));
        }
    }

    fn tells(&mut self, command: &str, hook: &Hook, output: &str) {
        let expected = hook.told();
        if !output.contains(&expected) {
            let what = format!("{command} does not tell of {}: {expected:?}", hook.name);
            self.failures.push(self.told(&what, ""));
        }
    }

    async fn is_done(&mut self, command: &str, scene: &Scene<'_>, hook: &Hook, is_expected: bool) {
        if is_expected && !scene.is_true(hook, REST_DONE).await {
            let what = format!("{command} leaves out the rest of {}", hook.name);
            self.failures.push(self.told(&what, ""));
        }
        if hook.end == End::Restored && !scene.is_true(hook, COLUMN_ADDED).await {
            let what = format!("{command} does not restore {}", hook.name);
            self.failures.push(self.told(&what, ""));
        }
    }

    fn expect(&mut self, is_right: bool, what: &str, ended: &RunReport) {
        if !is_right {
            self.failures.push(self.told(what, &format!("{:?}\n{}", ended.code, text(ended))));
        }
    }

    fn told(&self, what: &str, output: &str) -> String {
        // The end says how it went.
        let start = output.char_indices().rev().nth(600).map_or(0, |(at, _)| at);
        let output = output[start..].trim().replace('\n', "\n      ");
        let who = match self.stage.runner {
            Runner::Superuser => "superuser",
            Runner::Member => "member",
            Runner::Reader => "reader",
        };
        if output.is_empty() {
            format!("{who}: {what}")
        } else {
            format!("{who}: {what}\n      {output}")
        }
    }
}

fn text(ended: &RunReport) -> String {
    format!("{}{}", ended.stdout, ended.stderr)
}
