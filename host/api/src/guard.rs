//! What stands in front of every handler: who asks, and what they may.

use crate::error::{Answer, Error};
use crate::{Api, key};
use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures::FutureExt;
use hostler_model::{Caller, ErrorKind, Failure, Phase, Scope};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// Requests that were turned away before a handler saw them.
#[derive(Clone, Default)]
pub(crate) struct TurnedAway {
    /// Without a key that is worth something.
    pub(crate) no_key: Counter,
    /// Because their key was used too often.
    pub(crate) throttled: Counter,
}

impl TurnedAway {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("http_without_key", "Requests without a key that is worth something", self.no_key.clone());
        registry.register("http_throttled", "Requests whose key was used too often", self.throttled.clone());
    }
}

/// Puts the guard in front of all routes of a dialect, known paths and unknown ones: no key, no answer.
pub(crate) fn guarded(router: Router<Api>, api: &Api, answer: Answer) -> Router {
    router.layer(from_fn_with_state((api.clone(), answer), guard)).with_state(api.clone())
}

async fn guard(State((api, answer)): State<(Api, Answer)>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let caller = match identify(&api, &head) {
        Ok(caller) => caller,
        Err(error) => return answer(error),
    };
    head.extensions.insert(Known { caller, answer });
    let reply = AssertUnwindSafe(next.run(Request::from_parts(head, body))).catch_unwind().await;
    reply.unwrap_or_else(|_| {
        // The panic's own words may hold a secret; the panic hook has said where it was.
        tracing::error!("a request handler panicked");
        answer(Error::Panicked)
    })
}

/// Who asks. The operator's key may be used as often as one likes: who has it can change the configuration anyway.
fn identify(api: &Api, head: &Parts) -> Result<Arc<Caller>, Error> {
    for digest in key::presented(head) {
        if api.key.is(&digest) {
            return Ok(Arc::clone(&api.operator));
        }
        if let Some(key) = api.backend.key(&digest) {
            return if api.rates.allow(digest, &key) {
                Ok(Arc::clone(&key.caller))
            } else {
                api.turned_away.throttled.inc();
                let message = format!("The API key `{}` is used too often; slow down.", key.caller.name);
                Err(Failure::new(ErrorKind::Throttled, Phase::Policy, message).into())
            };
        }
    }
    api.turned_away.no_key.inc();
    Err(Error::NoKey)
}

/// What the guard knows of a request.
#[derive(Clone)]
struct Known {
    caller: Arc<Caller>,
    /// How the dialect that was asked writes errors.
    answer: Answer,
}

/// Makes what a handler takes to say who may ask it.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident: $scope:expr;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $role(pub(crate) Arc<Caller>);

        impl<S: Sync> FromRequestParts<S> for $role {
            type Rejection = Response;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
                let Known { caller, answer } = parts.extensions.get().expect("the guard stands in front of every handler");
                caller.must($scope).map_err(|failure| answer(failure.into()))?;
                Ok(Self(Arc::clone(caller)))
            }
        }
    )+};
}

roles! {
    /// A caller that may submit jobs.
    Submitter: Scope::Submit;
    /// A caller that may see jobs: its own, or those that [`Caller::reaches`] says.
    Reader: Scope::Read;
    /// A caller that may cancel the jobs that it reaches.
    Canceler: Scope::Cancel;
    /// A caller that may do everything.
    Admin: Scope::Admin;
}
