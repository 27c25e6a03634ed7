//! A bare HTTP server that answers each request at once, in a process of its own: this program again.

use anyhow::{Context, ensure};
use futures::future::ready;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use ureq::Agent;

/// What has this program serve instead of measuring.
pub(crate) const SERVE: &str = "--serve-bare-http";

/// The running server. It ends when this is dropped.
pub(crate) struct BareHttp {
    process: Child,
    input: Option<ChildStdin>,
    url: String,
    agent: Agent,
}

impl BareHttp {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut process =
            Command::new(std::env::current_exe()?).arg(SERVE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take().context("it is piped")?);
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url)?;
        ensure!(url.starts_with("http://"), "the server did not start: {url:?}");
        Ok(Self { process, input, url: url.trim().to_owned(), agent: Agent::new_with_defaults() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How long the answer to a `POST` takes.
    pub(crate) fn ask(&self, body: &str) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let mut answer = self.agent.post(&self.url).header("Content-Type", "application/json").send(body)?;
        answer.body_mut().read_to_string()?;
        Ok(start.elapsed())
    }
}

impl Drop for BareHttp {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends when its input does.
        let _ = self.process.wait();
    }
}

/// Serves until standard input closes. Prints where.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(stdout(), "http://{}", listener.local_addr()?)?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

fn answer(_: Request<Incoming>) -> impl Future<Output = hyper::http::Result<Response<String>>> {
    ready(Response::builder().status(StatusCode::CREATED).body("{}".to_owned()))
}
