//! Exit codes.

/// How a command ends. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: an error, wrong usage included.
    Failed,
    /// 2: changes are pending (`plan --detailed-exitcode`), or tenants have drifted.
    Pending,
    /// 3: done as far as allowed, but drift remains that is not touched.
    DriftRemains,
}

impl Exit {
    /// As the operating system receives it.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Pending => 2,
            Self::DriftRemains => 3,
        }
    }
}
