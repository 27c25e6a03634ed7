//! Each request and answer of dialects 0.2, 0.3 and 0.4, as files: `given` is what the backend has, or how it answers. In an
//! answer `ID` is the job's name, `T` any time, `N` any number.

use crate::scripted::{ID, Scripted, job};
use hostler_jobs::{Job, Rejection, State};
use hostler_model::{
    Direction, ErrorKind, Exit, Failure, Moved, Outcome, Output, Phase, Problem, RunResult, Task, TaskId, TaskState,
    Tested,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    given: Option<String>,
    request: Asked,
    answer: Answer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    method: String,
    path: String,
    #[serde(default)]
    body: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    body: Value,
}

fn result(command: &str, stdout: &str) -> RunResult {
    RunResult {
        command: command.into(),
        exit: Exit::Status(0),
        stdout: Output { head: stdout.into(), ..Output::default() },
        stderr: Output::default(),
        duration: Duration::from_millis(5),
        session_reused: false,
        moved: None,
        parsed: None,
    }
}

fn finished(result: RunResult) -> Job {
    Job { outcome: Some(Outcome { results: vec![result], ..Outcome::default() }), ..job(State::Finished) }
}

/// A job with lines of configuration.
fn configured(results: Vec<RunResult>) -> Job {
    let mut job = job(State::Finished);
    job.plan.command = None;
    job.plan.config = Some(results.iter().map(|result| result.command.clone()).collect());
    Job { outcome: Some(Outcome { results, ..Outcome::default() }), ..job }
}

fn task(state: TaskState) -> Task {
    Task {
        id: TaskId::read("a5aaae483a10").expect("a name"),
        job: Some(ID.parse().expect("a UUID")),
        caller: "operator".into(),
        driver: "paramiko".into(),
        target: job(State::Finished).plan.target,
        command: vec!["make".into()],
        state,
        exit: None,
        pid: Some(24121),
        log_file: Some("/home/admin/log".into()),
        push_interval: Some(Duration::from_secs(5)),
        next_offset: 12,
        created_at: job(State::Finished).created_at,
        asked_at: None,
        ended_at: None,
    }
}

fn failed(kind: ErrorKind, phase: Phase, message: &str) -> Job {
    Job { outcome: Some(Failure::new(kind, phase, message).into()), ..job(State::Failed) }
}

fn uploaded() -> Moved {
    Moved {
        direction: Direction::Upload,
        local_path: "a".into(),
        remote_path: "/tmp/a".into(),
        files: 1,
        skipped: 0,
        failed: 0,
        bytes: 100,
        total: 100,
        resumed: 0,
        restarted: None,
        atomic: true,
        request_size: 32768,
        hash: None,
        failures: vec![],
        staged: None,
        warnings: vec![],
    }
}

/// A backend as a fixture wants it.
fn backend(given: Option<&str>) -> Scripted {
    let jobs = match given {
        Some("queued") => vec![job(State::Queued)],
        Some("started") => vec![job(State::Started)],
        Some("finished") => vec![finished(result("uname -s", "Linux\n"))],
        Some("pinned") => {
            let mut pinned = job(State::Started);
            pinned.options.pinned = true;
            vec![pinned]
        }
        Some("transfer") => {
            vec![finished(RunResult { moved: Some(Box::new(uploaded())), ..result("file_transfer_upload", "") })]
        }
        Some("script") => {
            let mut script = finished(result("script_execution_bash", "hi\n"));
            script.plan.driver_args = json!({"script_content": "echo hi"});
            vec![script]
        }
        Some("config") => {
            let failed = RunResult { exit: Exit::Status(1), ..result("b", "") };
            vec![configured(vec![result("a", "a\n"), failed, result("c", "c\n")])]
        }
        Some("config-stopped") => {
            let mut job = configured(vec![result("a", "a\n")]);
            job.state = State::Failed;
            job.plan.config = Some(vec!["a".into(), "b".into()]);
            if let Some(outcome) = &mut job.outcome {
                let message = "The connection was lost.";
                outcome.error = Some(Failure::new(ErrorKind::ConnectionLost, Phase::Exec, message));
            }
            vec![job]
        }
        Some("login-failed") => vec![failed(ErrorKind::AuthFailed, Phase::Auth, "Authentication failed.")],
        Some("timeout") => vec![failed(ErrorKind::Timeout, Phase::Exec, "It took too long.")],
        _ => Vec::new(),
    };
    let backend = Scripted::with_jobs(jobs);
    backend.script().tasks = match given {
        Some("task") => vec![task(TaskState::Running)],
        Some("task-completed") => vec![Task { exit: Some(Exit::Status(3)), ..task(TaskState::Completed) }],
        _ => Vec::new(),
    };
    let mut script = backend.script();
    script.tested = Tested {
        latency: Duration::from_millis(155),
        server_version: Some("SSH-2.0-OpenSSH_9.2p1".into()),
        system: Some("Linux web1".into()),
        warnings: vec![],
    };
    script.rejection = match given {
        Some("no-host") => {
            Some(|| Rejection::Invalid(vec![Problem::new(["connection_args", "host"], "missing", "Field required")]))
        }
        Some("wrong") => Some(|| {
            let message = "Input should be 'auto_add', 'reject' or 'warning'";
            Rejection::Invalid(vec![Problem::new(["connection_args", "host_key_policy"], "literal_error", message)])
        }),
        Some("denied") => Some(|| Failure::new(ErrorKind::Denied, Phase::Policy, "Not at night.").into()),
        Some("unreachable") => {
            Some(|| Failure::new(ErrorKind::AuthFailed, Phase::Auth, "Authentication failed.").into())
        }
        _ => None,
    };
    drop(script);
    backend
}

/// Whether an answer is what a fixture says, place by place; else the place.
fn differs(found: &Value, wanted: &Value, place: String) -> Option<String> {
    let same = match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let names = |fields: &serde_json::Map<String, Value>| fields.keys().cloned().collect::<Vec<_>>();
            if names(found) != names(wanted) {
                return Some(format!("{place}: fields {:?}", names(found)));
            }
            return found.iter().find_map(|(name, value)| differs(value, &wanted[name], format!("{place}.{name}")));
        }
        (Value::Array(found), Value::Array(wanted)) => {
            if found.len() != wanted.len() {
                return Some(format!("{place}: {} items", found.len()));
            }
            let mut pairs = found.iter().zip(wanted).enumerate();
            return pairs.find_map(|(index, (found, wanted))| differs(found, wanted, format!("{place}.{index}")));
        }
        (Value::String(found), Value::String(word)) if word == "T" => found.parse::<Timestamp>().is_ok(),
        (Value::String(found), Value::String(word)) if word == "ID" => found == ID,
        (found, Value::String(word)) if word == "N" => found.is_number(),
        _ => found == wanted,
    };
    (!same).then(|| format!("{place}: {found} instead of {wanted}"))
}

/// Replays the fixtures of a dialect.
async fn replay(dialect: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/fixtures").join(dialect);
    let mut replayed = 0;
    for file in fs::read_dir(folder).expect("a folder of fixtures") {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        let Fixture { given, request, answer } = serde_json::from_str(&text).expect("a fixture");
        let place = request.path.replace("ID", ID);
        let (status, found) = backend(given.as_deref()).ask(&request.method, &place, request.body).await;
        assert_eq!(status.as_u16(), answer.status, "{}: {found}", path.display());
        if let Some(difference) = differs(&found, &answer.body, String::new()) {
            panic!("{}{difference}", path.display());
        }
        replayed += 1;
    }
    assert!(replayed > 40, "{replayed} fixtures are too few");
}

#[tokio::test]
async fn dialect_0_2_answers_as_its_fixtures() {
    replay("v0_2").await;
}

#[tokio::test]
async fn dialect_0_3_answers_as_its_fixtures() {
    replay("v0_3").await;
}

#[tokio::test]
async fn dialect_0_4_answers_as_its_fixtures() {
    replay("v0_4").await;
}
