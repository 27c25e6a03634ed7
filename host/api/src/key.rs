//! The API key: where a client may put it, and whether it is the right one.

use crate::query;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The name of the header (in any case), the query parameter or the cookie that carries the key.
pub(crate) const NAME: &str = "X-API-KEY";

/// The digest of the API key. The key itself is not kept.
#[derive(Clone, Copy)]
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn new(text: &str) -> Self {
        Self(digest(text.as_bytes()))
    }

    /// Whether the request presents this key at one of the three places.
    pub(crate) fn opens(&self, request: &Parts) -> bool {
        let in_header = request.headers.get_all(NAME).iter().any(|value| self.is(value.as_bytes()));
        in_header
            || query::pairs(&request.uri).iter().any(|(name, value)| name == NAME && self.is(value.as_bytes()))
            || cookies(request).any(|(name, value)| name == NAME && self.is(value.as_bytes()))
    }

    /// Digests have one length and tell nothing about the key, so time tells nothing either.
    fn is(&self, presented: &[u8]) -> bool {
        !presented.is_empty() && bool::from(digest(presented).ct_eq(&self.0))
    }
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Name and value of each cookie (RFC 6265 section 5.4), without the quotes that a value may have.
fn cookies(request: &Parts) -> impl Iterator<Item = (&str, &str)> {
    let lines = request.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}
