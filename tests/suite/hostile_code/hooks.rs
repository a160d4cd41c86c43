//! The ways: what is planted, by whom, and what must come of it.
//!
//! In all texts `{t}` is the tenant's schema, and `{h}` another schema of the same owner.

mod record;
mod server;
mod table;
mod types;

pub use record::ALONE;

use crate::support::server_major;

/// One way to have code run by whoever touches a tenant.
pub struct Hook {
    /// The tenant's id, and its schema's name.
    pub name: &'static str,
    /// The columns of the server's catalog through which it refers to a function.
    pub covers: &'static [&'static str],
    /// The first major version that offers it.
    pub since: u32,
    /// Run before the functions are made.
    pub first: &'static str,
    /// The functions: what follows CREATE FUNCTION, and what they return until they are armed.
    pub code: &'static [(&'static str, &'static str)],
    /// Plants it.
    pub sql: &'static str,
    pub by: By,
    /// What reports must say.
    pub told: &'static str,
    pub end: End,
    /// Whether it is about the tenant's record, which is made by the tool beforehand, and which
    /// looks need not tell of.
    pub is_of_record: bool,
    /// Whether the functions belong to somebody else than the schema.
    pub is_of_stranger: bool,
}

/// Who plants it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The role that owns the tenant's schema and all in it.
    Owner,
    /// A superuser, with functions of that role.
    Superuser,
    /// A superuser, after the functions are armed: it concerns every statement.
    SuperuserAtLast,
}

/// What `apply` does about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The steps of table `t` are held back, and the others are done.
    HeldBack,
    /// The tenant is refused, or so much of it as is concerned.
    Refused,
    /// There is no code to be run: what is missing is added, whatever the record says.
    Restored,
    /// None of the tool's statements would run it.
    Inert,
}

impl End {
    /// The exit codes of `apply` that are right.
    pub fn codes(self) -> &'static [i32] {
        match self {
            Self::HeldBack => &[3],
            Self::Refused => &[1, 3],
            Self::Restored | Self::Inert => &[0, 3],
        }
    }
}

/// What most have in common.
pub const HOOK: Hook = Hook {
    name: "",
    covers: &[],
    since: 14,
    first: "",
    code: &[("f(text) RETURNS text", "'x'")],
    sql: "",
    by: By::Owner,
    told: "{t}_x",
    end: End::HeldBack,
    is_of_record: false,
    is_of_stranger: false,
};

impl Hook {
    pub fn is_offered(&self) -> bool {
        self.since <= server_major()
    }

    /// A text with the names of the schemas in it.
    pub fn filled(&self, text: &str) -> String {
        text.replace("{record}", record::FORGED)
            .replace("{t}", self.name)
            .replace("{h}", &format!("{}_home", self.name))
    }

    /// What reports must say.
    pub fn told(&self) -> String {
        self.filled(self.told)
    }
}

/// All that the server offers and that can be planted side by side.
pub fn all() -> Vec<&'static Hook> {
    let all = table::HOOKS.iter().chain(server::HOOKS).chain(types::HOOKS).chain(record::HOOKS);
    all.filter(|hook| hook.is_offered()).collect()
}
