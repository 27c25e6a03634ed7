//! The API key: where a client may put it.

use crate::query;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use hostler_jobs::KeyDigest;
use subtle::ConstantTimeEq;

/// The name of the header (in any case), the query parameter or the cookie that carries the key.
pub(crate) const NAME: &str = "X-API-KEY";

/// The digest of the operator's key. The key itself is not kept.
#[derive(Clone, Copy)]
pub(crate) struct OperatorKey(KeyDigest);

impl OperatorKey {
    pub(crate) fn new(text: &str) -> Self {
        Self(KeyDigest::of(text.as_bytes()))
    }

    /// In constant time, because a person may have chosen the key. Digests have one length and tell nothing about it.
    pub(crate) fn is(&self, presented: &KeyDigest) -> bool {
        presented.bytes().ct_eq(self.0.bytes()).into()
    }
}

/// The digests of what the request presents as keys, at the three places.
pub(crate) fn presented(request: &Parts) -> Vec<KeyDigest> {
    let in_header = request.headers.get_all(NAME).iter().map(|value| value.as_bytes().to_vec());
    let in_query = query::pairs(&request.uri).into_iter().filter(|(name, _)| name == NAME);
    let in_cookie = cookies(request).filter(|(name, _)| *name == NAME);
    in_header
        .chain(in_query.map(|(_, value)| value.into_bytes()))
        .chain(in_cookie.map(|(_, value)| value.as_bytes().to_vec()))
        .filter(|value| !value.is_empty())
        .map(|value| KeyDigest::of(&value))
        .collect()
}

/// Name and value of each cookie (RFC 6265 section 5.4), without the quotes that a value may have.
fn cookies(request: &Parts) -> impl Iterator<Item = (&str, &str)> {
    let lines = request.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}
