//! What whoever operates the daemon asks, at the root: is it alive, is it ready, and what does it do.

use crate::guard::{Reader, guarded};
use crate::{Api, native};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hostler_model::{ErrorKind, Failure, Phase};
use prometheus_client::encoding::text::encode;
use serde_json::json;

/// The text format (`OpenMetrics` 1.0), which Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// No key is needed to learn whether the daemon lives; what it does is for those with a key, unless the configuration opens it.
pub(crate) fn router(api: &Api) -> Router {
    let open = Router::new().route("/healthz", get(alive)).route("/readyz", get(ready));
    let metrics = if api.config.open_metrics {
        Router::new().route("/metrics", get(metrics)).with_state(api.clone())
    } else {
        guarded(Router::new().route("/metrics", get(metrics_for_readers)), api, native::answer)
    };
    open.with_state(api.clone()).merge(metrics)
}

/// Whoever gets this answer knows that it is alive.
async fn alive() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Whether it takes jobs and can carry them out; 503 with a reason if not.
async fn ready(State(api): State<Api>) -> Response {
    match readiness(&api).await {
        Ok(()) => Json(json!({"status": "ready"})).into_response(),
        Err(failure) => {
            let body = Json(json!({"status": "not ready", "reason": failure.message}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn readiness(api: &Api) -> Result<(), Failure> {
    if api.backend.drivers().is_empty() {
        return Err(Failure::new(ErrorKind::BadPlugin, Phase::Plugin, "No driver could be loaded; the log says why."));
    }
    api.backend.ready().await
}

/// For those who may read, where it is not for everybody.
async fn metrics_for_readers(_: Reader, api: State<Api>) -> Response {
    metrics(api).await
}

async fn metrics(State(api): State<Api>) -> Response {
    let mut text = String::new();
    encode(&mut text, &api.registry).expect("a text takes everything");
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
