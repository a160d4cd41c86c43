//! Metrics: names, meanings, and how they are written for Prometheus.
//!
//! Nothing is counted until a [`Recorder`] is installed, and no label names a tenant. Names and
//! units follow Prometheus' guide (<https://prometheus.io/docs/practices/naming/>).

use std::path::Path;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::files;

const APPLIES: &str = "provision_applies_total";
const SCHEMAS: &str = "provision_schemas_provisioned_total";
const FAILURES: &str = "provision_failures_total";
const DURATION: &str = "provision_apply_duration_seconds";
const STATEMENTS: &str = "provision_statements_total";
const LOCK_WAIT: &str = "provision_lock_wait_seconds";
const TENANTS: &str = "provision_tenants";
const HELD: &str = "provision_tenants_held";
const LAST_SUCCESS: &str = "provision_reconcile_last_success_timestamp_seconds";
const LEADER: &str = "provision_reconcile_leader";
const LED: &str = "provision_reconcile_led";
const RELOADS: &str = "provision_reloads_total";
const BUILD_INFO: &str = "provision_build_info";
const REQUESTS: &str = "http_requests_total";
const REQUEST_DURATION: &str = "http_request_duration_seconds";
const IN_FLIGHT: &str = "http_requests_in_flight";

/// Upper bounds in seconds: an apply takes from a millisecond to minutes.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// Where all counts of this process are kept.
#[derive(Clone)]
pub struct Recorder(PrometheusHandle);

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// Starts counting, for the whole process. `None` if something else counts already.
    #[must_use]
    pub fn install() -> Option<Self> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
            .ok()?;
        let recorder = Self(builder.install_recorder().ok()?);
        describe();
        Some(recorder)
    }

    /// All counts in Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }

    /// Writes the counts where Prometheus' `node_exporter` reads them: to a new file that
    /// takes the old one's place, since a half-written one would be read.
    ///
    /// # Errors
    /// As [`files::write`].
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        files::write(path, &self.render())
    }
}

fn describe() {
    use metrics::Unit;
    describe_counter!(APPLIES, "Applies that ended, by result: created, updated, current, failed.");
    describe_counter!(SCHEMAS, "Tenant schemas created.");
    describe_counter!(FAILURES, "Applies that failed, by the error's code.");
    describe_histogram!(DURATION, Unit::Seconds, "Time of an apply, with its retries.");
    describe_counter!(STATEMENTS, "Statements committed, by kind.");
    describe_histogram!(
        LOCK_WAIT,
        Unit::Seconds,
        "Time of the message that takes a tenant's lock, the wait included."
    );
    describe_gauge!(TENANTS, "Tenants by state, as the leader's last reconcile pass left them.");
    describe_gauge!(
        HELD,
        "Tenants that somebody holds, whatever their state, as the leader's last reconcile pass found them."
    );
    describe_gauge!(
        LAST_SUCCESS,
        Unit::Seconds,
        "When a reconcile pass last ended with all tenants looked at and none failed."
    );
    describe_gauge!(LEADER, "1 if this replica leads the reconcile loop.");
    describe_gauge!(
        LED,
        "0 if nobody has been seen to lead the reconcile loop for two intervals, otherwise 1."
    );
    describe_counter!(
        RELOADS,
        "Times that the service was told to read its files again, by result: ok, refused, postponed."
    );
    describe_gauge!(BUILD_INFO, "Always 1; the version is a label.");
    describe_counter!(REQUESTS, "HTTP requests answered, by method, route and status.");
    describe_histogram!(REQUEST_DURATION, Unit::Seconds, "Time until an HTTP answer was ready.");
    describe_gauge!(IN_FLIGHT, "HTTP requests being worked on.");
    for result in ["created", "updated", "current", "failed"] {
        counter!(APPLIES, "result" => result).absolute(0);
    }
    counter!(SCHEMAS).absolute(0);
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// An apply has succeeded, with this result; `created`: it has created the schema. `statements` are the
/// kinds of the objects of the statements that were committed.
pub(crate) fn applied(
    result: &'static str,
    created: bool,
    statements: impl Iterator<Item = &'static str>,
    duration: Duration,
) {
    histogram!(DURATION).record(duration);
    counter!(APPLIES, "result" => result).increment(1);
    counter!(SCHEMAS).increment(u64::from(created));
    for kind in statements {
        counter!(STATEMENTS, "kind" => kind).increment(1);
    }
}

/// An apply has failed, with this code.
pub(crate) fn failed(code: &'static str, duration: Duration) {
    histogram!(DURATION).record(duration);
    counter!(APPLIES, "result" => "failed").increment(1);
    counter!(FAILURES, "code" => code).increment(1);
}

/// Tenants of a run were found current without an apply of their own.
pub(crate) fn found_current(tenants: usize) {
    counter!(APPLIES, "result" => "current").increment(u64::try_from(tenants).unwrap_or(u64::MAX));
}

/// A tenant's lock was taken after waiting this long.
pub(crate) fn locked(wait: Duration) {
    histogram!(LOCK_WAIT).record(wait);
}

/// The number of tenants in this state.
pub(crate) fn tenants(state: &'static str, count: usize) {
    gauge!(TENANTS, "state" => state).set(precise(count));
}

/// The number of tenants that are held.
pub(crate) fn held(count: usize) {
    gauge!(HELD).set(precise(count));
}

/// A reconcile pass has succeeded, at this Unix time.
pub(crate) fn reconciled(unix_seconds: i64) {
    #[expect(clippy::cast_precision_loss, reason = "seconds fit for millions of years")]
    gauge!(LAST_SUCCESS).set(unix_seconds as f64);
}

/// Whether this replica leads.
pub(crate) fn leads(leads: bool) {
    gauge!(LEADER).set(if leads { 1.0 } else { 0.0 });
}

/// Whether this replica or another leads, as far as this one knows.
pub(crate) fn led(led: bool) {
    gauge!(LED).set(if led { 1.0 } else { 0.0 });
}

/// The result of reading all files again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    Ok,
    /// Something was not usable, and what was read before stays.
    Refused,
    /// It could not be checked yet on any server whether the manifest is accepted.
    Postponed,
}

impl Reload {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Postponed => "postponed",
        }
    }
}

/// A service starts, which can be signalled to read its files again.
pub(crate) fn serves() {
    for result in [Reload::Ok, Reload::Refused, Reload::Postponed] {
        counter!(RELOADS, "result" => result.name()).absolute(0);
    }
}

/// The service was signalled to read its files again.
pub(crate) fn reloaded(result: Reload) {
    counter!(RELOADS, "result" => result.name()).increment(1);
}

/// A request was answered.
pub(crate) fn answered(method: &'static str, route: &str, status: u16, duration: Duration) {
    let route = route.to_owned();
    histogram!(REQUEST_DURATION, "method" => method, "route" => route.clone()).record(duration);
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status.to_string())
        .increment(1);
}

/// One more request, or one less, is being worked on.
pub(crate) fn in_flight(change: f64) {
    gauge!(IN_FLIGHT).increment(change);
}

#[expect(clippy::cast_precision_loss, reason = "there are less than 2^52 tenants")]
fn precise(count: usize) -> f64 {
    count as f64
}
