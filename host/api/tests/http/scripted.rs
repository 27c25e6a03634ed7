//! A backend that does what a test tells it, and a client for it.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode};
use futures::future::{BoxFuture, FutureExt, pending, ready};
use futures::stream::{BoxStream, StreamExt, iter};
use hostler_api::{Api, Backend, Config};
use hostler_files::{Staged, StagedFile};
use hostler_jobs::{
    AuditFilter, Batch, Cancelled, Delivery, DryRun, Filter, Idempotency, Intake, Job, Key, KeyDigest, Mode, Opinion,
    Page, Recorded, Rejection, Slice, State, Submission, Submitted, Told, Verdict,
};
use hostler_model::{
    AuditEntry, BatchId, Caller, DriverSchemas, ErrorKind, Failure, JobId, KeyInfo, NewKey, Options, Phase, Plan,
    PluginChange, PluginInfo, Rate, Request, Secret, Target, Task, TaskId, TaskSlice, TaskState, Tested,
};
use hostler_remote::HostKeys;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt;
use uuid::Uuid;

/// The API key of every test.
pub(crate) const KEY: &str = "the-key-of-the-tests";

/// What the backend does and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    /// Jobs that exist.
    pub(crate) jobs: Vec<Job>,
    /// Detached tasks that exist.
    pub(crate) tasks: Vec<Task>,
    /// How a submission ends; without one it makes a queued job.
    pub(crate) rejection: Option<fn() -> Rejection>,
    /// Hosts that no job is for.
    pub(crate) unwanted: Vec<String>,
    /// Submissions that had a name, and the jobs that they became.
    pub(crate) named: Vec<(Idempotency, Job)>,
    /// Batches that were recorded.
    pub(crate) batches: Vec<Batch>,
    /// What the audit has.
    pub(crate) audit: Vec<Recorded>,
    /// The last look at the audit.
    pub(crate) audit_filter: Option<AuditFilter>,
    /// What was written to the audit.
    pub(crate) recorded: Vec<AuditEntry>,
    /// The keys that open besides the operator's.
    pub(crate) keys: HashMap<KeyDigest, Arc<Key>>,
    /// The last key that was wanted, and by whom.
    pub(crate) new_key: Option<(NewKey, String)>,
    /// The last key that was revoked, and by whom.
    pub(crate) revoked: Option<(String, String)>,
    /// Who submitted last.
    pub(crate) submitter: Option<Caller>,
    /// What a client that follows a job is told.
    pub(crate) told: Vec<Told>,
    /// Whether it is told that again and again.
    pub(crate) told_for_ever: bool,
    /// Set where more would come; told when that is awaited.
    pub(crate) more_to_come: Option<Arc<Notify>>,
    /// What a job wrote.
    pub(crate) slice: Option<Slice>,
    /// What was asked of a log: the number of an event, or run, stream, offset and patience.
    pub(crate) read: Option<String>,
    /// What reading jobs and changing plugins answers instead of them.
    pub(crate) failure: Option<Failure>,
    /// What was told.
    pub(crate) deliveries: Vec<Delivery>,
    /// What a look at a target tells.
    pub(crate) tested: Tested,
    /// Whether the driver's commands can go on by themselves.
    pub(crate) detaches: bool,
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
    /// Who cancelled or changed a plugin last.
    pub(crate) by: Option<String>,
    /// The last filter of a list or a cancel.
    pub(crate) filter: Option<Filter>,
    /// What clients left, and the folder that holds it.
    pub(crate) staged: Option<(Arc<Staged>, TempDir)>,
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

    /// What clients left: at most 64 KiB a file.
    pub(crate) fn staged(&self) -> Arc<Staged> {
        let mut script = self.script();
        let (staged, _) = script.staged.get_or_insert_with(|| {
            let data = tempfile::tempdir().expect("a folder");
            for folder in ["files", "staged"] {
                fs::create_dir(data.path().join(folder)).expect("a folder");
            }
            let config = hostler_files::Config {
                data: data.path().into(),
                staged_max_size: 64 << 10,
                ..hostler_files::Config::default()
            };
            (config.build().expect("the folders are there").staged, data)
        });
        Arc::clone(staged)
    }

    /// How many there are on the disk, whole or not.
    pub(crate) fn staged_folders(&self) -> usize {
        let script = self.script();
        let Some((_, data)) = &script.staged else { return 0 };
        fs::read_dir(data.path().join("staged")).expect("it is there").count()
    }

    /// The script, to look at it or to change it.
    pub(crate) fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().expect("no test panics while it holds the script")
    }

    /// Has this key open, for this caller.
    pub(crate) fn admit(&self, key: &str, caller: Caller, rate: Option<Rate>) {
        let key_info = KeyInfo { rate, ..info(caller) };
        self.script().keys.insert(KeyDigest::of(key.as_bytes()), Arc::new(Key::new(key_info)));
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
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Submitted, Rejection>> {
        let mut script = self.script();
        let Submission { request, caller, idempotency, batch, .. } = submission;
        if let Some(Idempotency { key, fingerprint }) = &idempotency
            && let Some((_, job)) = script.named.iter().find(|(named, _)| named.key == *key)
        {
            let same = script.named.iter().any(|(named, _)| named.key == *key && named.fingerprint == *fingerprint);
            let conflict =
                || Failure::new(ErrorKind::IdempotencyConflict, Phase::Store, "Another request had this key.");
            let answer = if same { Ok(Submitted { job: job.clone(), known: true }) } else { Err(conflict().into()) };
            return ready(answer).boxed();
        }
        let mut job = job(State::Queued);
        job.warnings.clone_from(&request.warnings);
        job.caller.clone_from(&caller.name);
        job.options.clone_from(&request.options);
        job.plan.command.clone_from(&request.command);
        job.plan.config.clone_from(&request.config);
        if let Some(host) = request.connection_args.public().get("host").and_then(Value::as_str) {
            host.clone_into(&mut job.plan.target.host);
        }
        if batch.is_some() {
            (job.id, job.batch) = (JobId::new(), batch);
        }
        script.submitted = Some(request);
        script.submitter = Some(caller);
        let is_unwanted = script.unwanted.contains(&job.plan.target.host);
        let rejection = if is_unwanted { Some(unwanted as fn() -> Rejection) } else { script.rejection };
        let slow = script.slow_submit.clone();
        if rejection.is_none() {
            script.named.extend(idempotency.map(|idempotency| (idempotency, job.clone())));
        }
        drop(script);
        async move {
            if let Some(steps) = slow {
                steps.begun.notify_one();
                steps.go_on.notified().await;
                steps.ended.notify_one();
            }
            rejection.map_or(Ok(Submitted { job, known: false }), |rejection| Err(rejection()))
        }
        .boxed()
    }

    fn dry_run(&self, submission: Submission) -> BoxFuture<'_, Result<DryRun, Rejection>> {
        let rejection = self.script().rejection;
        let plan = job(State::Queued).plan;
        let verdict = Verdict {
            policy: "business-hours".into(),
            mode: Mode::Monitor,
            verdict: Opinion::WouldDeny,
            reason: "It is night.".into(),
        };
        let dry_run = DryRun { plan, policies: vec![verdict], warnings: submission.request.warnings };
        ready(rejection.map_or(Ok(dry_run), |rejection| Err(rejection()))).boxed()
    }

    fn fingerprint(&self, bytes: &[u8]) -> [u8; 32] {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&hasher.finish().to_le_bytes());
        fingerprint
    }

    fn get(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, Failure>> {
        ready(self.job(id)).boxed()
    }

    fn caller_of_open(&self, id: JobId) -> Option<String> {
        let open = self.script().jobs.iter().find(|job| job.id == id && job.ended_at.is_none()).cloned();
        open.map(|job| job.caller)
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

    fn follow(&self, _job: Job, after: u64) -> BoxStream<'static, Result<Told, Failure>> {
        let mut script = self.script();
        script.read = Some(format!("after {after}"));
        let told = iter(script.told.clone());
        match script.more_to_come.clone() {
            _ if script.told_for_ever => told.cycle().map(Ok).boxed(),
            Some(awaited) => {
                let never = async move {
                    awaited.notify_one();
                    pending().await
                };
                told.map(Ok).chain(never.into_stream()).boxed()
            }
            None => told.map(Ok).boxed(),
        }
    }

    fn output<'a>(
        &'a self,
        _job: Job,
        run: u32,
        stream: &'a str,
        offset: u64,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Slice, Failure>> {
        let mut script = self.script();
        script.read = Some(format!("{run} {stream} {offset} {patience:?}"));
        let nothing = Slice { offset, bytes: b"".into(), total: None };
        ready(Ok(script.slice.clone().unwrap_or(nothing))).boxed()
    }

    fn list(&self, filter: Filter, page: Page) -> BoxFuture<'_, Result<Vec<Job>, Failure>> {
        let mut script = self.script();
        let is_wanted = |job: &&Job| wanted(&filter, job) && page.before.is_none_or(|before| job.id < before);
        let jobs = script.jobs.iter().filter(is_wanted).take(page.limit).cloned().collect();
        script.filter = Some(filter);
        ready(Ok(jobs)).boxed()
    }

    fn counts(&self, filter: Filter) -> BoxFuture<'_, Result<BTreeMap<State, u64>, Failure>> {
        let mut counts = BTreeMap::new();
        for job in self.script().jobs.iter().filter(|job| wanted(&filter, job)) {
            *counts.entry(job.state).or_default() += 1;
        }
        ready(Ok(counts)).boxed()
    }

    fn deliveries(&self, job: JobId) -> BoxFuture<'_, Result<Vec<Delivery>, Failure>> {
        let about = |delivery: &&Delivery| delivery.job == job;
        ready(Ok(self.script().deliveries.iter().filter(about).cloned().collect())).boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Failure>> {
        ready(self.script().unready.clone().map_or(Ok(()), Err)).boxed()
    }

    fn waiting_for(&self, _id: JobId) -> Option<String> {
        Some("64 of 64 jobs run".into())
    }

    fn cancel<'a>(&'a self, filter: Filter, by: &'a Caller) -> BoxFuture<'a, Result<Cancelled, Failure>> {
        let mut script = self.script();
        let ids = |state| {
            let jobs = script.jobs.iter().filter(|job| job.state == state && wanted(&filter, job));
            jobs.map(|job| job.id).collect()
        };
        let cancelled = Cancelled { ended: ids(State::Queued), asked: ids(State::Started) };
        for job in script.jobs.iter_mut().filter(|job| job.state == State::Queued && wanted(&filter, job)) {
            job.state = State::Canceled;
        }
        script.filter = Some(filter);
        script.by = Some(by.name.clone());
        ready(Ok(cancelled)).boxed()
    }

    fn insert_batch(&self, batch: Batch) -> BoxFuture<'_, Result<(), Failure>> {
        let mut script = self.script();
        match script.batches.iter_mut().find(|kept| kept.id == batch.id) {
            Some(kept) if kept.created_at == batch.created_at => *kept = batch,
            Some(_) => {}
            None => script.batches.push(batch),
        }
        ready(Ok(())).boxed()
    }

    fn batch(&self, id: BatchId) -> BoxFuture<'_, Result<Option<Batch>, Failure>> {
        ready(Ok(self.script().batches.iter().find(|batch| batch.id == id).cloned())).boxed()
    }

    fn test(&self, request: Request, by: Caller) -> BoxFuture<'_, Result<Tested, Rejection>> {
        let mut script = self.script();
        script.submitted = Some(request);
        script.submitter = Some(by);
        let answer = match (script.rejection, &script.failure) {
            (Some(rejection), _) => Err(rejection()),
            (None, Some(failure)) => Err(failure.clone().into()),
            (None, None) => Ok(script.tested.clone()),
        };
        ready(answer).boxed()
    }

    fn tasks<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Result<Vec<Task>, Failure>> {
        ready(Ok(self.script().tasks.clone())).boxed()
    }

    fn read_task<'a>(
        &'a self,
        id: &'a TaskId,
        offset: Option<u64>,
        _: &'a Caller,
    ) -> BoxFuture<'a, Result<Option<TaskSlice>, Failure>> {
        let task = self.script().tasks.iter().find(|task| task.id == *id).cloned();
        let slice = task.map(|task| TaskSlice {
            offset: offset.unwrap_or(task.next_offset),
            output: b"line3\nline4\n".into(),
            next_offset: offset.unwrap_or(task.next_offset) + 12,
            completed: task.state != TaskState::Running,
            task,
        });
        ready(Ok(slice)).boxed()
    }

    fn kill_task<'a>(&'a self, id: &'a TaskId, _: &'a Caller) -> BoxFuture<'a, Result<Option<Task>, Failure>> {
        ready(Ok(self.script().tasks.iter().find(|task| task.id == *id).cloned())).boxed()
    }

    fn forget_tasks<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Result<u64, Failure>> {
        ready(Ok(std::mem::take(&mut self.script().tasks).len() as u64)).boxed()
    }

    fn discover_tasks(&self, request: Request, _: Caller) -> BoxFuture<'_, Result<Vec<Task>, Rejection>> {
        let mut script = self.script();
        script.submitted = Some(request);
        ready(Ok(script.tasks.clone())).boxed()
    }

    fn stage<'a>(&'a self, name: &'a str, once: bool, by: &'a Caller) -> BoxFuture<'a, Result<Intake, Failure>> {
        ready(Scripted::staged(self).put(name, &by.name, once).map(Intake::new)).boxed()
    }

    fn staged<'a>(&'a self, id: Uuid, by: &'a Caller) -> BoxFuture<'a, Result<(StagedFile, File), Failure>> {
        let found = Scripted::staged(self).get(&id.to_string());
        let none = Failure::new(ErrorKind::NotFound, Phase::Transfer, "it is somebody else's");
        ready(found.and_then(|found| if by.reaches(&found.0.owner) { Ok(found) } else { Err(none) })).boxed()
    }

    fn unstage<'a>(&'a self, id: Uuid, _: &'a Caller) -> BoxFuture<'a, Result<(), Failure>> {
        ready(Scripted::staged(self).remove(&id.to_string())).boxed()
    }

    fn audit(&self, filter: AuditFilter, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>> {
        let mut script = self.script();
        let about = |recorded: &&Recorded| filter.job.is_none() || recorded.entry.job == filter.job;
        let found = script.audit.iter().filter(about).take(limit).cloned().collect();
        script.audit_filter = Some(filter);
        ready(Ok(found)).boxed()
    }

    fn record(&self, entry: &AuditEntry) {
        self.script().recorded.push(entry.clone());
    }

    fn key(&self, digest: &KeyDigest) -> Option<Arc<Key>> {
        self.script().keys.get(digest).cloned()
    }

    fn keys(&self) -> Vec<KeyInfo> {
        vec![info(Caller::operator())]
    }

    fn make_key<'a>(&'a self, wanted: NewKey, by: &'a Caller) -> BoxFuture<'a, Result<(KeyInfo, Secret), Failure>> {
        let mut script = self.script();
        script.new_key = Some((wanted.clone(), by.name.clone()));
        let info = KeyInfo { rate: wanted.rate, expires_at: wanted.expires_at, ..info(wanted.caller) };
        let answer = script.failure.clone().map_or_else(|| Ok((info, Secret::new("hostler_00".into()))), Err);
        ready(answer).boxed()
    }

    fn revoke_key<'a>(&'a self, name: &'a str, by: &'a Caller) -> BoxFuture<'a, Result<(), Failure>> {
        let mut script = self.script();
        script.revoked = Some((name.to_owned(), by.name.clone()));
        ready(script.failure.clone().map_or(Ok(()), Err)).boxed()
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
            breaker: None,
            error: None,
        }]
    }

    fn plugin(&self, name: &str) -> Option<PluginInfo> {
        self.plugins().into_iter().find(|plugin| plugin.name == name)
    }

    fn change_plugin<'a>(
        &'a self,
        name: &'a str,
        change: PluginChange,
        by: &'a Caller,
    ) -> BoxFuture<'a, Result<PluginInfo, Failure>> {
        let mut script = self.script();
        script.by = Some(by.name.clone());
        script.change = Some((name.to_owned(), change));
        let answer = script.failure.clone().map_or_else(|| Ok(self.plugins().remove(0)), Err);
        ready(answer).boxed()
    }

    fn drivers(&self) -> Vec<String> {
        vec!["paramiko".into(), "toaster".into()]
    }

    fn schemas(&self, driver: &str) -> Option<DriverSchemas> {
        let more = if self.script().detaches { json!({"detach": {"type": "boolean"}}) } else { json!({}) };
        let mut driver_args = json!({
            "timeout": {"type": "number"},
            "get_pty": {"type": "boolean"},
            "environment": {"type": "object", "additionalProperties": {"type": "string"}},
        });
        json_patch(&mut driver_args, more);
        (driver == "paramiko").then(|| DriverSchemas {
            connection_args: Arc::new(json!({"properties": {
                "host": {"type": "string"},
                "username": {"type": "string"},
                "password": {"type": "string", "writeOnly": true},
                "port": {"type": "integer"},
                "timeout": {"type": "number"},
            }})),
            driver_args: Arc::new(json!({"properties": driver_args})),
        })
    }
}

fn unwanted() -> Rejection {
    Failure::new(ErrorKind::Denied, Phase::Policy, "Nothing is done there.").into()
}

/// Whether a filter means a job, as far as tests use it.
fn wanted(filter: &Filter, job: &Job) -> bool {
    filter.id.is_none_or(|id| id == job.id)
        && filter.ids.as_ref().is_none_or(|ids| ids.contains(&job.id))
        && (filter.states.is_empty() || filter.states.contains(&job.state))
        && filter.caller.as_ref().is_none_or(|caller| *caller == job.caller)
        && filter.pinned.is_none_or(|pinned| pinned == job.options.pinned)
        && filter.host.as_ref().is_none_or(|host| *host == job.plan.target.host)
        && filter.batch.is_none_or(|batch| job.batch == Some(batch))
}

/// What is known about the key of a caller.
pub(crate) fn info(caller: Caller) -> KeyInfo {
    let (created_at, created_by) = (at("56"), "operator".into());
    KeyInfo { caller, rate: None, created_at, created_by, expires_at: None, last_used_at: None }
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
            secrets: vec!["connection_args.password".into()],
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
