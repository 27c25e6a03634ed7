//! A backend that does what a test tells it, and a client for it.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode};
use futures::future::{BoxFuture, FutureExt, pending, ready};
use hostler_api::{Api, Backend, Config};
use hostler_jobs::{Delivery, Filter, Job, Page, Recorded, Rejection, State, Submission};
use hostler_model::{DriverSchemas, Failure, JobId, Options, Plan, PluginChange, PluginInfo, Request, Secret, Target};
use hostler_remote::HostKeys;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tower::ServiceExt;

/// The API key of every test.
pub(crate) const KEY: &str = "the-key-of-the-tests";

/// What the backend does and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    /// Jobs that exist.
    pub(crate) jobs: Vec<Job>,
    /// How a submission ends; without one it makes a queued job.
    pub(crate) rejection: Option<fn() -> Rejection>,
    /// Decisions that were made.
    pub(crate) decisions: Vec<Recorded>,
    /// What reading jobs and changing plugins answers instead of them.
    pub(crate) failure: Option<Failure>,
    /// What was told.
    pub(crate) deliveries: Vec<Delivery>,
    /// Why it is not ready.
    pub(crate) unready: Option<Failure>,
    /// Set where waiting never ends; told when somebody waits.
    pub(crate) wait_for_ever: Option<Arc<Notify>>,
    /// Set where a submission takes its time.
    pub(crate) slow_submit: Option<Arc<SlowSubmit>>,
    /// The last request that came through.
    pub(crate) submitted: Option<Request>,
    /// The last change of a plugin.
    pub(crate) change: Option<(String, PluginChange)>,
    /// The last filter of a list or a cancel.
    pub(crate) filter: Option<Filter>,
}

/// The steps of a submission that takes its time.
#[derive(Default)]
pub(crate) struct SlowSubmit {
    /// It has begun.
    pub(crate) begun: Notify,
    /// It may go on.
    pub(crate) go_on: Notify,
    /// It has ended.
    pub(crate) ended: Notify,
}

/// The backend, shared with the test.
#[derive(Clone, Default)]
pub(crate) struct Scripted(pub(crate) Arc<Mutex<Script>>);

impl Scripted {
    /// A backend with these jobs.
    pub(crate) fn with_jobs(jobs: Vec<Job>) -> Self {
        Self(Arc::new(Mutex::new(Script { jobs, ..Script::default() })))
    }

    /// A backend that rejects every submission.
    pub(crate) fn rejecting(rejection: fn() -> Rejection) -> Self {
        Self(Arc::new(Mutex::new(Script { rejection: Some(rejection), ..Script::default() })))
    }

    /// The script, to look at it or to change it.
    pub(crate) fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().expect("no test panics while it holds the script")
    }

    /// The interface over this backend.
    pub(crate) fn api(&self) -> Api {
        self.api_with(no_host_keys())
    }

    /// The interface over this backend and a record of host keys.
    pub(crate) fn api_with(&self, host_keys: HostKeys) -> Api {
        Api::new(Config::default(), self.clone(), host_keys, Secret::new(KEY.into()))
    }

    /// Asks with the key, and answers status, headers and the body as text.
    pub(crate) async fn ask_raw(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, HeaderMap, String) {
        let request = HttpRequest::builder().method(method).uri(path).header("x-api-key", KEY);
        send(&self.api(), request.body(body.into()).expect("a request")).await
    }

    /// Asks with the key, and answers status and JSON.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
        let (status, _, text) = self.ask_raw(method, path, body).await;
        (status, serde_json::from_str(&text).expect("a body of JSON"))
    }

    fn job(&self, id: JobId) -> Result<Option<Job>, Failure> {
        let script = self.script();
        match &script.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(script.jobs.iter().find(|job| job.id == id).cloned()),
        }
    }
}

/// A record of host keys that is empty and cannot be changed.
pub(crate) fn no_host_keys() -> HostKeys {
    HostKeys::new("no such folder/known_hosts".into())
}

/// Sends a request without a socket.
pub(crate) async fn send(api: &Api, request: HttpRequest<Body>) -> (StatusCode, HeaderMap, String) {
    let response = api.router().oneshot(request).await.expect("a router never fails");
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a whole body");
    (head.status, head.headers, String::from_utf8(body.to_vec()).expect("a body of text"))
}

impl Backend for Scripted {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Job, Rejection>> {
        let mut script = self.script();
        let mut job = job(State::Queued);
        job.warnings.clone_from(&submission.request.warnings);
        script.submitted = Some(submission.request);
        let (rejection, slow) = (script.rejection, script.slow_submit.clone());
        drop(script);
        async move {
            if let Some(steps) = slow {
                steps.begun.notify_one();
                steps.go_on.notified().await;
                steps.ended.notify_one();
            }
            rejection.map_or(Ok(job), |rejection| Err(rejection()))
        }
        .boxed()
    }

    fn get(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, Failure>> {
        ready(self.job(id)).boxed()
    }

    fn wait(&self, id: JobId, _patience: Duration) -> BoxFuture<'_, Result<Option<Job>, Failure>> {
        let somebody_waits = self.script().wait_for_ever.clone();
        match somebody_waits {
            Some(told) => {
                told.notify_one();
                pending().boxed()
            }
            None => self.get(id),
        }
    }

    fn list(&self, filter: Filter, page: Page) -> BoxFuture<'_, Result<Vec<Job>, Failure>> {
        let mut script = self.script();
        let jobs = script.jobs.iter().filter(|job| filter.id.is_none_or(|id| id == job.id));
        let jobs = jobs.take(page.limit).cloned().collect();
        script.filter = Some(filter);
        ready(Ok(jobs)).boxed()
    }

    fn cancel(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<JobId>, Failure>> {
        let mut script = self.script();
        script.filter = Some(filter);
        ready(Ok(script.jobs.iter().map(|job| job.id).collect())).boxed()
    }

    fn deliveries(&self, job: JobId) -> BoxFuture<'_, Result<Vec<Delivery>, Failure>> {
        let about = |delivery: &&Delivery| delivery.job == job;
        ready(Ok(self.script().deliveries.iter().filter(about).cloned().collect())).boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Failure>> {
        ready(self.script().unready.clone().map_or(Ok(()), Err)).boxed()
    }

    fn decisions(&self, job: Option<JobId>, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>> {
        let about = |recorded: &&Recorded| job.is_none() || recorded.entry.job == job;
        ready(Ok(self.script().decisions.iter().filter(about).take(limit).cloned().collect())).boxed()
    }

    fn plugins(&self) -> Vec<PluginInfo> {
        vec![PluginInfo {
            name: "paramiko".into(),
            version: "0.1.0".into(),
            summary: "Linux over SSH".into(),
            world: "driver".into(),
            digest: "sha256:00".into(),
            origin: "built-in".into(),
            signed_by: None,
            loaded_at: Some(at("56")),
            previous: None,
            grants: json!(["connect"]),
            usage: Value::Null,
            limits: json!({"memory": 1}),
            error: None,
        }]
    }

    fn plugin(&self, name: &str) -> Option<PluginInfo> {
        self.plugins().into_iter().find(|plugin| plugin.name == name)
    }

    fn change_plugin<'a>(&'a self, name: &'a str, change: PluginChange) -> BoxFuture<'a, Result<PluginInfo, Failure>> {
        let mut script = self.script();
        script.change = Some((name.to_owned(), change));
        let answer = script.failure.clone().map_or_else(|| Ok(self.plugins().remove(0)), Err);
        ready(answer).boxed()
    }

    fn drivers(&self) -> Vec<String> {
        vec!["paramiko".into(), "toaster".into()]
    }

    fn schemas(&self, driver: &str) -> Option<DriverSchemas> {
        (driver == "paramiko").then(|| DriverSchemas {
            connection_args: Arc::new(json!({"properties": {
                "host": {"type": "string"},
                "username": {"type": "string"},
                "password": {"type": "string", "writeOnly": true},
                "port": {"type": "integer"},
                "timeout": {"type": "number"},
            }})),
            driver_args: Arc::new(json!({"properties": {
                "timeout": {"type": "number"},
                "get_pty": {"type": "boolean"},
                "environment": {"type": "object", "additionalProperties": {"type": "string"}},
            }})),
        })
    }
}

/// The id of [`job`].
pub(crate) const ID: &str = "019ab2c3-0000-7000-8000-000000000001";

/// A job with round times: submitted at 0 s, started after 0.25 s, ended after 1.75 s as far as the state says so.
pub(crate) fn job(state: State) -> Job {
    Job {
        id: ID.parse().expect("a UUID"),
        state,
        caller: "operator".into(),
        batch: None,
        driver: "paramiko".into(),
        options: Options::default(),
        attempt: 1,
        trace: None,
        plan: Plan {
            target: Target { host: "192.0.2.10".into(), port: 22, user: "admin".into(), jumps: vec![] },
            command: Some(vec!["uname -s".into()]),
            config: None,
            connection_args: json!({"host": "192.0.2.10", "username": "admin", "port": 22}),
            driver_args: json!({}),
            warnings: Vec::new(),
            driver_version: "0.1.0".into(),
            driver_digest: "sha256:00".into(),
        },
        created_at: at("56"),
        started_at: (state != State::Queued).then(|| at("56.25")),
        cancel_requested_at: None,
        ended_at: (!matches!(state, State::Queued | State::Started)).then(|| at("58")),
        outcome: None,
        warnings: Vec::new(),
    }
}

fn at(seconds: &str) -> Timestamp {
    format!("2026-11-22T14:34:{seconds}Z").parse().expect("a time")
}

/// The smallest request that is right.
pub(crate) fn request() -> Value {
    json!({
        "driver": "paramiko",
        "connection_args": {"host": "192.0.2.10", "username": "admin", "password": "pw"},
        "command": "uname -s",
    })
}

/// The smallest request, with some fields changed; null removes one.
pub(crate) fn request_with(changes: Value) -> Value {
    let mut request = request();
    json_patch(&mut request, changes);
    request
}

/// A merge of two objects (RFC 7396), as far as tests need it.
fn json_patch(value: &mut Value, changes: Value) {
    match (value, changes) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    fields.remove(&name);
                } else {
                    json_patch(fields.entry(name).or_insert(Value::Null), change);
                }
            }
        }
        (value, change) => *value = change,
    }
}
