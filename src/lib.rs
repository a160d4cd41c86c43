//! Gives every tenant of a PostgreSQL application its own, complete, up-to-date schema, and proves
//! it.
//!
//! Data flows one way, for one tenant ([`reconcile`]) or for many ([`fleet`]):
//!
//! ```text
//! schema.toml, seeds/ ──▶ manifest ──▶ elaborate ──▶ catalog (desired) ─┐
//!                                                                      ├─▶ plan ─▶ pg (statements)
//!                  tenant's schema ──▶ pg ──────────▶ catalog (live) ───┘              │
//!                        ▲                                                             │
//!                        └────────────── verify, record, COMMIT ◀──────────────────────┘
//! ```
//!
//! What holds everywhere:
//!
//! - Plans only add. Nothing here drops or alters what it finds.
//! - The server decides what is equal: the two [`catalog`]s that are compared are in its own words and are
//!   read by the same code. Nothing is normalised by hand. Statements are composed of its
//!   words, too.
//! - What there is to know of a kind of object is in [`kinds`], and nowhere else.
//! - Between reading and executing, all is pure: [`catalog`], [`kinds`], [`plan`] and [`report`] do
//!   no IO and are not asynchronous.
//! - The executor makes no decisions: a [`plan::Plan`] is complete, and executing it is sending it.
//! - Schemas with the same fingerprint, a digest that the server computes, have the same model: what
//!   costs time is done once per shape, not once per tenant.
//! - One transaction per tenant, under its lock; it commits only after reading the schema again has found
//!   nothing left to do, and its record is committed with it. Of tenants that are alike, only
//!   what the plan touches is read again, which must have become what it became in the first of them.
//! - Imports point down: no two files need each other (`tests/suite/architecture.rs`).
//! - `sqlx` is used in [`pg`] only; only [`name`] quotes; only [`cli`] prints.
//!
//! To give a test of an application a tenant of its own:
//!
//! ```no_run
//! use provision::pg::Target;
//! use provision::reconcile::{self, Context};
//!
//! # async fn tenant_for_a_test(database_url: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let manifest = provision::manifest::load("schema.toml".as_ref())?;
//! let context = Context::new(manifest, Target::from_url(database_url)?);
//! let tenant = context.tenant(&"test-1".parse()?)?;
//! let applied = reconcile::apply(&context, &tenant, None).await?;
//! println!("schema {} is {}", tenant.schema, applied.outcome.name());
//! # Ok(())
//! # }
//! ```
//!
//! The modules, in the order of the flow:

pub mod name;

mod words;

pub mod causes;

pub mod explain;

pub mod files;

pub mod manifest;

pub mod locks;

pub mod hazards;

pub mod touched;

pub mod hold;

pub mod obstacle;

pub mod settings;

pub mod catalog;

pub mod consent;

pub mod kinds;

pub mod rows;

pub mod grants;

pub mod absent;

pub mod precondition;

pub mod plan;

pub mod checksum;

mod memo;

pub mod pg;

pub mod elaborate;

pub mod reconcile;

pub mod fleet;

pub mod report;

pub mod telemetry;

pub mod server;

pub mod embedded;

pub mod error;

pub mod cli;

pub use error::Error;

/// The Rust code on the page about the library is compiled with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
pub struct LibraryPage;
