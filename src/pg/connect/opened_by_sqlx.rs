//! The files that sqlx opens by itself: it would wait forever for a pipe that nobody writes to.

use std::path::PathBuf;

use super::super::error::PgError;
use crate::files;

/// Parameters of a URL that may name a file, and the variables that are used without them.
const NAMING_FILES: [(&str, &str); 3] =
    [("sslrootcert", "PGSSLROOTCERT"), ("sslcert", "PGSSLCERT"), ("sslkey", "PGSSLKEY")];

/// Refuses pipes, devices and the like among the files that the URL's parameters, the variables
/// and the defaults name. What does not exist may not be needed; sqlx reports it if it is.
///
/// # Errors
/// [`PgError::File`], with the path.
pub(super) fn check<'v>(parameter: impl Fn(&str) -> Option<&'v str>) -> Result<(), PgError> {
    let named = NAMING_FILES.iter().filter_map(|(name, variable)| {
        let value = parameter(name).map(PathBuf::from);
        value.or_else(|| std::env::var_os(variable).map(PathBuf::from))
    });
    // sqlx reads the second when the first has no entry for the server.
    let passwords = [
        std::env::var_os("PGPASSFILE").map(PathBuf::from),
        etcetera::home_dir().ok().map(|home| home.join(".pgpass")),
    ];
    for path in named.chain(passwords.into_iter().flatten()) {
        files::check_regular(&path)?;
    }
    Ok(())
}
