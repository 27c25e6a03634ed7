//! The trace that a request is part of.

use axum::http::HeaderMap;
use hostler_model::Trace;

/// The header of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";

/// The trace that a request is part of. A value that does not keep to the form is to be ignored (section 3.2 there).
pub(crate) fn read(headers: &HeaderMap) -> Option<String> {
    let trace = headers.get(TRACEPARENT)?.to_str().ok().and_then(Trace::read);
    if trace.is_none() {
        tracing::debug!("a traceparent that is malformed was ignored");
    }
    trace.map(|trace| trace.to_string())
}
