//! Progress of long work, on stderr: a bar on a terminal, log lines otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::{Global, output};
use crate::fleet::{Event, HeldTenant, TenantOutcome};
use crate::name::printable;
use crate::words::counted;

/// How much of the work has been done so far.
pub(super) struct Progress {
    bar: ProgressBar,
    failures: AtomicUsize,
}

const CHECKING: &str = "checking {bar:30} {human_pos}/{human_len}  {pace}{msg}";
const APPLYING: &str = "applying {bar:30} {human_pos}/{human_len}  {pace}{msg}";

impl Progress {
    /// A bar of so many tenants; hidden where it would not be seen, or log lines would break it up.
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
            let pace = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = out.write_str(&pace(state.pos(), state.per_sec(), state.eta()));
            };
            self.bar.set_style(style.with_key("pace", pace));
        }
        self.bar.reset();
        self.bar.set_length(of as u64);
    }

    /// So many tenants are about to be surveyed.
    pub(super) fn surveying(&self, of: usize) {
        self.phase(CHECKING, of);
    }

    /// So many more have been surveyed.
    pub(super) fn surveyed(&self, more: usize) {
        self.bar.inc(more as u64);
    }

    /// An event of an apply.
    pub(super) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Surveying(of) => self.surveying(*of),
            Event::Surveyed(more) => self.surveyed(*more),
            Event::Held(all) => {
                for HeldTenant { tenant, hold, .. } in *all {
                    tracing::info!(%tenant, %hold, "left alone: somebody holds it");
                }
            }
            Event::Refused { tenants, error } => {
                let tenants = counted(*tenants, "tenant");
                self.bar.suspend(|| {
                    output::notice(&format!("refused beforehand: {tenants}: {}", error.message));
                });
            }
            Event::Starting(of) => {
                tracing::info!(tenants = of, "tenants to bring up to date");
                self.phase(APPLYING, *of);
            }
            Event::Stage { number, of, tenants } => {
                tracing::info!(stage = number, of, tenants, "stage started");
            }
            Event::Done(done) => {
                self.bar.inc(1);
                if let TenantOutcome::Failed { error } = &done.outcome {
                    let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                    let said = printable(&format!("{failures} failed, last: {}", error.message));
                    self.bar.set_message(said.lines().next().unwrap_or_default().to_owned());
                }
            }
        }
    }
}

/// Such as "34/s, 12s left  ". Before the first is done, nothing is known.
fn pace(done: u64, per_second: f64, left: Duration) -> String {
    if done == 0 || !per_second.is_normal() {
        return String::new();
    }
    let rate = match per_second {
        rate if rate >= 9.95 => format!("{rate:.0}/s"),
        rate if rate >= 1.0 => format!("{rate:.1}/s"),
        rate => format!("{:.1}/min", rate * 60.0),
    };
    let left = match left.as_secs() {
        0 => return format!("{rate}  "),
        seconds @ 1..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
    };
    format!("{rate}, {left} left  ")
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_readable_and_says_nothing_before_it_is_known() {
        let of = |done, per_second, left| pace(done, per_second, Duration::from_secs(left));
        assert_eq!(of(0, 0.0, 0), "");
        assert_eq!(of(0, 34.4887, 0), "");
        assert_eq!(of(1, 34.4887, 0), "34/s  ");
        assert_eq!(of(9, 34.4887, 12), "34/s, 12s left  ");
        assert_eq!(of(9, 3.4567, 185), "3.5/s, 3m 5s left  ");
        assert_eq!(of(9, 0.0512, 7_260), "3.1/min, 2h 1m left  ");
        assert_eq!(of(9, 12_345.6, 3), "12346/s, 3s left  ");
        assert_eq!(of(9, f64::INFINITY, 3), "");
        assert_eq!(of(9, f64::NAN, 3), "");
    }
}
