//! Bearer tokens (RFC 6750), compared as digests in constant time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// A token is at least this long, in bytes.
pub const TOKEN_BYTES: usize = 32;

/// The current one and the one before or after it.
const TOKENS: usize = 2;

/// How many failures from one address within [`WINDOW`] are answered with 401; more get 429.
const FAILURES: u32 = 20;
const WINDOW: Duration = Duration::from_mins(1);

/// How many addresses are remembered.
const ADDRESSES: usize = 10_000;

type TokenDigest = [u8; 32];

/// The accepted tokens. Only their digests are kept.
#[derive(Default)]
pub struct Tokens {
    full: Vec<TokenDigest>,
    read: Vec<TokenDigest>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({} full, {} read-only)", self.full.len(), self.read.len())
    }
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everything.
    Full,
    /// What changes nothing.
    Read,
}

/// Why tokens are refused. The tokens themselves are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("there is no token")]
    None,
    #[error("there are {0} tokens; at most two, the old and the new one, are taken")]
    TooMany(usize),
    #[error("a token is shorter than {TOKEN_BYTES} bytes")]
    Short,
    #[error("a token has characters other than visible ASCII")]
    Characters,
    #[error("a token is both full and read-only")]
    Both,
}

impl Tokens {
    /// Reads tokens that are separated by white space: one or two that allow everything, and up to
    /// two that allow reading only.
    ///
    /// # Errors
    /// When a token is too short or cannot be sent in a header, or there are too few or too many.
    pub fn parse(full: &str, read: Option<&str>) -> Result<Self, TokenError> {
        let full = digests(full)?;
        if full.is_empty() {
            return Err(TokenError::None);
        }
        let read = read.map(digests).transpose()?.unwrap_or_default();
        if read.iter().any(|digest| full.contains(digest)) {
            return Err(TokenError::Both);
        }
        Ok(Self { full, read })
    }

    /// What the request's token allows; `None` without one that is known.
    pub(super) fn access(&self, headers: &HeaderMap) -> Option<Access> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else {
            return None;
        };
        // RFC 9110, §11.1: the name of the scheme is case-insensitive.
        let (scheme, token) = value.as_bytes().split_at_checked(7)?;
        if !scheme.eq_ignore_ascii_case(b"Bearer ") {
            return None;
        }
        let given: TokenDigest = Sha256::digest(token.trim_ascii()).into();
        // All are compared, whichever matches.
        let any = |known: &[TokenDigest]| {
            let equal = known.iter().map(|known| known.ct_eq(&given));
            bool::from(equal.fold(Choice::from(0), |any, one| any | one))
        };
        match (any(&self.full), any(&self.read)) {
            (true, _) => Some(Access::Full),
            (false, true) => Some(Access::Read),
            (false, false) => None,
        }
    }
}

fn digests(text: &str) -> Result<Vec<TokenDigest>, TokenError> {
    let tokens: Vec<&str> = text.split_ascii_whitespace().collect();
    if tokens.len() > TOKENS {
        return Err(TokenError::TooMany(tokens.len()));
    }
    let digest = |token: &&str| {
        if token.len() < TOKEN_BYTES {
            return Err(TokenError::Short);
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Characters);
        }
        Ok(Sha256::digest(token).into())
    };
    tokens.iter().map(digest).collect()
}

/// Failures of authentication by address. A valid token is never delayed: behind a proxy, all clients
/// have one address.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failures: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Throttle {
    /// Counts a failure; the time to wait when there have been too many.
    pub(super) fn failed(&self, address: IpAddr) -> Option<Duration> {
        let now = Instant::now();
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ADDRESSES {
            all.retain(|_, (_, since)| now.duration_since(*since) < WINDOW);
            if all.len() >= ADDRESSES {
                all.clear();
            }
        }
        let (count, since) = all.entry(address).or_insert((0, now));
        if now.duration_since(*since) >= WINDOW {
            (*count, *since) = (0, now);
        }
        *count = count.saturating_add(1);
        (*count > FAILURES).then(|| WINDOW.saturating_sub(now.duration_since(*since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "fedcba9876543210fedcba9876543210";

    fn access(tokens: &Tokens, header: &str) -> Option<Access> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        tokens.access(&headers)
    }

    #[test]
    fn tokens_are_taken_only_whole() {
        let tokens = Tokens::parse(&format!("{ONE}\n"), Some(TWO)).unwrap();
        assert_eq!(access(&tokens, &format!("Bearer {ONE}")), Some(Access::Full));
        assert_eq!(access(&tokens, &format!("bearer {TWO}")), Some(Access::Read));
        for wrong in
            [ONE.trim_end_matches('f'), &format!("{ONE}0"), "", TWO.to_uppercase().as_str()]
        {
            assert_eq!(access(&tokens, &format!("Bearer {wrong}")), None);
        }
        assert_eq!(access(&tokens, &format!("Basic {ONE}")), None);
        assert_eq!(access(&tokens, ONE), None);
    }

    #[test]
    fn weak_and_confusing_tokens_are_refused() {
        let refused = |full: &str, read| Tokens::parse(full, read).unwrap_err();
        assert_eq!(refused(" \n", None), TokenError::None);
        assert_eq!(refused(ONE.trim_end_matches('f'), None), TokenError::Short);
        assert_eq!(refused(&format!("{ONE} {TWO} {ONE}x"), None), TokenError::TooMany(3));
        assert_eq!(refused(&"é".repeat(40), None), TokenError::Characters);
        assert_eq!(refused(ONE, Some(ONE)), TokenError::Both);
    }

    #[test]
    fn the_debug_form_shows_no_token() {
        let shown = format!("{:?}", Tokens::parse(ONE, None).unwrap());
        assert!(!shown.contains("0123"), "{shown}");
    }
}
