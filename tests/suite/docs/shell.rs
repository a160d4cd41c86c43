//! Just enough of a shell to read the commands in our own pages.

/// The simple commands of a script, each as its words: without variables set for them, comments and
/// redirections.
pub fn commands(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ");
    let mut commands = Vec::new();
    for line in script.lines() {
        let mut command: Vec<String> = Vec::new();
        let mut words = tokens(line).into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "&&" | "||" | "|" | ";" | "&" => commands.push(std::mem::take(&mut command)),
                ">" | ">>" | "<" | "2>" => drop(words.next()),
                word if command.is_empty() && is_assignment(word) => {}
                _ => command.push(word),
            }
        }
        commands.push(command);
    }
    commands.retain(|command| !command.is_empty());
    commands
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Words without their quotes; operators are words of their own.
fn tokens(line: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => {
                word.get_or_insert_default().extend(chars.next());
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => tokens.extend(word.take()),
            (None, '&' | '|' | ';' | '<' | '>') => {
                let is_error_stream = c == '>' && word.as_deref() == Some("2");
                if is_error_stream {
                    word = None;
                }
                tokens.extend(word.take());
                let mut operator = String::from(c);
                while chars.peek() == Some(&c) {
                    operator.extend(chars.next());
                }
                tokens.push(if is_error_stream { format!("2{operator}") } else { operator });
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    tokens.extend(word);
    tokens
}

#[test]
fn a_script_is_split_like_in_a_shell() {
    let script = "A=1 provision plan acme --out 'a b.json' && \\\n  provision apply # done\n\
                  provision drift > d.md 2>/dev/null || status=$?\npsql \"$URL\" -c \"a \\\"b\\\"\"";
    assert_eq!(
        commands(script),
        [
            vec!["provision", "plan", "acme", "--out", "a b.json"],
            vec!["provision", "apply"],
            vec!["provision", "drift"],
            vec!["psql", "$URL", "-c", "a \"b\""],
        ]
    );
}
