//! A daemon that answers by a script, and somebody who types.

use anyhow::Context;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response};
use clap::Parser;
use futures::channel::mpsc;
use futures::stream::{self, StreamExt};
use hostler_client::{Surroundings, Verb, carry_out};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The API key of every test.
pub(crate) const KEY: &str = "the-key-of-the-tests";

/// What somebody asked the daemon.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Method, path and query, such as `GET /v1/jobs?limit=1`.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    /// Null if there was none.
    pub(crate) body: Value,
}

impl Asked {
    /// A field of its head, empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A daemon that answers by a script.
pub(crate) struct Daemon {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    // Ends it when it is dropped.
    _serving: JoinSet<()>,
}

impl Daemon {
    /// Starts one. The script gets what is asked.
    pub(crate) async fn start(
        script: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        // Others may have done it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, list) = (Arc::new(script), Arc::clone(&asked));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (script, list) = (Arc::clone(&script), Arc::clone(&list));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (script, list) = (Arc::clone(&script), Arc::clone(&list));
                    async move {
                        let (head, body) = request.into_parts();
                        let body = to_bytes(Body::new(body), usize::MAX).await.unwrap_or_default();
                        let line = format!("{} {}", head.method, head.uri);
                        let body = serde_json::from_slice(&body).unwrap_or_default();
                        let asked = Asked { line, headers: head.headers, body };
                        lock(&list).push(asked.clone());
                        Ok::<_, Infallible>(script(&asked))
                    }
                });
                connections.spawn(async move {
                    // A test that breaks a connection off means it.
                    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Self { url, asked, _serving: serving })
    }

    /// All that was asked until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    /// Types a line that needs no Ctrl-C, and waits for its end.
    pub(crate) async fn typed(&self, words: &[&str]) -> anyhow::Result<Ended> {
        let (_nobody, interrupts) = mpsc::unbounded();
        self.typed_with(words, interrupts).await
    }

    /// Types a line; each message is a Ctrl-C.
    pub(crate) async fn typed_with(
        &self,
        words: &[&str],
        interrupts: mpsc::UnboundedReceiver<()>,
    ) -> anyhow::Result<Ended> {
        let (stdout, stderr) = (Page::default(), Page::default());
        let code = self.typed_onto(words, Box::new(stdout.clone()), Box::new(stderr.clone()), interrupts).await?;
        Ok(Ended { code, stdout: stdout.text(), stderr: stderr.text() })
    }

    /// Types a line whose output goes elsewhere.
    pub(crate) async fn typed_onto(
        &self,
        words: &[&str],
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
        interrupts: mpsc::UnboundedReceiver<()>,
    ) -> anyhow::Result<u8> {
        let surroundings = Surroundings {
            api_key: Some(KEY.to_owned().into()),
            stdout,
            stderr,
            colour: false,
            watched: false,
            interrupts: interrupts.boxed(),
        };
        let url = format!("--url={}", self.url);
        // The address goes before whatever follows `--`.
        let words = [&["hostler", words[0], &url], &words[1..]].concat();
        Ok(carry_out(Line::try_parse_from(words).context("it was typed wrong")?.verb, surroundings).await)
    }
}

/// A line as it is typed.
#[derive(Parser)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// How a line ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What was written, shared with the test.
#[derive(Clone, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer with a JSON body.
pub(crate) fn answer(status: u16, body: &Value) -> Response<Body> {
    Response::builder().status(status).body(body.to_string().into()).expect("it is a response")
}

/// Nothing is there.
pub(crate) fn nothing() -> Response<Body> {
    answer(404, &json!({"detail": "There is nothing at this path."}))
}

/// An event as the daemon writes it; without an id if that is 0.
pub(crate) fn event(id: u64, name: &str, data: &Value) -> String {
    let id = if id == 0 { String::new() } else { format!("id: {id}\n") };
    format!("{id}event: {name}\ndata: {data}\n\n")
}

/// Output of a command.
pub(crate) fn wrote(id: u64, stream: &str, text: &str) -> String {
    event(id, "output", &json!({"run": 0, "stream": stream, "offset": 0, "text": text}))
}

/// The end of a command, and of its job.
pub(crate) fn finished(id: u64, status: u8) -> String {
    let result = json!({"run": 0, "command": "c", "exit_status": status, "exit_signal": null});
    event(id, "result", &result) + &event(0, "end", &json!({"state": "finished", "error": null}))
}

/// A stream of events that was told whole.
pub(crate) fn told(text: impl Into<String>) -> Response<Body> {
    Response::new(text.into().into())
}

/// A stream of events that breaks off.
pub(crate) fn broken_off(text: impl Into<String>) -> Response<Body> {
    let end = stream::once(async {
        // What precedes is sent meanwhile.
        tokio::task::yield_now().await;
        Err(io::Error::other("it breaks here"))
    });
    Response::new(Body::from_stream(stream::iter([Ok(text.into())]).chain(end)))
}
