use std::time::Duration;

use alphafleet_domain::{Instant, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// What an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claims {
    pub user: UserId,
    pub expires_at: Instant,
}

#[derive(Serialize, Deserialize)]
struct WireClaims {
    sub: UserId,
    iat: i64,
    exp: i64,
}

/// Issues and reads access tokens: JWT, HS256.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl: Duration,
}

impl Tokens {
    /// RFC 7518, 3.2: a key as long as the hash.
    pub const MIN_SECRET_BYTES: usize = 32;

    pub fn new(secret: &str, ttl: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "iat", "sub"]);
        validation.leeway = 0;
        // By our own clock, below.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            validation,
            ttl,
        }
    }

    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    pub fn issue(&self, user: UserId, now: Instant) -> Result<String, jsonwebtoken::errors::Error> {
        let ttl = TimeDelta::from_std(self.ttl).unwrap_or(TimeDelta::hours(12));
        let claims = WireClaims { sub: user, iat: now.timestamp(), exp: (now + ttl).timestamp() };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// The claims of a token of ours that has not expired.
    pub fn read(&self, token: &str, now: Instant) -> Option<Claims> {
        let claims = decode::<WireClaims>(token, &self.decoding, &self.validation).ok()?.claims;
        let expires_at: DateTime<Utc> = DateTime::from_timestamp(claims.exp, 0)?;
        (now < expires_at).then_some(Claims { user: claims.sub, expires_at })
    }
}

/// Compares secrets in a time that does not depend on where they differ.
pub(crate) fn same_secret(given: &str, secret: &SecretString) -> bool {
    given.as_bytes().ct_eq(secret.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn only_our_unexpired_tokens_are_read() {
        let tokens = Tokens::new(SECRET, Duration::from_secs(60));
        let (user, now) = (UserId::new(), Utc::now());
        let token = tokens.issue(user, now).unwrap();
        assert_eq!(tokens.read(&token, now).unwrap().user, user);
        assert!(tokens.read(&token, now + TimeDelta::seconds(61)).is_none());
        let other = Tokens::new(&SECRET.replace('0', "x"), Duration::from_secs(60));
        assert!(other.read(&token, now).is_none());
        assert!(tokens.read("not.a.token", now).is_none());
        // {"alg":"none"}
        let body = token.split('.').nth(1).unwrap();
        assert!(tokens.read(&format!("eyJhbGciOiJub25lIn0.{body}."), now).is_none());
    }

    #[test]
    fn secrets_compare() {
        let secret = SecretString::from("abc");
        assert!(same_secret("abc", &secret));
        assert!(!same_secret("abd", &secret) && !same_secret("", &secret));
    }
}
