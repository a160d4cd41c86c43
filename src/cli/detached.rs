//! Blocking work that must not delay the end of the process.

use std::io;

use tokio::sync::oneshot;

use crate::error::Error;

/// Runs `work`, which is described by `doing`, on a thread of its own, and waits for it. The process
/// does not wait for that thread when it ends, as it would for one of the runtime's: a file that is
/// slow or blocks forever does not keep a signal from ending the process.
///
/// # Errors
/// When the thread cannot be started, or `work` panics.
pub(super) async fn run_detached<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let failed = |source| Error::Io { doing: doing.to_owned(), source };
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .spawn(move || {
            // A receiver that is gone needs no result.
            let _ = sender.send(work());
        })
        .map_err(failed)?;
    receiver.await.map_err(|_| failed(io::Error::other("the thread that did it has panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error() {
        assert_eq!(run_detached("count", || 1 + 1).await.unwrap(), 2);
        let error = run_detached("count", || panic!("on purpose")).await.unwrap_err();
        assert_eq!(
            crate::causes::chain(&error),
            "cannot count: the thread that did it has panicked"
        );
    }
}
