//! Lines and columns of bytes that are asked for mostly in ascending order.

use crate::manifest::source::{Position, Source};

/// The place that was asked for last: a file may consist of one long line, whose characters are not to be counted
/// again for each token.
pub(super) struct Places<'s> {
    source: &'s Source,
    at: usize,
    position: Position,
}

impl<'s> Places<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { source, at: 0, position: source.position(0) }
    }

    pub(super) fn is_of(&self, source: &Source) -> bool {
        std::ptr::eq(self.source, source)
    }

    pub(super) fn text(&self) -> &'s str {
        &self.source.text
    }

    /// The place of a byte at which a character starts.
    pub(super) fn position(&mut self, at: usize) -> Position {
        match self.source.text.get(self.at..at) {
            Some(between) if !between.contains('\n') => {
                self.position.column += between.chars().count();
            }
            _ => self.position = self.source.position(at),
        }
        self.at = at;
        self.position.clone()
    }
}
