//! Query strings.

use axum::extract::Query;
use axum::http::Uri;

/// Names and values of a query string, decoded, in order.
pub(crate) fn pairs(uri: &Uri) -> Vec<(String, String)> {
    Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}
