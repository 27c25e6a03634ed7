//! What stands in front of every handler.

use crate::Api;
use crate::error::{Answer, Error};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures::FutureExt;
use hostler_model::Caller;
use std::panic::AssertUnwindSafe;

/// Puts the guard in front of all routes of a dialect, known paths and unknown ones: no key, no answer.
pub(crate) fn guarded(router: Router<Api>, api: &Api, answer: Answer) -> Router {
    router.layer(from_fn_with_state((api.clone(), answer), guard)).with_state(api.clone())
}

async fn guard(State((api, answer)): State<(Api, Answer)>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    if !api.key.opens(&head) {
        return answer(Error::NoKey);
    }
    head.extensions.insert(Caller::operator());
    let reply = AssertUnwindSafe(next.run(Request::from_parts(head, body))).catch_unwind().await;
    reply.unwrap_or_else(|_| {
        // The panic's own words may hold a secret; the panic hook has said where it was.
        tracing::error!("a request handler panicked");
        answer(Error::Panicked)
    })
}
