//! What a person has allowed beyond additions.

use std::fmt;
use std::str::FromStr;

use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::catalog::Object;

/// What kinds of changes there are beside additions, which need no consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// In place: nothing is rewritten, and nothing is lost but the definition that is replaced.
    Alter,
    /// By rewriting a table, or by dropping what holds no data, such as an index, and creating it as declared.
    Rebuild,
    /// What is not declared is dropped, with the data in it.
    Drop,
}

/// Which changes may be made; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consent(Vec<Permission>);

/// A class of changes, of all objects or of those whose names match a pattern.
#[derive(Debug, Clone)]
struct Permission {
    class: Class,
    /// As an object is named in plans, such as `view open_*`; `*` is any text, `?` is one character.
    pattern: Option<GlobMatcher>,
}

/// What is written where consent is expected, and is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    #[error("{0:?} is no class of changes; there are \"alter\", \"rebuild\" and \"drop\"")]
    Class(String),
    #[error(
        "{0:?}: after the colon comes an object as plans name it, such as \"alter:view totals\""
    )]
    Empty(String),
    #[error("{pattern:?} is not a pattern: {reason}")]
    Pattern { pattern: String, reason: String },
}

impl Class {
    /// All of them.
    const ALL: [Self; 3] = [Self::Alter, Self::Rebuild, Self::Drop];

    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Alter => "alter",
            Self::Rebuild => "rebuild",
            Self::Drop => "drop",
        }
    }
}

impl Consent {
    /// All of several.
    #[must_use]
    pub fn all(several: impl IntoIterator<Item = Self>) -> Self {
        Self(several.into_iter().flat_map(|one| one.0).collect())
    }

    /// Whether it allows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is for some objects only.
    #[must_use]
    pub fn is_of_objects(&self) -> bool {
        self.0.iter().all(|permission| permission.pattern.is_some())
    }

    /// The rest, without what is of this class.
    #[must_use]
    pub fn without(self, class: Class) -> Self {
        Self(self.0.into_iter().filter(|permission| permission.class != class).collect())
    }

    /// Whether it allows changes of a class to an object.
    #[must_use]
    pub fn allows(&self, class: Class, object: &Object) -> bool {
        let matches = |permission: &&Permission| {
            let pattern = permission.pattern.as_ref();
            permission.class == class
                && pattern.is_none_or(|pattern| pattern.is_match(object.to_string()))
        };
        self.0.iter().any(|permission| matches(&permission))
    }

    /// Whether it allows changes of a class to an object that goes by several names.
    #[must_use]
    pub fn allows_any<'o>(
        &self,
        class: Class,
        objects: impl IntoIterator<Item = &'o Object>,
    ) -> bool {
        objects.into_iter().any(|object| self.allows(class, object))
    }

    /// The patterns that no declared object matches: they are likely to be typing errors. What may be dropped is not declared.
    #[must_use]
    pub fn unmatched<'o>(&self, objects: impl Iterator<Item = &'o Object>) -> Vec<String> {
        let of_declared = self.0.iter().filter(|permission| permission.class != Class::Drop);
        let patterns = of_declared.filter_map(|permission| permission.pattern.as_ref());
        let mut left: Vec<&GlobMatcher> = patterns.collect();
        for object in objects {
            if left.is_empty() {
                break;
            }
            let name = object.to_string();
            left.retain(|pattern| !pattern.is_match(&name));
        }
        left.into_iter().map(|pattern| unescaped(pattern.glob().glob())).collect()
    }

    /// The patterns of what may be dropped that match none of these names.
    #[must_use]
    pub fn unused_drops(&self, names: &[String]) -> Vec<String> {
        let drops = self.0.iter().filter(|permission| permission.class == Class::Drop);
        let patterns = drops.filter_map(|permission| permission.pattern.as_ref());
        let is_unused = |pattern: &&GlobMatcher| !names.iter().any(|name| pattern.is_match(name));
        patterns.filter(is_unused).map(|pattern| unescaped(pattern.glob().glob())).collect()
    }
}

/// Permissions with commas between them, such as `alter` or `alter:function f(integer, text),alter:view *`.
impl FromStr for Consent {
    type Err = ConsentError;

    fn from_str(text: &str) -> Result<Self, ConsentError> {
        // Names, and lists of arguments, have commas, too: a permission begins with a class.
        let begins = |rest: &str| {
            let word = rest.trim_start().split([':', ',']).next().unwrap_or_default();
            Class::ALL.iter().any(|class| class.word() == word.trim_end())
        };
        let (mut all, mut from) = (Vec::new(), 0);
        for (at, _) in text.match_indices(',') {
            if text.get(at + 1..).is_some_and(begins) {
                all.push(text.get(from..at).unwrap_or_default().parse()?);
                from = at + 1;
            }
        }
        all.push(text.get(from..).unwrap_or_default().parse()?);
        Ok(Self(all))
    }
}

impl FromStr for Permission {
    type Err = ConsentError;

    fn from_str(text: &str) -> Result<Self, ConsentError> {
        let (class, pattern) = match text.split_once(':') {
            Some((class, pattern)) => (class, Some(pattern.trim())),
            None => (text, None),
        };
        let class = class.trim();
        let class = Class::ALL
            .into_iter()
            .find(|known| known.word() == class)
            .ok_or_else(|| ConsentError::Class(class.to_owned()))?;
        let pattern = match pattern {
            Some("") => return Err(ConsentError::Empty(text.to_owned())),
            Some(pattern) => {
                let refused = |error: globset::Error| ConsentError::Pattern {
                    pattern: pattern.to_owned(),
                    reason: error.kind().to_string(),
                };
                Some(Glob::new(&escaped(pattern)).map_err(refused)?.compile_matcher())
            }
            None => None,
        };
        Ok(Self { class, pattern })
    }
}

/// Only `*` and `?` mean more than themselves: names of types have brackets in them.
fn escaped(pattern: &str) -> String {
    let each = pattern.chars().map(|c| match c {
        '[' | ']' | '{' | '}' | '\\' => format!("[{c}]"),
        c => c.to_string(),
    });
    each.collect()
}

/// The reverse of [`escaped`].
fn unescaped(glob: &str) -> String {
    let mut chars = glob.chars();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if c == '[' {
            text.extend(chars.next());
            chars.next();
        } else {
            text.push(c);
        }
    }
    text
}

impl PartialEq for Permission {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Permission {}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class.word())?;
        self.pattern
            .as_ref()
            .map_or(Ok(()), |pattern| write!(f, ":{}", unescaped(pattern.glob().glob())))
    }
}

impl fmt::Display for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(","))
    }
}

impl Serialize for Consent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for Consent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Vec::<String>::deserialize(deserializer)?;
        let all: Result<Vec<Self>, ConsentError> = all.iter().map(|text| text.parse()).collect();
        all.map(Self::all).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Kind;
    use crate::name::Ident;

    fn consent(text: &str) -> Consent {
        text.parse().unwrap()
    }

    fn view(name: &str) -> Object {
        Object::Member(Kind::View, Ident::new(name).unwrap())
    }

    #[test]
    fn it_is_for_all_objects_or_for_some() {
        let (totals, other) = (view("totals"), view("other"));
        assert!(!Consent::default().allows(Class::Alter, &totals));
        assert!(consent("alter").allows(Class::Alter, &totals));
        for (text, of_totals, of_other) in [
            ("alter:view totals", true, false),
            ("alter: view t*", true, false),
            ("alter:view *", true, true),
            ("alter:*", true, true),
            ("alter:table *", false, false),
            ("alter:totals", false, false),
        ] {
            let consent = consent(text);
            assert_eq!(consent.allows(Class::Alter, &totals), of_totals, "{text}");
            assert_eq!(consent.allows(Class::Alter, &other), of_other, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["", "delete", "Alter", "alter:", "alter: ", "alter,delete", ",alter"] {
            assert!(text.parse::<Consent>().is_err(), "{text}");
        }
    }

    #[test]
    fn there_may_be_several() {
        let both = consent("alter:function f(integer, text), alter:view o*");
        assert_eq!(
            both,
            Consent::all([consent("alter:function f(integer, text)"), consent("alter:view o*")])
        );
        assert!(both.allows(Class::Alter, &view("other")));
        assert!(!both.allows(Class::Rebuild, &view("other")));
        assert!(consent("alter,rebuild:view *").allows(Class::Rebuild, &view("other")));
    }

    #[test]
    fn only_two_signs_are_not_themselves() {
        for name in ["a[b]", "{x,y}", "a,b", "(", "!\\", "it's", "alter"] {
            let consent = consent(&format!("alter:view {name},rebuild"));
            assert!(consent.allows(Class::Alter, &view(name)), "{name}");
            assert!(!consent.allows(Class::Alter, &view("x")), "{name}");
            assert!(consent.allows(Class::Rebuild, &view("x")), "{name}");
            let text = serde_json::to_string(&consent).unwrap();
            assert_eq!(serde_json::from_str::<Consent>(&text).unwrap(), consent, "{name}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let both = Consent::all([consent("alter"), consent("alter:view t?")]);
        let text = serde_json::to_string(&both).unwrap();
        assert_eq!(text, r#"["alter","alter:view t?"]"#);
        assert_eq!(serde_json::from_str::<Consent>(&text).unwrap(), both);
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_found() {
        let all = Consent::all([consent("alter:view x*"), consent("alter:view o*")]);
        assert_eq!(all.unmatched([view("other")].iter()), ["view x*"]);
    }
}
