//! All tests against a real PostgreSQL server, in one binary, so that they share one throwaway
//! cluster. `PROVISION_TEST_URL` (or `DATABASE_URL`) makes them use another server, on which the
//! user must be allowed to create databases.

mod adoption;
mod cli;
mod example;
mod faults;
mod golden;
mod hostile;
mod property;
mod support;
