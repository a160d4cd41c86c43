//! Progress of long work, on stderr: a bar on a terminal, log lines otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Global;
use crate::fleet::{Event, Fate};
use crate::name::printable;

/// What has been done of the work so far.
pub(super) struct Progress {
    bar: ProgressBar,
    failures: AtomicUsize,
}

const LOOKING: &str = "looking  {bar:30} {human_pos}/{human_len}  {per_sec}, {eta} left  {msg}";
const APPLYING: &str = "applying {bar:30} {human_pos}/{human_len}  {per_sec}, {eta} left  {msg}";

impl Progress {
    /// A bar of so many tenants; hidden where nobody would see it, or log lines would tear it.
    pub(super) fn new(global: &Global) -> Self {
        let target = if global.shows_progress() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, failures: AtomicUsize::new(0) }
    }

    fn phase(&self, template: &str, of: usize) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        self.bar.set_length(of as u64);
    }

    /// The look at so many tenants begins.
    pub(super) fn looking(&self, of: usize) {
        self.phase(LOOKING, of);
    }

    /// So many more have been looked at.
    pub(super) fn looked(&self, more: usize) {
        self.bar.inc(more as u64);
    }

    /// What happens in an apply.
    pub(super) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Looking(of) => self.looking(*of),
            Event::Looked(more) => self.looked(*more),
            Event::Starting(of) => {
                tracing::info!(tenants = of, "tenants to bring up to date");
                self.phase(APPLYING, *of);
            }
            Event::Stage { number, of, tenants } => {
                tracing::info!(stage = number, of, tenants, "stage started");
            }
            Event::Done(done) => {
                self.bar.inc(1);
                if let Fate::Failed { error } = &done.fate {
                    let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                    let said = printable(&format!("{failures} failed, last: {}", error.message));
                    self.bar.set_message(said.lines().next().unwrap_or_default().to_owned());
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
