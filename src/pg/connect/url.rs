//! The parts of a connection URL; its errors contain nothing of the password.

use std::borrow::Cow;

use crate::pg::error::PgError;

/// The parameters that a connection URL may have.
const URL_PARAMETERS: [&str; 14] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "connect_timeout",
    "channel_binding",
];

/// A parameter's name and value.
type Parameter<'u> = (Cow<'u, str>, Cow<'u, str>);

/// The URL up to its parameters, and the parameters.
///
/// # Errors
/// When it is not a URL of a database, or uses something that is not supported.
pub(super) fn split(url: &str) -> Result<(&str, Vec<Parameter<'_>>), PgError> {
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        return Err(PgError::setting("a database URL starts with postgres:// or postgresql://"));
    }
    check_encoding(url)?;
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let parameters: Vec<Parameter<'_>> = form_urlencoded::parse(query.as_bytes()).collect();
    for (key, _) in &parameters {
        if !URL_PARAMETERS.contains(&&**key) && !key.starts_with("options[") {
            return Err(PgError::setting(match name_of_parameter(key) {
                Some(name) => {
                    format!("the parameter {name:?} in the database URL is not supported")
                }
                None => "a parameter in the database URL is not supported".to_owned(),
            }));
        }
    }
    Ok((base, parameters))
}

/// Where a password or a name contains characters that have a meaning in a URL, a part of it would be
/// taken for something else, and be shown as such.
fn check_encoding(url: &str) -> Result<(), PgError> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if rest.get(authority_end..).is_some_and(|path| path.contains(['@', '#'])) {
        return Err(PgError::setting(
            "the database URL has an @ or # after the host; in a user's name, a password, a \
             database's name and a parameter, write @ as %40, / as %2F, ? as %3F and # as %23",
        ));
    }
    Ok(())
}

/// The name of a parameter, if it is safe to show: what does not look like one may be a part of a password.
fn name_of_parameter(key: &str) -> Option<&str> {
    let is_name = key.len() <= 32 && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    is_name.then_some(key)
}

#[cfg(test)]
mod tests {
    use crate::pg::Target;

    #[test]
    fn unusable_urls_are_refused_without_repeating_them() {
        for url in [
            "mysql://me:s3cret@h/d",
            "host=h password=s3cret",
            "postgres://me:s3cret@h:port/d",
            "postgres://me:s3cret@h/d?sslmode=s3cret",
            "postgres://me@h/d?sslpassword=s3cret",
            "postgres://me:s3cret@h/d?connect_timeout=soon",
            "postgres://me:s3cret@h/d?sslmode=require&sslrootcert=system",
            "postgres://me:?s3cret@h/d",
            "postgres://me:?s3cret",
            "postgres://me:1/s3cret@h/d",
            "postgres://s3cret:12@et/x@h/d",
            "postgres://me:12#s3cret@h/d",
            "postgres://me:12#s3cret",
            "postgres://me:x@h/d?s3cret&user=u",
            "postgres://me:x@h/d?application_name=a@s3cret",
        ] {
            let error = Target::from_url(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn parameters_are_named_and_characters_with_a_meaning_are_encoded() {
        let error = Target::from_url("postgres://h/d?target_session_attrs=any").unwrap_err();
        assert!(error.to_string().contains("\"target_session_attrs\""), "{error}");
        let error = Target::from_url("postgres://me:s3:cr@et/x@h/d").unwrap_err();
        assert!(error.to_string().contains("write @ as %40"), "{error}");
        let target = Target::from_url("postgres://m%40e:s%2F3@h/d%40d?application_name=a%23b");
        assert_eq!(target.unwrap().to_string(), "m@e@h:5432/d@d");
        let target = Target::from_url("postgres://me:s3:cr@et@h/d").unwrap();
        assert_eq!(target.to_string(), "me@h:5432/d");
    }
}
