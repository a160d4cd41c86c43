//! OpenTelemetry traces over OTLP, for builds with the feature `otlp`. The standard variables define
//! the destination: `OTEL_EXPORTER_OTLP_ENDPOINT` and the like; with none of them, nothing is sent.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Sends what is left when dropped.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts to send, if the environment says where to.
    pub fn start() -> Self {
        if ENDPOINTS.iter().all(|name| std::env::var_os(name).is_none()) {
            return Self(None);
        }
        let exporter = match SpanExporter::builder().with_http().build() {
            Ok(exporter) => exporter,
            Err(error) => {
                provision::cli::notice(&format!("no traces are sent: {error}"));
                return Self(None);
            }
        };
        let resource = Resource::builder().with_service_name(env!("CARGO_PKG_NAME")).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Self(Some(provider))
    }

    /// What turns spans of this program into traces.
    pub fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.0.as_ref()?.tracer(env!("CARGO_PKG_NAME"));
        let ours = Targets::new().with_target(env!("CARGO_PKG_NAME"), tracing::Level::INFO);
        Some(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.as_ref().map(SdkTracerProvider::shutdown) {
            provision::cli::notice(&format!("some traces were not sent: {error}"));
        }
    }
}
