//! `hostler output`: the bytes that a command of a job wrote.

use crate::Surroundings;
use crate::api::{Answer, Api, Ask};
use crate::connection::Connection;
use crate::error::Error;
use crate::exit;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Seconds that one request waits for more.
const PATIENCE: u64 = 30;

/// How often the daemon is asked at most while there is nothing: one that is about to end does not wait.
const RHYTHM: Duration = Duration::from_secs(1);

/// Shows what a command wrote.
#[derive(Args)]
pub struct Output {
    #[command(flatten)]
    connection: Connection,
    /// The job.
    id: String,
    /// Waits for more until the command has ended.
    #[arg(short, long)]
    follow: bool,
    /// Which command of the job, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    run: u32,
    /// Standard error instead of standard output.
    #[arg(long)]
    stderr: bool,
    /// Shows each piece as a JSON document on a line of its own.
    #[arg(long)]
    json: bool,
}

/// A part of a stream.
struct Slice {
    offset: u64,
    next: u64,
    bytes: Vec<u8>,
    is_last: bool,
}

/// Does it.
pub(crate) async fn output(output: Output, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let api = output.connection.open(surroundings)?;
    let stream = if output.stderr { "stderr" } else { "stdout" };
    let mut at = 0;
    loop {
        let asked = Instant::now();
        let slice = output.slice(&api, stream, at).await?;
        if slice.offset > at {
            writeln!(surroundings.stderr, "hostler: {} bytes are not kept", slice.offset - at)?;
        }
        let Slice { offset, next, bytes, is_last } = slice;
        if !bytes.is_empty() {
            if output.json {
                let mut piece = json!({"run": output.run, "stream": stream, "offset": offset});
                piece["text"] = String::from_utf8_lossy(&bytes).into();
                if std::str::from_utf8(&bytes).is_err() {
                    piece["base64"] = STANDARD.encode(&bytes).into();
                }
                writeln!(surroundings.stdout, "{piece}")?;
            } else {
                surroundings.stdout.write_all(&bytes)?;
            }
            surroundings.stdout.flush()?;
        }
        if is_last || (bytes.is_empty() && !output.follow) {
            return Ok(exit::SUCCESS);
        }
        if bytes.is_empty() {
            sleep_until(asked + RHYTHM).await;
        }
        at = next;
    }
}

impl Output {
    async fn slice(&self, api: &Api, stream: &str, at: u64) -> Result<Slice, Error> {
        let mut ask = Ask::get(format!("jobs/{}/output", self.id));
        ask = ask.with("run", &self.run).with("stream", stream).with("offset", &at);
        if self.follow {
            ask = ask.with("wait", &PATIENCE);
        }
        let Answer { headers, body: bytes } = api.ask(&ask).await?;
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
        let (offset, total) = (number("output-offset").unwrap_or(at), number("output-total"));
        let next = number("output-next").unwrap_or(offset + bytes.len() as u64);
        // What the log has no room for never comes.
        let is_last = total.is_some_and(|total| next >= total || bytes.is_empty());
        Ok(Slice { offset, next, bytes, is_last })
    }
}
