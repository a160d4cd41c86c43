//! Marks and colours. Whoever prints decides whether colours reach the terminal.

use anstyle::{AnsiColor, Style};

pub(super) const CREATED: Style = AnsiColor::Green.on_default();
pub(super) const CHANGED: Style = AnsiColor::Yellow.on_default();
pub(super) const REMOVED: Style = AnsiColor::Red.on_default();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const STRONG: Style = Style::new().bold();

/// Text in a style.
pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Text that a terminal shows as it is: names and values come from tenants, who could put control
/// sequences into them. Line breaks and tabs stay.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // Characters that reverse the direction of text can make it read as something else.
        let misleading = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if misleading || (c.is_control() && c != '\n' && c != '\t') {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_shown_not_obeyed() {
        assert_eq!(
            printable("a\u{1b}[2Jb\u{202e}c\n\td\u{9b}"),
            "a\\u{1b}[2Jb\\u{202e}c\n\td\\u{9b}"
        );
        assert_eq!(printable("Peão 🦀"), "Peão 🦀");
    }
}
