//! Who may ask.

use crate::scripted::{KEY, Scripted, no_host_keys, send};
use axum::body::Body;
use axum::http::Request;
use hostler_api::{Api, Config};
use hostler_model::Secret;
use std::sync::{Arc, Mutex};

async fn status(api: &Api, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, _, text) = send(api, request.body(Body::empty()).expect("a request")).await;
    (status.as_u16(), text)
}

#[tokio::test]
async fn the_key_opens_in_header_query_and_cookie() {
    let api = Scripted::default().api();
    let query = format!("/health?X-API-KEY={KEY}");
    let encoded = format!("/health?a=b&X-API-KEY={}", KEY.replace('-', "%2D"));
    let cookie = format!("a=b; X-API-KEY={KEY}; c=d");
    let quoted = format!("X-API-KEY=\"{KEY}\"");
    let open: [(&str, &[(&str, &str)]); 6] = [
        ("/health", &[("x-api-key", KEY)]),
        ("/health", &[("X-Api-Key", KEY)]),
        (&query, &[]),
        (&encoded, &[]),
        ("/health", &[("cookie", &cookie)]),
        ("/health", &[("cookie", &quoted)]),
    ];
    for (path, headers) in open {
        assert_eq!(status(&api, path, headers).await.0, 200, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn nothing_else_opens() {
    let api = Scripted::default().api();
    let lower = format!("/health?x-api-key={KEY}");
    let other = format!("/health?api_key={KEY}");
    let longer = format!("{KEY}x");
    let cookie = format!("x-api-key={KEY}");
    let shut: [(&str, &[(&str, &str)]); 8] = [
        ("/health", &[]),
        ("/health", &[("x-api-key", "")]),
        ("/health", &[("x-api-key", "wrong")]),
        ("/health", &[("x-api-key", &longer)]),
        ("/health", &[("authorization", KEY)]),
        ("/health", &[("cookie", &cookie)]),
        (&lower, &[]),
        (&other, &[]),
    ];
    for (path, headers) in shut {
        assert_eq!(status(&api, path, headers).await.0, 403, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn each_dialect_refuses_in_its_own_shape() {
    let api = Scripted::default().api();
    for path in ["/health", "/job", "/v0.2/job"] {
        let (status, text) = status(&api, path, &[]).await;
        assert_eq!((status, text.as_str()), (403, r#"{"code":-1,"message":"Invalid or missing API key."}"#), "{path}");
    }
    for path in ["/jobs", "/v0.4/health", "/nope"] {
        let (status, text) = status(&api, path, &[]).await;
        assert_eq!((status, text.as_str()), (403, r#"{"detail":"Invalid or missing API key."}"#), "{path}");
    }
    let (status, text) = status(&api, "/v1/plugins", &[]).await;
    let wanted = r#"{"detail":"Invalid or missing API key.","status":403,"title":"Forbidden","type":"about:blank"}"#;
    assert_eq!((status, text.as_str()), (403, wanted));
}

#[tokio::test]
async fn an_empty_key_admits_nobody() {
    let api = Api::new(Config::default(), Scripted::default(), no_host_keys(), Secret::new(String::new()));
    assert_eq!(status(&api, "/health?X-API-KEY=", &[("x-api-key", "")]).await.0, 403);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_has_one_line_for_a_request_and_not_its_query() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    // For all threads: what tests beside this one log at the same moment would else decide whether this is heard.
    tracing::subscriber::set_global_default(subscriber).expect("no other test listens");
    let name = [("x-request-id", "the-one-that-is-looked-for")];
    status(&Scripted::default().api(), &format!("/job?X-API-KEY={KEY}&host=h"), &name).await;
    let text = String::from_utf8(log.0.lock().expect("no writer panics").clone()).expect("text");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(name[0].1)).collect();
    let [line] = lines[..] else { panic!("{} lines in {text}", lines.len()) };
    assert!(line.contains("method=GET path=\"/job\" status=200 ms="), "{line}");
    assert!(!text.contains(KEY) && !line.contains('?'), "{text}");
}
