//! How errors are shown: with their causes.

use std::error::Error;

/// The messages of its causes, each once: one that the message before ends with is left out.
#[must_use]
pub fn of(error: &dyn Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut last = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !last.ends_with(&message) {
            causes.push(message.clone());
            last = message;
        }
        cause = error.source();
    }
    causes
}

/// The error and its causes in one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let causes = of(error).into_iter();
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
