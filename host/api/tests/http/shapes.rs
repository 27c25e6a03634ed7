//! What dialect 0.2 answers when all is well.

use crate::scripted::{ID, Scripted, job, request, request_with};
use axum::http::StatusCode;
use hostler_jobs::{Job, State};
use hostler_model::{
    Direction, ErrorKind, Exit, Failure, Hash, HashAlgorithm, JobId, Moved, NotMoved, Outcome, Output, Phase, RunResult,
};
use serde_json::{Value, json};
use std::time::Duration;

fn ran(command: &str, exit: Exit, stdout: &str) -> RunResult {
    let stdout = Output { head: stdout.into(), ..Output::default() };
    RunResult {
        command: command.into(),
        exit,
        stdout,
        stderr: Output::default(),
        duration: Duration::from_millis(5),
        session_reused: false,
        moved: None,
        parsed: None,
        launched: None,
    }
}

fn ended(state: State, outcome: Outcome) -> Job {
    Job { outcome: Some(outcome), ..job(state) }
}

async fn shown(job: Job) -> Value {
    let (status, mut reply) = Scripted::with_jobs(vec![job]).ask("GET", &format!("/job?id={ID}"), Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&reply["code"], &reply["message"]), (&json!(200), &json!("success")));
    reply["data"][0].take()
}

#[tokio::test]
async fn a_submitted_job_is_queued() {
    for path in ["/device/execute", "/v0.2/device/execute"] {
        let (status, reply) = Scripted::default().ask("POST", path, request()).await;
        assert_eq!(status, StatusCode::CREATED);
        let queued = json!({
            "code": 200,
            "message": "success",
            "data": {
                "id": ID,
                "status": "queued",
                "created_at": "2026-11-22T14:34:56.000000+00:00",
                "enqueued_at": "2026-11-22T14:34:56.000000+00:00",
                "started_at": null,
                "ended_at": null,
                "queue": "FifoQ",
                "worker": null,
                "result": null,
                "duration": null,
                "queue_time": null,
                "host": "192.0.2.10",
                "warnings": [],
            },
        });
        assert_eq!(reply, queued, "{path}");
    }
}

#[tokio::test]
async fn a_finished_job_has_a_result_for_each_command() {
    let results = vec![
        ran("uname -s", Exit::Status(0), "Linux\n"),
        ran("false", Exit::Status(1), ""),
        ran("uname -s", Exit::Signal("TERM".into()), ""),
    ];
    let mut job = ended(State::Finished, Outcome { results, ..Outcome::default() });
    job.warnings = vec!["mind the gap".into()];
    let finished = json!({
        "id": ID,
        "status": "finished",
        "created_at": "2026-11-22T14:34:56.000000+00:00",
        "enqueued_at": "2026-11-22T14:34:56.000000+00:00",
        "started_at": "2026-11-22T14:34:56.250000+00:00",
        "ended_at": "2026-11-22T14:34:58.000000+00:00",
        "queue": "FifoQ",
        "worker": "hostler_FifoQ",
        "result": {
            "type": 1,
            "retval": {
                "uname -s": {"output": "Linux\n", "error": "", "exit_status": 0},
                "false": {"output": "", "error": "", "exit_status": 1},
                "uname -s (2)": {"output": "", "error": "", "exit_status": -1},
            },
            "error": null,
        },
        "duration": 1.75,
        "queue_time": 0.25,
        "host": "192.0.2.10",
        "warnings": ["mind the gap"],
    });
    assert_eq!(shown(job).await, finished);
}

#[tokio::test]
async fn a_transfer_tells_what_netpulse_tells_and_the_truth() {
    let moved = Moved {
        direction: Direction::Download,
        local_path: "/local/file.txt".into(),
        remote_path: "/remote/file.txt".into(),
        files: 1,
        skipped: 2,
        failed: 1,
        bytes: 60,
        total: 100,
        resumed: 40,
        restarted: None,
        atomic: true,
        request_size: 32768,
        hash: Some(Hash { algorithm: HashAlgorithm::Sha256, hex: "00ff".into() }),
        failures: vec![NotMoved { path: "x".into(), reason: "no".into() }],
        staged: None,
        warnings: vec![],
    };
    let ran = ran("file_transfer_download", Exit::Status(1), "File transfer completed: 60/100 bytes");
    let results = vec![RunResult { moved: Some(Box::new(moved)), ..ran }];
    let job = shown(ended(State::Finished, Outcome { results, ..Outcome::default() })).await;
    let wanted = json!({
        "output": "File transfer completed: 60/100 bytes",
        "error": "",
        "exit_status": 1,
        "transfer_result": {
            "success": false, "local_path": "/local/file.txt", "remote_path": "/remote/file.txt",
            "bytes_transferred": 60, "total_bytes": 100, "resumed": true,
            "resumed_bytes": 40, "restarted": null, "chunk_size": 32768, "files": 1, "skipped": 2, "failed": 1,
            "atomic": true, "hash": {"algorithm": "sha256", "hex": "00ff"},
        },
    });
    assert_eq!(job["result"]["retval"]["file_transfer_download"], wanted);
}

#[tokio::test]
async fn results_come_in_the_order_in_which_the_commands_ran() {
    let results = ["z", "a", "m"].map(|command| ran(command, Exit::Status(0), "")).into();
    let backend = Scripted::with_jobs(vec![ended(State::Finished, Outcome { results, ..Outcome::default() })]);
    let (_, _, text) = backend.ask_raw("GET", "/job", "").await;
    let places = ["\"z\"", "\"a\"", "\"m\""].map(|key| text.find(key).expect("the command is a key"));
    assert!(places.is_sorted(), "{text}");
}

#[tokio::test]
async fn a_failed_job_says_why_and_keeps_what_ran_before() {
    let failure = Failure::new(ErrorKind::AuthFailed, Phase::Auth, "The server took none of the credentials.")
        .with_detail("for the log only");
    let error = json!({
        "type": "AuthenticationException",
        "message": "The server took none of the credentials.",
        "kind": "auth-failed",
        "phase": "auth",
    });
    let job = shown(ended(State::Failed, failure.into())).await;
    assert_eq!(job["result"], json!({"type": 2, "retval": null, "error": error}));

    let error = Some(Failure::new(ErrorKind::Timeout, Phase::Exec, "It took too long."));
    let outcome = Outcome { results: vec![ran("true", Exit::Status(0), "")], error, warnings: Vec::new() };
    let job = shown(ended(State::Failed, outcome)).await;
    assert_eq!(job["result"]["error"]["type"], "TimeoutError");
    assert_eq!(job["result"]["retval"], json!({"true": {"output": "", "error": "", "exit_status": 0}}));
}

#[tokio::test]
async fn a_canceled_job_has_type_3() {
    let failure = Failure::new(ErrorKind::Canceled, Phase::Store, "Somebody cancelled the job.");
    let job = shown(ended(State::Canceled, failure.into())).await;
    assert_eq!((&job["status"], &job["result"]["type"]), (&json!("canceled"), &json!(3)));
}

#[tokio::test]
async fn no_such_job_is_an_empty_list() {
    for path in ["/job?id=019ab2c3-0000-7000-8000-00000000ffff", "/job?id=what", "/job?queue=HostQ_a", "/job?node=b"] {
        let backend = Scripted::with_jobs(vec![job(State::Queued)]);
        let answer = backend.ask("GET", path, Value::Null).await;
        assert_eq!(answer, (StatusCode::OK, json!({"code": 200, "message": "success", "data": []})), "{path}");
    }
}

#[tokio::test]
async fn filters_reach_the_backend() {
    let backend = Scripted::with_jobs(vec![job(State::Queued)]);
    let path = "/job?status=queued&host=192.0.2.10&queue=FifoQ&node=hostler&X-API-KEY=";
    let (_, reply) = backend.ask("GET", path, Value::Null).await;
    assert_eq!(reply["data"].as_array().map(Vec::len), Some(1));
    let filter = backend.script().filter.take().expect("a filter");
    assert_eq!((filter.id, filter.states, filter.host.as_deref()), (None, [State::Queued].into(), Some("192.0.2.10")));
}

#[tokio::test]
async fn a_list_that_was_cut_says_so() {
    // A thousand at most, and those with less than 32 MiB together.
    for (job, count, listed) in [(job(State::Queued), 1001, 1000), (large(17 << 20), 2, 1)] {
        let mut jobs: Vec<Job> = (0..count).map(|_| Job { id: JobId::new(), ..job.clone() }).collect();
        jobs.reverse();
        let backend = Scripted::with_jobs(jobs);
        let (_, reply) = backend.ask("GET", "/job", Value::Null).await;
        assert_eq!(reply["data"].as_array().map(Vec::len), Some(listed));
        let message = reply["message"].as_str().expect("a message");
        assert!(message.contains(&format!("newest {listed} jobs")), "{message}");
        let (_, reply) = backend.ask("GET", "/v0.4/jobs", Value::Null).await;
        assert_eq!(reply.as_array().map(Vec::len), Some(listed));
    }
}

/// A job whose command wrote so many bytes.
fn large(bytes: usize) -> Job {
    let results = vec![ran("cat", Exit::Status(0), &"x".repeat(bytes))];
    ended(State::Finished, Outcome { results, ..Outcome::default() })
}

#[tokio::test]
async fn cancelling_answers_the_ids() {
    let backend = Scripted::with_jobs(vec![job(State::Queued)]);
    let (status, reply) = backend.ask("DELETE", &format!("/job?id={ID}"), Value::Null).await;
    assert_eq!((status, reply), (StatusCode::OK, json!({"code": 200, "message": "success", "data": [ID]})));
    assert!(backend.script().filter.as_ref().is_some_and(|filter| filter.id.is_some()));
}

#[tokio::test]
async fn cancelling_without_a_filter_cancels_nothing() {
    for path in ["/job", "/job?id=", "/job?queue=nope", "/job?id=nope"] {
        let backend = Scripted::with_jobs(vec![job(State::Queued)]);
        let (_, reply) = backend.ask("DELETE", path, Value::Null).await;
        assert_eq!(reply["data"], json!([]), "{path}");
        assert!(backend.script().filter.is_none(), "{path}");
    }
}

#[tokio::test]
async fn health_is_ok() {
    let answer = Scripted::default().ask("GET", "/health", Value::Null).await;
    assert_eq!(answer, (StatusCode::OK, json!({"code": 200, "message": "success", "data": "ok"})));
}

#[tokio::test]
async fn arguments_are_coerced_and_nulls_are_absent() {
    let backend = Scripted::default();
    let given = request_with(json!({
        "connection_args": {"port": "2222", "timeout": "1.5"},
        "command": ["a", "b"],
        "driver_args": {"get_pty": "yes"},
        "options": {"ttl": "60", "queue_strategy": "fifo"},
    }));
    let (status, reply) = backend.ask("POST", "/device/execute", given).await;
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    let request = backend.script().submitted.take().expect("a request");
    let connection_args = json!({"host": "192.0.2.10", "username": "admin", "port": 2222, "timeout": 1.5});
    assert_eq!(Value::Object(request.connection_args.public().clone()), connection_args);
    assert_eq!(request.connection_args.secrets()["connection_args.password"].expose(), "pw");
    assert_eq!(Value::Object(request.driver_args.public().clone()), json!({"get_pty": true}));
    assert_eq!(request.command, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!((request.config, request.options.ttl), (None, Some(Duration::from_mins(1))));
}

#[tokio::test]
async fn what_is_ignored_is_a_warning() {
    let given = request_with(json!({
        "connection_args": {"hots": 1, "token": "t"},
        "driver_args": {"bufsize": 1},
        "options": {"queue_strategy": "pinned"},
    }));
    let (status, reply) = Scripted::default().ask("POST", "/v0.2/device/execute", given).await;
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    let warnings = reply["data"]["warnings"].as_array().expect("a list");
    let warnings: Vec<_> = warnings.iter().filter_map(Value::as_str).collect();
    assert!(warnings[0].contains("driver paramiko keeps no connections"), "{reply}");
    let ignored = "is not a parameter of driver paramiko and was ignored";
    for (warning, path) in
        warnings[1..].iter().zip(["connection_args.hots", "connection_args.token", "driver_args.bufsize"])
    {
        assert_eq!(*warning, format!("{path} {ignored}"));
    }
    assert_eq!(warnings.len(), 4);
}

#[tokio::test]
async fn empty_commands_are_for_the_driver_to_judge() {
    for command in [json!(""), json!([])] {
        let (status, _) =
            Scripted::default().ask("POST", "/device/execute", request_with(json!({"command": command}))).await;
        assert_eq!(status, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn all_that_0_3_asks_for_reaches_the_backend() {
    let backend = Scripted::default();
    let given = request_with(json!({
        "ttl": "86400", "result_ttl": 60, "queue_strategy": "pinned",
        "credential": {"name": "vault_kv", "ref": "net/web", "mount": "kv"},
        "webhook": {"url": "http://192.0.2.1/hook", "max_retries": 1},
    }));
    let (status, reply) = backend.ask("POST", "/v0.3/device/exec", given).await;
    assert_eq!((status, &reply["code"]), (StatusCode::CREATED, &json!(201)), "{reply}");
    let request = backend.script().submitted.take().expect("a request");
    let options = request.options;
    assert_eq!((options.ttl, options.result_ttl), (Some(Duration::from_hours(24)), Some(Duration::from_mins(1))));
    assert!(options.pinned);
    let credential = options.credential.expect("a credential");
    assert_eq!((credential.provider.as_deref(), credential.reference.as_str()), (Some("vault_kv"), "net/web"));
    let [webhook] = request.webhooks.try_into().ok().expect("a webhook");
    assert_eq!((webhook.dialect.as_str(), webhook.url.expose()), ("0.3", "http://192.0.2.1/hook"));
}

#[tokio::test]
async fn jobs_of_a_bulk_wait_for_ten_minutes_and_have_what_is_their_own() {
    let backend = Scripted::default();
    let devices = json!([{"host": "192.0.2.11", "port": "2222", "password": "own", "command": ["a", "b"]}]);
    let (status, _) = backend.ask("POST", "/v0.3/device/bulk", request_with(json!({"devices": devices}))).await;
    assert_eq!(status, StatusCode::CREATED);
    let request = backend.script().submitted.take().expect("a request");
    let connection_args = json!({"host": "192.0.2.11", "username": "admin", "port": 2222});
    assert_eq!(Value::Object(request.connection_args.public().clone()), connection_args);
    assert_eq!(request.connection_args.secrets()["connection_args.password"].expose(), "own");
    assert_eq!(request.command, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(request.options.ttl, Some(Duration::from_mins(10)));
}

#[tokio::test]
async fn pull_and_push_are_asked_with_args() {
    for (path, field) in [("/pull/", "command"), ("/push", "config")] {
        let backend = Scripted::default();
        let mut given = request_with(json!({"command": null, "args": {"get_pty": "yes"}, "ttl": 7}));
        given[field] = json!("uname");
        let (status, reply) = backend.ask("POST", path, given).await;
        assert_eq!(status, StatusCode::CREATED, "{reply}");
        let request = backend.script().submitted.take().expect("a request");
        assert_eq!(Value::Object(request.driver_args.public().clone()), json!({"get_pty": true}));
        let asked = [request.command, request.config].into_iter().flatten().collect::<Vec<_>>();
        assert_eq!((asked, request.options.ttl), (vec![vec!["uname".to_owned()]], Some(Duration::from_secs(7))));
    }
}

#[tokio::test]
async fn the_worker_of_a_host_is_deleted_with_its_pinned_jobs_only() {
    let mut pinned = job(State::Queued);
    pinned.options.pinned = true;
    let other = Job { id: JobId::new(), ..job(State::Queued) };
    let backend = Scripted::with_jobs(vec![pinned, other]);
    let (_, reply) = backend.ask("DELETE", "/worker?host=192.0.2.10", Value::Null).await;
    assert_eq!(reply["data"], json!(["hostler_HostQ_192.0.2.10"]));
    let states: Vec<State> = backend.script().jobs.iter().map(|job| job.state).collect();
    assert_eq!(states, [State::Canceled, State::Queued]);
    let filter = backend.script().filter.take().expect("a filter");
    assert_eq!((filter.pinned, filter.host.as_deref()), (Some(true), Some("192.0.2.10")));
}

#[tokio::test]
async fn what_runs_in_the_background_is_detached_and_its_files_are_the_daemons() {
    let backend = Scripted::default();
    backend.script().detaches = true;
    let driver_args = json!({"run_in_background": "yes", "background_output_file": "/tmp/x", "timeout": 5});
    let given = request_with(json!({"driver_args": driver_args}));
    let (status, reply) = backend.ask("POST", "/v0.3/device/exec", given).await;
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    let warning = "driver_args.background_output_file was ignored: background_task tells which file it is";
    assert_eq!(reply["data"]["warnings"], json!([warning]));
    let request = backend.script().submitted.take().expect("a request");
    assert!(request.options.detach.is_some());
    assert_eq!(Value::Object(request.driver_args.public().clone()), json!({"timeout": 5}));
    let given = request_with(json!({"driver_args": {"run_in_background": false}}));
    backend.ask("POST", "/v0.3/device/exec", given).await;
    assert_eq!(backend.script().submitted.take().expect("a request").options.detach, None);
}
