//! All tests against a real PostgreSQL server, in one binary, so that they share one throwaway
//! cluster. `PROVISION_TEST_URL` (or `DATABASE_URL`) makes them use another server, on which the
//! user must be allowed to create databases.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says so and ends"
)]

mod adoption;
mod allowed;
mod application;
mod architecture;
mod attributes;
mod choosing;
mod citus;
mod cli;
mod consent;
mod docs;
mod embedded;
mod example;
mod exceptions;
mod extensions;
mod faults;
mod fingerprint;
mod fleet;
mod fleet_plans;
mod fleet_stages;
mod fleet_stops;
mod functions;
mod golden;
mod grants;
mod hazards;
mod held;
mod holds;
mod hostile;
mod hostile_code;
mod inputs;
mod kept_by_server;
mod kept_rows;
mod labels;
mod output;
mod owners;
mod partitions;
mod pooler;
mod positions;
mod property;
mod remade_types;
mod removal;
mod renames;
mod renames_in_sql;
mod renames_needed;
mod rendering;
mod reports;
mod restarts;
mod row_security;
mod rows;
mod rows_in_the_way;
mod serve;
mod serve_connections;
mod serve_faults;
mod serve_leader;
mod serve_loop;
mod serve_reads;
mod serve_reload;
mod serve_stopping;
mod servers;
mod sql_files;
mod strangers;
mod support;
mod tls;
mod touched;
#[cfg(feature = "otlp")]
mod traces;
mod undeclared;
mod untrusted_overloads;
mod untrusted_rules;
mod untrusted_types_and_views;
mod views;
