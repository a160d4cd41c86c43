//! The tenant of an operation, and how it ended.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::name::{SchemaName, TenantId};

/// A tenant and its schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenant {
    #[serde(rename = "tenant")]
    pub id: TenantId,
    pub schema: SchemaName,
}

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The tenant was current; nothing was written.
    Current,
    /// Committed, under this id in the tenant's record.
    Done { apply_id: Uuid, created: bool },
}

impl Outcome {
    /// For logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Done { created: true, .. } => "created",
            Self::Done { created: false, .. } => "updated",
        }
    }
}

/// In whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
