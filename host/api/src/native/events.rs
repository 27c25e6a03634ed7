//! What happens in a job, as server-sent events (HTML Living Standard, section 9.2).

use super::jobs::seen;
use super::problem::{Problem, Refusals};
use super::result::exit;
use super::{invalid, parameters};
use crate::Api;
use crate::guard::Reader;
use axum::extract::{Path, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, future};
use hostler_jobs::{Captured, Event, Happening, Job, Ran, Told};
use hostler_model::{ErrorKind, Failure, Phase};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// After so much silence a comment is sent, so that nobody on the way takes the connection for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// Follows a job
///
/// All that happens in it after `Last-Event-ID` or `after`, from its log and then live. Events are `job` (where it stands),
/// `output`, `progress`, `result`, `cut`, `again`, and at last `end`; each has an object of JSON as data.
#[utoipa::path(
    get, path = "/jobs/{id}/events", operation_id = "follow_job", tag = "jobs",
    params(
        ("id" = Uuid, Path, description = "The job's name."),
        ("after" = Option<u64>, Query, description = "The id of the last event that the client knows."),
        ("Last-Event-ID" = Option<String>, Header, description = "The same; counts more than `after`."),
    ),
    responses((status = 200, description = "The events.", body = String, content_type = "text/event-stream"), Refusals),
)]
pub(super) async fn follow(
    Reader(caller): Reader,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = after(&headers, &uri)?;
    let job = seen(&api, &caller, &id).await?;
    let Ok(place) = Arc::clone(&api.followers).try_acquire_owned() else {
        let message = "As many clients follow jobs as http.max_followers allows; try again later.";
        return Err(Failure::new(ErrorKind::Busy, Phase::Store, message).into());
    };
    let id = job.id;
    // The client connects again, and says where it was.
    let told = api.backend.follow(job, after).inspect_err(move |failure| {
        tracing::error!(job = %id, detail = failure.detail, "a client cannot be told more of a job: {}", failure.message);
    });
    let messages = told.map_ok(move |told| {
        let _following = &place;
        message(&told)
    });
    let closing = api.closing.clone();
    let messages = messages.take_until(closing.cancelled_owned()).take_while(|message| future::ready(message.is_ok()));
    let keep_alive = KeepAlive::new().interval(SILENCE);
    // A proxy that collects an answer would hold back what is live.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((unbuffered, Sse::new(messages).keep_alive(keep_alive)).into_response())
}

/// The number that a client saw last; 0 if it saw none.
fn after(headers: &HeaderMap, uri: &Uri) -> Result<u64, Problem> {
    let parameter = parameters(uri, &["after"])?.pop().map(|(_, number)| number);
    let header = headers.get("last-event-id").map(|number| number.to_str().unwrap_or_default().to_owned());
    // A browser that connects again repeats the query of the first time.
    let Some(number) = header.or(parameter) else { return Ok(0) };
    let message = || invalid("`Last-Event-ID` and `after` are the id of an event, which is a number.".into());
    number.parse().map_err(|_| message())
}

fn message(told: &Told) -> Message {
    match told {
        Told::Job(job) => {
            let name = if job.outcome.is_some() { "end" } else { "job" };
            Message::default().event(name).data(standing(job).to_string())
        }
        Told::Event(Event { number, at, what }) => {
            let (name, mut fields) = happening(what);
            fields.insert("at".into(), json!(at));
            Message::default().id(number.to_string()).event(name).data(Value::Object(fields).to_string())
        }
    }
}

/// Where a job stands.
fn standing(job: &Job) -> Value {
    json!({
        "id": job.id,
        "state": job.state,
        "attempt": job.attempt,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "error": job.outcome.as_ref().and_then(|outcome| outcome.error.as_ref()),
    })
}

/// The name of an event and its fields.
fn happening(what: &Happening) -> (&'static str, Map<String, Value>) {
    let (name, fields) = match what {
        Happening::Output { run, stream, offset, bytes } => {
            let mut fields = json!({"run": run, "stream": stream, "offset": offset});
            fields["text"] = String::from_utf8_lossy(bytes).into();
            if std::str::from_utf8(bytes).is_err() {
                fields["base64"] = STANDARD.encode(bytes).into();
            }
            ("output", fields)
        }
        Happening::Progress(progress) => ("progress", json!(progress)),
        Happening::Ran(ran) => ("result", result(ran)),
        Happening::Cut { reason } => ("cut", json!({"reason": reason})),
        Happening::Again { attempt } => ("again", json!({"attempt": attempt})),
    };
    let Value::Object(fields) = fields else { unreachable!("each is an object") };
    (name, fields)
}

/// A result without what was written, which was told already.
fn result(ran: &Ran) -> Value {
    let (status, signal) = exit(&ran.exit);
    let Captured { total: stdout, .. } = ran.stdout;
    let Captured { total: stderr, .. } = ran.stderr;
    let mut fields = json!({
        "run": ran.run,
        "command": ran.command,
        "exit_status": status,
        "exit_signal": signal,
        "stdout_bytes": stdout,
        "stderr_bytes": stderr,
        "duration_s": ran.duration.as_secs_f64(),
        "session_reused": ran.session_reused,
    });
    if let Some(moved) = &ran.moved {
        fields["moved"] = json!(moved);
    }
    fields
}
