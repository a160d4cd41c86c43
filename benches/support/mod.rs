//! A server for a benchmark: embedded, durable, of its own.

use provision::embedded::{self, Cluster, Config, Durability};
use tokio::runtime::Builder;

/// Runs the benchmark on a new server, and removes it.
pub fn on_a_server(mut runtime: Builder, connections: u32, bench: impl AsyncFnOnce(&Cluster)) {
    let runtime = runtime.enable_all().build().expect("a runtime");
    let config = Config {
        root: std::env::temp_dir().join(format!("provision-bench-{}", std::process::id())),
        bin_dir: None,
        durability: Durability::Durable,
        settings: vec![("max_connections".into(), connections.to_string())],
    };
    let cluster = embedded::ensure_running(&config).expect("an embedded server");
    println!("PostgreSQL {}, fsync on", cluster.version);
    runtime.block_on(bench(&cluster));
    embedded::destroy(&config).expect("cleaning up");
}
