//! How names and values are displayed in messages and reports: as text without side effects.
//!
//! Whoever may create a table in a tenant's schema chooses its name. Terminals obey control
//! sequences, people are misled by characters that change the direction of text, and workflow
//! runners take lines such as `::error::…` for commands.

/// The text in one line, with an escape for each character that may mislead: control characters and
/// line breaks, those that change the direction of text, and invisible ones. It is not a command to
/// a workflow runner (GitHub, Azure, `TeamCity`), wherever it is in a line. Escaping text that is
/// already escaped changes nothing.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // GitHub obeys a line that begins with "::", after any spaces.
    let commands = text.trim_start().starts_with("::");
    let start = text.len() - text.trim_start().len();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '\n' | '\r' | '\t' => shown.extend(c.escape_default()),
            _ if c.is_control() || is_misleading(c) => shown.extend(c.escape_unicode()),
            ':' if commands && at == start => shown.extend(c.escape_unicode()),
            // Others obey "##[…]" and "##name[…]", GitHub's older runners among them.
            '#' if before == '#' => shown.extend(c.escape_unicode()),
            _ => shown.push(c),
        }
        before = c;
    }
    shown
}

/// The same for text of several lines, such as a statement: its line breaks stay.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// JSON text that means the same and is as safe to display: serializers of JSON escape hardly more
/// than line breaks.
#[must_use]
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    let mut before = ' ';
    for c in json.chars() {
        // Outside strings, none of these occurs except line breaks.
        let is_active =
            c != '\n' && c.is_control() || is_misleading(c) || c == '#' && before == '#';
        if is_active {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(c);
        }
        before = c;
    }
    shown
}

/// Whether text with it can be read as something else.
fn is_misleading(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'
        | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_be_obeyed_is_shown() {
        for (text, shown) in [
            ("a\u{1b}[2Jb\u{202e}c\n\td\u{9b}", "a\\u{1b}[2Jb\\u{202e}c\\n\\td\\u{9b}"),
            ("Peão 🦀 नमस्ते", "Peão 🦀 नमस्ते"),
            ("a\n::error title=x::y", "a\\n::error title=x::y"),
            ("::error::x", "\\u{3a}:error::x"),
            ("\u{a0} ::error::x", "\u{a0} \\u{3a}:error::x"),
            ("a##[error]b", "a#\\u{23}[error]b"),
            ("a::b # c", "a::b # c"),
            ("x\u{2028}y\u{200b}z", "x\\u{2028}y\\u{200b}z"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert_eq!(printable_lines("a\n ::b\rc\n"), "a\n \\u{3a}:b\\rc\n");
    }

    proptest! {
        #[test]
        fn no_text_can_do_anything(text in any::<String>()) {
            let shown = printable(&text);
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(!shown.trim_start().starts_with("::") && !shown.contains("##"));
            prop_assert_eq!(printable(&shown), shown);
            let json = printable_json(&serde_json::to_string_pretty(&[&text]).unwrap());
            prop_assert!(!json.chars().any(|c| c != '\n' && (c.is_control() || is_misleading(c))));
            prop_assert!(!json.contains("##"));
            prop_assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [text]);
        }
    }
}
