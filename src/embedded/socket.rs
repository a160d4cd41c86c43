//! The folder of the socket. The path of a Unix socket is limited to about a hundred bytes.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::PORT;

/// Fits `sun_path` on all systems (104 bytes with the NUL on some) with the socket's own name.
const LONGEST_DIR: usize = 103 - "/.s.PGSQL.5432".len();

/// The socket's folder for a cluster in `root`: inside it, or, if its path is too long, one
/// in the system's folder for temporary files that is named after it.
pub(super) fn directory(root: &Path, major: &str) -> PathBuf {
    let inside = root.join(major).join("socket");
    if inside.as_os_str().len() <= LONGEST_DIR {
        return inside;
    }
    let digest = Sha256::digest(inside.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    Path::new("/tmp").join(format!("provision-{name}"))
}

/// Whether a server answers: a process that merely has the id of a dead one does not.
pub(super) fn answers(dir: &Path) -> bool {
    UnixStream::connect(dir.join(format!(".s.PGSQL.{PORT}"))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_roots_get_a_short_socket() {
        assert_eq!(directory(Path::new("/a"), "15"), Path::new("/a/15/socket"));
        let long = PathBuf::from(format!("/{}", "x".repeat(200)));
        let dir = directory(&long, "15");
        assert!(dir.as_os_str().len() <= LONGEST_DIR, "{}", dir.display());
        assert_ne!(dir, directory(&long, "16"));
    }
}
