//! What a route demands of the key.

use super::problem::Problem;
use crate::Api;
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hostler_model::{Caller, Scope};
use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt};

/// Lets only callers in that may do this.
pub(super) fn scoped(scope: Scope, routes: UtoipaMethodRouter<Api>) -> UtoipaMethodRouter<Api> {
    routes.map(|router| router.route_layer(from_fn_with_state(scope, admit)))
}

async fn admit(State(scope): State<Scope>, Extension(caller): Extension<Caller>, request: Request, next: Next) -> Response {
    match caller.must(scope) {
        Ok(()) => next.run(request).await,
        Err(failure) => Problem::from(failure).into_response(),
    }
}
