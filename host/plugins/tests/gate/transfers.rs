//! What a transfer must pass, and what is kept of it.

use crate::script::{SIZE, Script, Tape};
use crate::{granted, judged_by, kind, prepare_with, request};
use hostler_model::{Direction, ErrorKind, Exit, JobId, Outcome, Phase, Problem};
use hostler_plugins::{Config, Plugins, PolicyConfig, Prepared, Progress, Rejection};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Servers that move what they are asked to, and a file of the daemon.
fn script() -> Arc<Script> {
    let script = Script::new(vec![]);
    with_file(&script);
    script
}

fn with_file(script: &Script) {
    script.lent();
    fs::write(script.files().join("motd"), "hello").expect("it is written");
}

/// Runs a transfer of `motd`, with more fields.
async fn moving(plugins: &Arc<Plugins>, script: &Arc<Script>, fields: Value) -> Outcome {
    let mut transfer = json!({"operation": "upload", "local_path": "motd", "remote_path": "/etc/motd"});
    transfer.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    let args = json!({"file_transfer": transfer});
    let prepared = prepare_with(plugins, &["__FILE_TRANSFER__"], args).await.expect("the request itself is good");
    prepared.execute(Arc::clone(script) as Arc<_>, CancellationToken::new()).await
}

async fn unjudged(script: &Arc<Script>) -> Arc<Plugins> {
    judged_by(vec![], script, Config::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_passes_the_gate_and_the_result_says_what_was_moved() {
    let script = script();
    let outcome = moving(&unjudged(&script).await, &script, json!({"chunk_size": 4096})).await;
    assert_eq!(outcome.error, None);
    let [begun, moved, hashed] = [Tape::BeforeEffect; 3];
    let tape = [Tape::Resolve, Tape::Connect, begun, Tape::Transfer, moved, Tape::Moved, hashed, Tape::Close];
    assert_eq!(script.tape(), tape);
    let [result] = &outcome.results[..] else { panic!("one result") };
    assert_eq!(result.command, "file_transfer_upload");
    assert_eq!((result.stdout.text().as_str(), &result.exit), ("File transfer completed: 5/5 bytes", &Exit::Status(0)));
    let moved = result.moved.as_ref().expect("it was a transfer");
    assert_eq!((moved.direction, moved.bytes, moved.request_size), (Direction::Upload, SIZE, 4096));
    assert_eq!(moved.local_path, script.files().join("motd").display().to_string());
    let expected = Progress { file: "/etc/motd".into(), bytes: 4, total: SIZE, rate: 1 };
    assert_eq!(script.progress(), [(0, expected)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_of_a_folder_is_an_exit_status_and_a_line() {
    let script = script();
    let fields = json!({"operation": "download", "local_path": "etc", "remote_path": "/etc", "recursive": true});
    let outcome = moving(&unjudged(&script).await, &script, fields).await;
    let result = &outcome.results[0];
    assert_eq!((result.command.as_str(), &result.exit), ("file_transfer_download", &Exit::Status(1)));
    assert_eq!(result.stderr.text(), "left: it is a device\n");
    assert!(result.stdout.text().ends_with(", 1 failed"), "{}", result.stdout.text());
    let effects = script.tape().into_iter().filter(|step| *step == Tape::BeforeEffect).count();
    assert_eq!(effects, 1, "reading changes nothing at the server; hashing might");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_on_this_side_needs_no_connection() {
    let all = json!(["connect", "exec", "remote-files", "local-files"]);
    let files = |line: Value| {
        let mut line = line;
        line["capability"] = "local-files".into();
        json!(["connect", "remote-files", line])
    };
    for (grants, fields, kind, by) in [
        (all.clone(), json!({"local_path": "/etc/shadow"}), ErrorKind::Denied, Some("host")),
        (all.clone(), json!({"local_path": "link"}), ErrorKind::Denied, Some("host")),
        (all.clone(), json!({"operation": "download", "local_path": "link"}), ErrorKind::Denied, Some("host")),
        (all.clone(), json!({"local_path": "../keys/id"}), ErrorKind::InvalidRequest, None),
        (all.clone(), json!({"local_path": "missing"}), ErrorKind::NotFound, None),
        (json!(["connect", "exec"]), json!({}), ErrorKind::Denied, Some("grants")),
        (files(json!({"paths": ["/elsewhere/**"]})), json!({}), ErrorKind::Denied, Some("grants")),
        (files(json!({"access": "write"})), json!({}), ErrorKind::Denied, Some("grants")),
        (files(json!({"access": "read"})), json!({"operation": "download"}), ErrorKind::Denied, Some("grants")),
    ] {
        let script = script();
        symlink("/etc/shadow", script.files().join("link")).expect("a link");
        let plugins = granted(grants.clone(), &script).await;
        let outcome = moving(&plugins, &script, fields.clone()).await;
        assert_eq!(outcome.error.as_ref().map(|error| &error.kind), Some(&kind), "{grants} {fields}");
        assert_eq!(script.tape(), [], "{grants} {fields}");
        let decided: Vec<_> = script.decisions().into_iter().map(|decision| decision.by).collect();
        assert_eq!(decided, by.into_iter().collect::<Vec<_>>(), "{grants} {fields}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_judge_both_sides() {
    let shadow = json!({"deny": ["/etc/shadow"]});
    let local = |script: &Script| json!({"local": {"deny": [script.files().join("motd")]}});
    let script_1 = script();
    let settings = local(&script_1);
    for (script, settings, fields, tape) in [
        (script(), shadow, json!({"remote_path": "/etc/shadow"}), &[Tape::Resolve, Tape::Connect, Tape::Close][..]),
        (script_1, settings, json!({}), &[]),
    ] {
        let policies = vec![PolicyConfig::new("policy-paths", settings)];
        let plugins = judged_by(policies, &script, Config::default()).await;
        let outcome = moving(&plugins, &script, fields).await;
        assert_eq!(kind(&outcome), Some((ErrorKind::Denied, Phase::Policy)));
        assert_eq!(script.tape(), tape);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_of_a_folder_must_be_granted_on_both_sides() {
    let local = json!({"capability": "local-files", "max_size": SIZE - 1});
    let remote = json!({"capability": "remote-files", "max_size": SIZE - 1});
    for (grants, operation, is_granted) in [
        (json!(["connect", "remote-files", local]), "upload", true),
        (json!(["connect", "remote-files", local]), "download", false),
        (json!(["connect", remote, "local-files"]), "upload", false),
        (json!(["connect", remote, "local-files"]), "download", true),
    ] {
        let script = script();
        let plugins = granted(grants.clone(), &script).await;
        let outcome = moving(&plugins, &script, json!({"operation": operation})).await;
        assert_eq!(script.tape().contains(&Tape::Moved), is_granted, "{grants} {operation}");
        assert_eq!(outcome.error.is_none(), is_granted, "{grants} {operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_without_commands_has_files_read_and_nobody_hears_of_a_denial() {
    let script = script();
    let plugins = granted(json!(["connect", "remote-files", "local-files"]), &script).await;
    let outcome = moving(&plugins, &script, json!({})).await;
    assert_eq!(outcome.error, None);
    assert!(outcome.warnings[0].contains("no commands"), "{:?}", outcome.warnings);
    assert_eq!(script.decisions(), []);
    let script = self::script();
    let exec = json!({"capability": "exec", "commands": ["uptime"]});
    let plugins = granted(json!(["connect", "remote-files", "local-files", exec]), &script).await;
    let outcome = moving(&plugins, &script, json!({})).await;
    assert_eq!(outcome.error, None);
    assert_eq!(script.decisions().len(), 1, "one that has some is told which are missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_lets_its_transfer_go() {
    let script = Script::endless();
    with_file(&script);
    let plugins = unjudged(&script).await;
    let args = json!({"file_transfer": {"operation": "upload", "local_path": "motd", "remote_path": "/etc/motd"}});
    let prepared = prepare_with(&plugins, &["__FILE_TRANSFER__"], args).await.expect("accepted");
    let cancel = CancellationToken::new();
    let job = tokio::spawn(prepared.execute(Arc::clone(&script) as Arc<_>, cancel.clone()));
    script.started().await;
    cancel.cancel();
    let outcome = job.await.expect("the job ends");
    assert_eq!(outcome.error.map(|error| error.kind), Some(ErrorKind::Canceled));
    script.let_go().await;
}

/// A transfer without a file of the daemon, with which a file of this name came.
async fn sent(
    plugins: &Arc<Plugins>,
    script: &Script,
    operation: &str,
    staged: Option<&str>,
) -> Result<Prepared, Vec<Problem>> {
    let transfer = json!({"operation": operation, "remote_path": if staged.is_some() { "/tmp/" } else { "/etc/motd" }});
    let mut request = request(&["__FILE_TRANSFER__"], json!({"file_transfer": transfer}));
    request.options.staged = staged.map(|name| {
        let staged = Arc::clone(&plugins.files().staged);
        let writer = staged.put(name, "somebody", true).and_then(|writer| writer.write(b"hello"));
        writer.and_then(hostler_files::Writer::finish).expect("there is room").id
    });
    assert_eq!(script.tape(), []);
    match plugins.prepare(JobId::new(), "somebody", request).await {
        Ok(prepared) => Ok(prepared),
        Err(Rejection::Invalid(problems)) => Err(problems),
        Err(Rejection::Failed(failure)) => panic!("{failure}"),
    }
}

async fn carried_out(prepared: Prepared, script: &Arc<Script>) -> Outcome {
    prepared.execute(Arc::clone(script) as Arc<_>, CancellationToken::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_with_the_request_is_uploaded_under_its_name() {
    let script = script();
    let plugins = unjudged(&script).await;
    let prepared = sent(&plugins, &script, "upload", Some("my notes.txt")).await.expect("accepted");
    assert_eq!(prepared.plan().driver_args["staged"], "my notes.txt");
    let outcome = carried_out(prepared, &script).await;
    let moved = outcome.results[0].moved.as_ref().expect("it was a transfer");
    assert_eq!((&*moved.local_path, &*moved.remote_path), ("staged:my notes.txt", "/tmp/my notes.txt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_downloaded_without_a_place_for_it_becomes_a_staged_file_of_the_caller() {
    let script = script();
    let plugins = unjudged(&script).await;
    let prepared = sent(&plugins, &script, "download", None).await.expect("accepted");
    let outcome = carried_out(prepared, &script).await;
    let moved = outcome.results[0].moved.as_ref().expect("it was a transfer");
    let id = moved.staged.as_ref().expect("it is named").parse().expect("an id");
    let about = plugins.files().staged.about(id).expect("it is there");
    assert_eq!((&*moved.local_path, &*about.name, &*about.owner), ("staged:motd", "motd", "somebody"));
    assert!(!about.once);
}

#[tokio::test(flavor = "multi_thread")]
async fn staged_files_are_granted_and_judged_by_their_names() {
    let local = |paths: Value| json!({"capability": "local-files", "paths": paths});
    for (paths, operation, staged, is_granted) in [
        (json!(["staged:*.txt"]), "upload", Some("a.txt"), true),
        (json!(["staged:*.txt"]), "upload", Some("a.sh"), false),
        (json!(["/srv/**"]), "upload", Some("a.txt"), false),
        (json!(["staged:motd"]), "download", None, true),
        (json!(["/srv/**"]), "download", None, false),
    ] {
        let script = script();
        let plugins = granted(json!(["connect", "remote-files", local(paths.clone())]), &script).await;
        let prepared = sent(&plugins, &script, operation, staged).await.expect("the request itself is good");
        let outcome = carried_out(prepared, &script).await;
        assert_eq!(outcome.error.is_none(), is_granted, "{paths} {operation}: {:?}", outcome.error);
        assert_eq!(script.tape().is_empty(), !is_granted, "nobody logs in for what is refused");
    }
    let script = script();
    let policies = vec![PolicyConfig::new("policy-paths", json!({"local": {"deny": ["staged:*.sh"]}}))];
    let plugins = judged_by(policies, &script, Config::default()).await;
    let prepared = sent(&plugins, &script, "upload", Some("a.sh")).await.expect("the request itself is good");
    assert_eq!(kind(&carried_out(prepared, &script).await), Some((ErrorKind::Denied, Phase::Policy)));
    assert_eq!(script.tape(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_daemon_says_that_a_file_came() {
    let script = script();
    let plugins = unjudged(&script).await;
    let forged = json!({"staged": "x", "file_transfer": {"operation": "upload", "remote_path": "/tmp/x"}});
    let Err(Rejection::Invalid(problems)) = prepare_with(&plugins, &["__FILE_TRANSFER__"], forged).await else {
        panic!("it was accepted")
    };
    assert_eq!(problems[0].path, ["driver_args", "staged"]);
    let problems = sent(&plugins, &script, "upload", None).await.err().expect("there is nothing to upload");
    assert_eq!(problems[0].path, ["driver_args", "file_transfer", "local_path"]);
    let id =
        plugins.files().staged.put("y", "somebody", false).and_then(hostler_files::Writer::finish).expect("room").id;
    plugins.files().staged.remove(&id.to_string()).expect("it is there");
    let mut gone = request(&["id"], json!({}));
    gone.options.staged = Some(id);
    let Err(Rejection::Invalid(problems)) = plugins.prepare(JobId::new(), "somebody", gone).await else {
        panic!("it was accepted")
    };
    assert_eq!((&problems[0].path[..], &*problems[0].code), (&["staged".to_owned()][..], "not_found"));
}
