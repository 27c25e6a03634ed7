//! What the daemon tells of a job.

use crate::error::Problem;
use crate::exit;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventsource_stream::Event;
use serde::Deserialize;
use serde_json::{Value, json};

/// One event: as it came, and what it means.
pub(crate) struct Told {
    name: String,
    data: Value,
    /// What it means.
    pub(crate) happening: Happening,
}

/// What an event means.
pub(crate) enum Happening {
    /// A command wrote something.
    Wrote {
        /// Whether to standard error.
        to_stderr: bool,
        /// What.
        bytes: Vec<u8>,
    },
    /// A command has ended, with this code of its own.
    Ran(u8),
    /// The job begins anew; what was told before holds no more.
    Again,
    /// Something that people want to read beside the output.
    Remark(String),
    /// The job has ended.
    Ended(Ending),
    /// Nothing that this program shows.
    Other,
}

/// How a job ended.
#[derive(Deserialize)]
pub(crate) struct Ending {
    /// `finished`, `failed` or `canceled`.
    pub(crate) state: String,
    /// Why it did not finish.
    pub(crate) error: Option<Problem>,
}

#[derive(Deserialize)]
struct Wrote {
    stream: String,
    text: String,
    base64: Option<String>,
}

impl Told {
    pub(crate) fn new(event: &Event) -> Self {
        let data = serde_json::from_str(&event.data).unwrap_or_else(|_| event.data.as_str().into());
        let happening = happening(&event.event, &data).unwrap_or(Happening::Other);
        Self { name: event.event.clone(), data, happening }
    }

    /// Whether nothing follows.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self.happening, Happening::Ended(_))
    }

    /// As one document.
    pub(crate) fn document(&self, job: &str, host: Option<&str>) -> Value {
        let mut document = json!({"job": job, "event": self.name, "data": self.data});
        if let Some(host) = host {
            document["host"] = host.into();
        }
        document
    }
}

/// What an event means; nothing if it is of a kind that this program does not know, or not as it should be.
fn happening(name: &str, data: &Value) -> Option<Happening> {
    Some(match name {
        "output" => {
            let Wrote { stream, text, base64 } = Wrote::deserialize(data).ok()?;
            let bytes = base64.and_then(|bytes| STANDARD.decode(bytes).ok()).unwrap_or_else(|| text.into_bytes());
            Happening::Wrote { to_stderr: stream == "stderr", bytes }
        }
        "result" => Happening::Ran(code(data)),
        "again" => Happening::Again,
        "cut" => Happening::Remark(data["reason"].as_str()?.to_owned()),
        "end" => Happening::Ended(Ending::deserialize(data).ok()?),
        _ => return None,
    })
}

/// The code of a result. A server may say nothing, which is no failure.
pub(crate) fn code(result: &Value) -> u8 {
    match (result["exit_status"].as_u64(), result["exit_signal"].as_str()) {
        (Some(status), _) => exit::of_status(status),
        (None, Some(signal)) => exit::of_signal(signal),
        (None, None) => exit::SUCCESS,
    }
}
