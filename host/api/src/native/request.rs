//! What a client asks to be done.

use super::fields::Fields;
use super::invalid;
use super::problem::Problem;
use crate::{Api, Backend, body};
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use hostler_jobs::Idempotency;
use hostler_model::{self as model, Args, CredentialRef, Detach, DriverSchemas, Options, Parsing, Request, Webhook};
use hostler_templates::ARGUMENTS;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use uuid::Uuid;

/// The driver of requests that name none.
const PARAMIKO: &str = "paramiko";

/// Seconds between questions to a server whose connection is kept for other jobs, unless the request says.
const KEEPALIVE: u32 = 60;

/// The header by which a client names what it submits, and how long its value may be.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const LONGEST_KEY: usize = 255;

/// How jobs with the same target share it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum QueueStrategy {
    /// Each has a connection of its own, and they run side by side.
    Fifo,
    /// They share a connection, and those for the same host and port run one after the other.
    Pinned,
}

/// One request to one target. An unknown field is an error, and nothing is converted: `"22"` is no port.
#[derive(ToSchema)]
#[schema(example = json!({
    "connection_args": {"host": "192.168.1.100", "username": "admin", "password": "your_password"},
    "command": "uname -a",
}))]
pub(super) struct JobRequest {
    /// The plugin that is to carry it out. Absent: `paramiko`.
    #[schema(required = false, default = "paramiko")]
    driver: String,
    /// How to reach the target and log in, as the driver's schema says; it may hold secrets, which are never shown again.
    /// Needed; in a batch it may be common to all targets, or be completed by each.
    #[schema(required = false, value_type = Object)]
    connection_args: Args,
    /// What the driver is to mind, as its schema says.
    #[schema(required = false, value_type = Object)]
    driver_args: Args,
    /// Commands, one result each.
    #[schema(schema_with = lines)]
    command: Option<Vec<String>>,
    /// Lines of configuration, one result each.
    #[schema(schema_with = lines)]
    config: Option<Vec<String>>,
    /// Seconds that the job may wait in the queue.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0)]
    ttl: Option<Duration>,
    /// Seconds that the job may take from its start to its end.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0)]
    execution_timeout: Option<Duration>,
    /// Seconds that the job is kept after its end.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0)]
    result_ttl: Option<Duration>,
    /// A file that was handed over by `POST /v1/files`, for the driver to move; `paramiko` uploads it where
    /// `file_transfer` has no `local_path`.
    staged: Option<Uuid>,
    /// Whether the commands go on when the job has ended, as a detached task.
    #[schema(required = false, default = false)]
    detach: bool,
    /// Whether the job may be carried out once more where the daemon ended in the middle of it.
    #[schema(required = false, default = false)]
    repeatable: bool,
    /// How the job shares its target with others. Absent: `fifo`.
    #[schema(required = false, default = "fifo")]
    queue_strategy: QueueStrategy,
    /// What is to be read out of the standard output of each command: `parser` (`textfsm`), `template` and perhaps
    /// `arguments`. The results then have it as `parsed`.
    #[schema(required = false, value_type = Option<Object>)]
    parsing: Option<Parsing>,
    /// Where to get what `connection_args` lack to log in: `provider`, `reference`, and perhaps `mount`, `version`, `namespace`,
    /// `field_mapping`.
    #[schema(required = false, value_type = Option<Object>)]
    credential: Option<CredentialRef>,
    /// Whom to tell what becomes of the job: `url`, and perhaps `secret`, `events`, `method`, `headers`, `timeout`. What is secret
    /// of it is never shown again.
    #[schema(required = false, value_type = Vec<Object>)]
    webhooks: Vec<Webhook>,
    /// Only say what would be done, and what the policies say. Not in a batch.
    #[schema(required = false, default = false)]
    pub(super) dry_run: bool,
}

fn lines() -> Schema {
    let line = || ObjectBuilder::new().schema_type(Type::String);
    OneOfBuilder::new().item(line()).item(ArrayBuilder::new().items(line())).build().into()
}

impl JobRequest {
    /// Reads the fields of a request. Its secrets are sealed.
    pub(super) fn read(fields: Map<String, Value>) -> Result<Self, Vec<model::Problem>> {
        let mut fields = Fields::new(fields);
        if !fields.has("connection_args") {
            fields.problem("connection_args", "missing", "Field required");
        }
        let strategies = [("fifo", QueueStrategy::Fifo), ("pinned", QueueStrategy::Pinned)];
        let request = Self {
            driver: fields.text("driver").unwrap_or_else(|| PARAMIKO.into()),
            connection_args: fields.args("connection_args").unwrap_or_default(),
            driver_args: fields.args("driver_args").unwrap_or_else(|| Args::seal("driver_args", Map::new())),
            command: fields.lines("command"),
            config: fields.lines("config"),
            ttl: fields.seconds("ttl"),
            execution_timeout: fields.seconds("execution_timeout"),
            result_ttl: fields.seconds("result_ttl"),
            staged: fields.uuid("staged"),
            detach: fields.flag("detach"),
            repeatable: fields.flag("repeatable"),
            queue_strategy: fields.word("queue_strategy", &strategies).unwrap_or(QueueStrategy::Fifo),
            parsing: fields.parsing("parsing"),
            credential: fields.credential("credential"),
            webhooks: fields.webhooks("webhooks"),
            dry_run: fields.flag("dry_run"),
        };
        if !request.detach && request.webhooks.iter().flat_map(|it| &it.events).any(|event| event.is_of_task()) {
            let message = "Only a job with `detach` has a task of which `task-output` and `task-ended` tell: set `detach`, or leave these events out";
            fields.problem("webhooks", "value_error", message);
        }
        fields.end()?;
        Ok(request)
    }

    /// Tries the template of `parsing`. Errors: what is wrong with it, or not known.
    pub(super) async fn try_parsing(&self, api: &Api) -> Result<(), Problem> {
        let Some(parsing) = &self.parsing else { return Ok(()) };
        let unknown = parsing.arguments.keys().filter(|name| !ARGUMENTS.contains(&name.as_str()));
        let problem = |name: &String| {
            let message = "Extra inputs are not permitted";
            model::Problem::new(["parsing", "arguments", name], "extra_forbidden", message)
        };
        let problems: Vec<_> = unknown.map(problem).collect();
        if !problems.is_empty() {
            return Err(problems.into());
        }
        Ok(api.templating.try_parsing(parsing.clone(), "parser").await?)
    }

    /// The request as the daemon understands it. `schemas` has those of a driver.
    pub(super) fn into_request(mut self, schemas: impl FnOnce(&str) -> Option<DriverSchemas>) -> Request {
        let pinned = self.queue_strategy == QueueStrategy::Pinned;
        if pinned {
            self.keep_connection(schemas);
        }
        let options = Options {
            ttl: self.ttl,
            execution_timeout: self.execution_timeout,
            result_ttl: self.result_ttl,
            staged: self.staged,
            repeatable: self.repeatable,
            detach: self.detach.then(Detach::default),
            parsing: self.parsing,
            credential: self.credential,
            pinned,
        };
        Request {
            driver: self.driver,
            command: self.command,
            config: self.config,
            connection_args: self.connection_args,
            driver_args: self.driver_args,
            options,
            webhooks: self.webhooks,
            ..Request::default()
        }
    }

    /// Has the driver keep its connection, if it can and was not told otherwise.
    fn keep_connection(&mut self, schemas: impl FnOnce(&str) -> Option<DriverSchemas>) {
        let can = schemas(&self.driver).is_some_and(|it| it.connection_args.pointer("/properties/keepalive").is_some());
        if can {
            self.connection_args.public_mut().entry("keepalive").or_insert_with(|| KEEPALIVE.into());
        }
    }
}

/// Reads what could be the body of `POST /v1/jobs`, for somebody who carries it out alone: no connection is kept for later
/// jobs. Answers also whether it is a `dry_run`. Errors: all that is wrong, each with its place and never with its value.
pub fn read_request(fields: Map<String, Value>) -> Result<(Request, bool), Vec<model::Problem>> {
    let request = JobRequest::read(fields)?;
    let dry_run = request.dry_run;
    Ok((request.into_request(|_| None), dry_run))
}

/// The body as an object.
pub(super) async fn object(
    body: Body,
    headers: &HeaderMap,
    limit: usize,
    api: &Api,
) -> Result<Map<String, Value>, Problem> {
    parsed(&text(body, headers, limit, api).await?)
}

/// The body, of which is known only that it is to be JSON.
pub(super) async fn text(body: Body, headers: &HeaderMap, limit: usize, api: &Api) -> Result<Vec<u8>, Problem> {
    let is_json = |media_type: &[u8]| media_type.trim_ascii().eq_ignore_ascii_case(b"application/json");
    let essence = headers.get(CONTENT_TYPE).map(|value| value.as_bytes().split(|byte| *byte == b';').next());
    if !essence.is_none_or(|essence| essence.is_some_and(is_json)) {
        return Err(invalid("Send JSON, with the header `Content-Type: application/json`.".into()));
    }
    Ok(body::read_up_to(body, limit, &api.config).await?)
}

/// What it says, if that is an object.
pub(super) fn parsed(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    // serde_json says where it is wrong and what was expected, and never what it found.
    match serde_json::from_slice(body).map_err(|error| invalid(format!("The body is no JSON: {error}.")))? {
        Value::Object(fields) => Ok(fields),
        _ => Err(invalid("The body should be an object.".into())),
    }
}

/// How the client named what it asks for. What that is is told by its meaning: the order of fields does not matter.
pub(super) fn idempotency(
    headers: &HeaderMap,
    asked: &(impl Serialize + ?Sized),
    backend: &dyn Backend,
) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
    let key =
        key.ok_or_else(|| invalid(format!("`{IDEMPOTENCY_KEY}` is 1 to {LONGEST_KEY} visible characters of ASCII.")))?;
    // A map of serde_json is sorted.
    let canonical = zeroize::Zeroizing::new(serde_json::to_vec(asked).expect("JSON can be written"));
    Ok(Some(Idempotency { key: key.into(), fingerprint: backend.fingerprint(&canonical) }))
}
