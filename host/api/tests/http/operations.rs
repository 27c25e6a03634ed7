//! What whoever operates the daemon asks.

use crate::scripted::{KEY, Scripted, no_host_keys, send};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hostler_api::{Api, Config};
use hostler_model::{ErrorKind, Failure, Phase, Secret};
use prometheus_client::registry::Registry;

fn api(backend: Scripted, config: Config) -> Api {
    let api = Api::new(config, backend, no_host_keys(), Secret::new(KEY.into()));
    api.with_metrics(Registry::with_prefix("hostler"))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn whether_it_lives_and_is_ready_needs_no_key() {
    let backend = Scripted::default();
    let api = api(backend.clone(), Config::default());
    for path in ["/healthz", "/readyz"] {
        assert_eq!(send(&api, get(path)).await.0, StatusCode::OK, "{path}");
    }
    backend.script().unready = Some(Failure::new(ErrorKind::Busy, Phase::Store, "The daemon is stopping."));
    assert_eq!(send(&api, get("/healthz")).await.0, StatusCode::OK);
    let (status, _, text) = send(&api, get("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("The daemon is stopping."), "{text}");
}

#[tokio::test]
async fn metrics_need_a_key_unless_they_are_opened() {
    let closed = api(Scripted::default(), Config::default());
    assert_eq!(send(&closed, get("/metrics")).await.0, StatusCode::FORBIDDEN);
    let mut with_key = get("/metrics");
    with_key.headers_mut().insert("x-api-key", KEY.parse().expect("a header"));
    assert_eq!(send(&closed, with_key).await.0, StatusCode::OK);
    let open = api(Scripted::default(), Config { open_metrics: true, ..Config::default() });
    assert_eq!(send(&open, get("/metrics")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn requests_are_counted_by_the_template_of_their_route() {
    let api = api(Scripted::default(), Config { open_metrics: true, ..Config::default() });
    for path in ["/v1/jobs/secret-host-1", "/v1/jobs/secret-host-2", "/no/such/path", "/healthz"] {
        let mut request = get(path);
        request.headers_mut().insert("x-api-key", KEY.parse().expect("a header"));
        send(&api, request).await;
    }
    let (_, _, text) = send(&api, get("/metrics")).await;
    let count = |labels: &str| format!("hostler_http_request_duration_seconds_count{{{labels}}}");
    assert!(text.contains(&(count(r#"route="/v1/jobs/{id}",status="4xx""#) + " 2")), "{text}");
    assert!(text.contains(&(count(r#"route="other",status="4xx""#) + " 1")), "{text}");
    assert!(text.contains(&(count(r#"route="/healthz",status="2xx""#) + " 1")), "{text}");
    assert!(!text.contains("secret-host"), "{text}");
}

#[tokio::test]
async fn a_request_keeps_a_name_that_is_fit_for_the_log() {
    let api = api(Scripted::default(), Config::default());
    let named = async |name: &[u8]| {
        let mut request = get("/healthz");
        request.headers_mut().insert("x-request-id", name.try_into().expect("a header"));
        let (_, headers, _) = send(&api, request).await;
        headers["x-request-id"].to_str().expect("visible").to_owned()
    };
    assert_eq!(named(b"from-the-proxy.7").await, "from-the-proxy.7");
    for unfit in [&b"two words"[..], b"", &[b'x'; 129], "\u{fc}".as_bytes()] {
        let given = named(unfit).await;
        assert_eq!(given.len(), 36, "{given}");
    }
    let (_, headers, _) = send(&api, get("/no/such/path")).await;
    assert_eq!(headers["x-request-id"].len(), 36, "also on an error");
}
