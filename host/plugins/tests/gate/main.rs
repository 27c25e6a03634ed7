//! The gate and what lies behind it, with the built-in plugins and servers that follow a script.

mod script;
mod transfers;

use hostler_model::{Args, AuditEntry, AuditEvent, ErrorKind, Exit, Failure, JobId, Outcome, Phase, Request};
use hostler_plugins::{Config, PluginConfig, Plugins, PolicyConfig, Prepared, Rejection};
use hostler_remote::Event;
use script::{Network, Script, Tape};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PASSWORD: &str = "correct horse battery";

/// The host with these settings of `policy-hosts`, and servers that follow `script`.
async fn plugins(settings: Value, script: &Arc<Script>, config: Config) -> Arc<Plugins> {
    let policies = vec![PolicyConfig::new("policy-hosts", settings)];
    judged_by(policies, script, config).await
}

/// The host with this chain, and servers that follow `script`.
async fn judged_by(policies: Vec<PolicyConfig>, script: &Arc<Script>, config: Config) -> Arc<Plugins> {
    let cache = tempfile::tempdir().expect("a folder");
    let config = Config { policies, cache: cache.path().join("cache"), ..config };
    config
        .build(Arc::new(Network(Arc::clone(script))), script.lent(), Arc::clone(script) as Arc<_>)
        .await
        .expect("the built-in plugins load")
}

async fn prepare(plugins: &Arc<Plugins>, commands: &[&str]) -> Result<Prepared, Rejection> {
    prepare_with(plugins, commands, json!({})).await
}

async fn prepare_with(plugins: &Arc<Plugins>, commands: &[&str], driver_args: Value) -> Result<Prepared, Rejection> {
    plugins.prepare(JobId::new(), "somebody", request(commands, driver_args)).await
}

fn request(commands: &[&str], driver_args: Value) -> Request {
    let seal = |name, value: Value| Args::seal(name, value.as_object().expect("an object").clone());
    Request {
        driver: "paramiko".into(),
        command: Some(commands.iter().map(ToString::to_string).collect()),
        connection_args: seal(
            "connection_args",
            json!({"host": "target.example", "username": "admin", "password": PASSWORD}),
        ),
        driver_args: seal("driver_args", driver_args),
        ..Request::default()
    }
}

async fn run(settings: Value, script: &Arc<Script>, commands: &[&str]) -> Outcome {
    let plugins = plugins(settings, script, Config::default()).await;
    let prepared = prepare(&plugins, commands).await.expect("the request is accepted");
    prepared.execute(Arc::clone(script) as Arc<_>, CancellationToken::new()).await
}

fn kind(outcome: &Outcome) -> Option<(ErrorKind, Phase)> {
    outcome.error.as_ref().map(|error| (error.kind.clone(), error.phase))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_passes_policies_then_the_witness_then_the_server() {
    let script = Script::new(vec![Event::Stdout("hi\n".into()), Event::Ended(Ok(Exit::Status(0)))]);
    let outcome = run(json!({}), &script, &["echo hi"]).await;
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.results[0].stdout.text(), "hi\n");
    assert_eq!(script.tape(), [Tape::Resolve, Tape::Connect, Tape::BeforeEffect, Tape::Start, Tape::Close]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_done_the_audit_has_the_first_hundred_and_the_last_twenty() {
    let script = Script::new(vec![Event::Ended(Ok(Exit::Status(0)))]);
    let commands: Vec<String> = (0..123).map(|number| format!("echo {number}")).collect();
    let outcome = run(json!({}), &script, &commands.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!((outcome.error, outcome.results.len()), (None, 123));
    let lines = script.audit();
    let deeds: Vec<_> = lines.iter().filter(|line| line.event == AuditEvent::Executed).collect();
    assert_eq!(deeds.len(), 120);
    assert_eq!(
        (&deeds[99].details["command"], &deeds[100].details["command"]),
        (&json!("echo 99"), &json!("echo 103"))
    );
    let AuditEntry { caller, action, target, details, .. } = &lines[0];
    assert_eq!((caller.as_deref(), action.as_str()), (Some("somebody"), "exec"), "connecting changes nothing");
    assert_eq!((target.as_deref(), &details["command"]), (Some("admin@target.example:22"), &json!("echo 0")));
    let more = &lines[100];
    assert_eq!((more.event, more.reason.as_str()), (AuditEvent::More, "3 more deeds of this job are not written out"));
    assert!(lines.iter().all(|line| !json!(line).to_string().contains(PASSWORD)));
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_heard_line_by_line_while_the_command_runs() {
    let pieces = [Event::Stdout("one\ntw".into()), Event::Stderr("oops\n".into()), Event::Stdout("o\n".into())];
    let script = Script::new([&pieces[..], &[Event::Ended(Ok(Exit::Status(0)))]].concat());
    let plugins = plugins(json!({}), &script, Config::default()).await;
    let prepared = prepare_with(&plugins, &["ls"], json!({"bufsize": 1})).await.expect("the request is accepted");
    prepared.execute(Arc::clone(&script) as Arc<_>, CancellationToken::new()).await;
    assert_eq!(script.heard(), ["stdout 0 one\n", "stderr 0 oops\n", "stdout 4 two\n", "0 ran ls"]);
}

/// The host with these grants of the built-in driver, and no policy.
async fn granted(grants: Value, script: &Arc<Script>) -> Arc<Plugins> {
    let own: PluginConfig = serde_json::from_value(json!({"grants": grants})).expect("they are well written");
    let config = Config { plugin: [("paramiko".to_owned(), own)].into(), ..Config::default() };
    judged_by(vec![], script, config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_does_not_reach_the_server_and_is_written_down() {
    const NOT_STARTED: [Tape; 3] = [Tape::Resolve, Tape::Connect, Tape::Close];
    let exec = json!({"capability": "exec", "commands": ["uptime"]});
    for (grants, args, tape, rule) in [
        (json!(["connect", exec.clone()]), json!({}), &NOT_STARTED[..], "plugin.paramiko.grants[1]"),
        (json!(["connect"]), json!({}), &NOT_STARTED, "plugin.paramiko.grants"),
        (json!(["connect", "exec"]), json!({"get_pty": true}), &NOT_STARTED, "plugin.paramiko.grants"),
        (json!(["connect", "exec"]), json!({"sudo": true}), &NOT_STARTED, "plugin.paramiko.grants"),
        (
            json!([{"capability": "connect", "hosts": ["198.51.100.0/24"]}, "exec"]),
            json!({}),
            &[Tape::Resolve],
            "plugin.paramiko.grants[0]",
        ),
    ] {
        let script = Script::new(vec![Event::Ended(Ok(Exit::Status(0)))]);
        let plugins = granted(grants.clone(), &script).await;
        let prepared = prepare_with(&plugins, &["rm -rf /"], args).await.expect("the request itself is good");
        let outcome = prepared.execute(Arc::clone(&script) as Arc<_>, CancellationToken::new()).await;
        assert_eq!(kind(&outcome), Some((ErrorKind::Denied, Phase::Policy)), "{grants}");
        assert_eq!(script.tape(), tape, "{grants}");
        let [decision] = &script.decisions()[..] else { panic!("{grants}: one decision") };
        assert_eq!(
            (decision.event, decision.by.as_str(), decision.rule.as_str()),
            (AuditEvent::Denied, "grants", rule)
        );
        assert!(outcome.error.expect("an error").message.contains(rule), "{grants}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amended_job_is_judged_again_and_the_change_is_told_and_written_down() {
    let script = Script::new(vec![Event::Ended(Ok(Exit::Status(0)))]);
    let amends = |may_amend| PolicyConfig { may_amend, ..PolicyConfig::new("policy-host-keys", json!({})) };
    let sent = async |may_amend| {
        let plugins = judged_by(vec![amends(may_amend)], &script, Config::default()).await;
        let seal = |name, value: Value| Args::seal(name, value.as_object().expect("an object").clone());
        let target = json!({"host": "a", "username": "b", "password": PASSWORD, "host_key_policy": "warning"});
        let connection_args = seal("connection_args", target);
        let command = Some(vec!["ls".into()]);
        let request = Request { driver: "paramiko".into(), command, connection_args, ..Request::default() };
        plugins.prepare(JobId::new(), "somebody", request).await
    };
    let Err(Rejection::Failed(failure)) = sent(false).await else { panic!("it was accepted as it is") };
    assert_eq!((failure.kind, failure.phase), (ErrorKind::Denied, Phase::Policy));
    let prepared = sent(true).await.expect("it is accepted once it is changed");
    assert_eq!(prepared.plan().connection_args["host_key_policy"], "reject");
    assert!(prepared.plan().warnings[0].starts_with("policy policy-host-keys changed the job"));
    let decision = script.decisions().pop().expect("it is written down");
    let change = json!([{"op": "replace", "path": "/connection_args/host_key_policy", "value": "reject"}]);
    assert_eq!((decision.event, decision.details), (AuditEvent::Amended, change));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_pinned_is_judged_before_the_server_is_dialled() {
    let script = Script::new(vec![]);
    let recorded_only = PolicyConfig::new("policy-host-keys", json!({"pins": false}));
    let plugins = judged_by(vec![recorded_only], &script, Config::default()).await;
    let pin = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    let target =
        json!({"host": "a", "username": "b", "password": PASSWORD, "host_key_policy": "reject", "host_keys": [pin]});
    let connection_args = Args::seal("connection_args", target.as_object().expect("an object").clone());
    let command = Some(vec!["ls".into()]);
    let request = Request { driver: "paramiko".into(), command, connection_args, ..Request::default() };
    let prepared = plugins.prepare(JobId::new(), "somebody", request).await.expect("the request itself is good");
    let outcome = prepared.execute(Arc::clone(&script) as Arc<_>, CancellationToken::new()).await;
    assert_eq!(kind(&outcome), Some((ErrorKind::Denied, Phase::Policy)));
    assert_eq!(script.tape(), [Tape::Resolve]);
    let decision = script.decisions().pop().expect("it is written down");
    assert_eq!((&*decision.rule, &decision.details["host-keys"]), ("pinned-host-key-not-accepted", &json!([pin])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolved_address_that_is_denied_is_never_dialled() {
    let script = Script::new(vec![]);
    let outcome = run(json!({"deny": ["192.0.2.0/24"]}), &script, &["echo hi"]).await;
    assert_eq!(kind(&outcome), Some((ErrorKind::Denied, Phase::Policy)));
    assert_eq!(script.tape(), [Tape::Resolve]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_host_is_refused_before_there_is_a_job() {
    let script = Script::new(vec![]);
    let plugins = plugins(json!({"deny": ["*.example"]}), &script, Config::default()).await;
    let Err(Rejection::Failed(failure)) = prepare(&plugins, &["echo hi"]).await else { panic!("it was accepted") };
    assert_eq!((failure.kind, failure.phase), (ErrorKind::Denied, Phase::Policy));
    assert!(failure.message.contains("target.example"), "{}", failure.message);
    assert!(script.tape().is_empty());
}

/// Each with settings that use all of its schema.
#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_policies_judge_jobs_and_actions_together() {
    let script = Script::new(vec![Event::Ended(Ok(Exit::Status(0)))]);
    let windows = json!([{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "00:00"}]);
    let commands = json!({"allow": ["uptime", "id *", "bash"], "deny": ["id -Z"], "stdin": false, "shell": false,
        "files": false, "environment": ["LC_*"], "elevate": ["www-data"], "drivers": ["paramiko"]});
    let paths = json!({"allow": [{"path": "/srv/**", "access": "both", "max_size": 9}], "deny": ["/srv/keys/*"]});
    let chain = [
        ("policy-hosts", json!({"deny": ["10.0.0.0/8"]})),
        ("policy-change-window", json!({"time_zone": "Asia/Tokyo", "windows": windows, "closed": ["2001-01-01"]})),
        ("policy-host-keys", json!({"policies": ["auto_add", "reject"], "pins": false})),
        ("policy-no-root", json!({"users": ["root"], "elevate": false})),
        ("policy-paths", paths),
        ("policy-commands", commands),
    ];
    let policies = chain.map(|(plugin, settings)| PolicyConfig::new(plugin, settings)).to_vec();
    let plugins = judged_by(policies, &script, Config::default()).await;
    let job = async |line, driver_args| match prepare_with(&plugins, &[line], driver_args).await {
        Ok(prepared) => {
            let outcome = prepared.execute(Arc::clone(&script) as Arc<_>, CancellationToken::new()).await;
            outcome.error.map_or("done".into(), |error| format!("{:?}: {}", error.kind, error.message))
        }
        Err(Rejection::Failed(failure)) => format!("rejected: {}", failure.message),
        Err(Rejection::Invalid(problems)) => panic!("{problems:?}"),
    };
    assert_eq!(job("uptime", json!({})).await, "done");
    let cases = [
        ("uptime; rm -rf /", json!({}), "rejected: policy policy-commands denied it (command-not-allowed)"),
        ("id $(rm -rf /)", json!({}), "rejected: policy policy-commands denied it (cannot-judge)"),
        ("id -u", json!({"sudo": true}), "Denied: policy policy-no-root denied it (root-elevation)"),
        (
            "id -u",
            json!({"environment": {"LD_PRELOAD": "x"}}),
            "Denied: policy policy-commands denied it (environment-",
        ),
        ("", json!({"script_content": "rm -rf /"}), "Denied: policy policy-commands denied it (stdin-not-allowed)"),
    ];
    for (line, driver_args, expected) in cases {
        let heard = job(line, driver_args).await;
        assert!(heard.starts_with(expected), "{line}: {heard}");
    }
    let effects = script.tape().iter().filter(|step| **step == Tape::BeforeEffect).count();
    assert_eq!(effects, 1, "what is denied does not happen");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_witness_cannot_keep_does_not_happen() {
    let script = Script::new(vec![Event::Ended(Ok(Exit::Status(0)))]);
    script.refuse_effects();
    let outcome = run(json!({}), &script, &["echo hi"]).await;
    assert_eq!(kind(&outcome), Some((ErrorKind::Internal, Phase::Store)));
    assert!(!script.tape().contains(&Tape::Start));
    assert_eq!(script.audit(), [], "nor does the audit say so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_output_is_cut_out_even_when_it_comes_in_two_pieces() {
    let (one, other) = PASSWORD.split_at(9);
    let script = Script::new(vec![
        Event::Stdout(format!("<{one}").into()),
        Event::Stdout(format!("{other}>").into()),
        Event::Ended(Ok(Exit::Status(0))),
    ]);
    let outcome = run(json!({}), &script, &["cat /etc/secret"]).await;
    assert_eq!(outcome.results[0].stdout.text(), "<******>");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_an_error_is_cut_out() {
    let lost = Failure::new(ErrorKind::ConnectionLost, Phase::Exec, format!("the server said {PASSWORD}"));
    let script = Script::new(vec![Event::Stdout("first".into()), Event::Ended(Err(lost))]);
    let outcome = run(json!({}), &script, &["echo"]).await;
    assert_eq!(outcome.error.expect("an error").message, "the server said ******");
    assert_eq!(outcome.results[0].stdout.text(), "first", "what came before is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_lets_its_command_go() {
    let script = Script::endless();
    let plugins = plugins(json!({}), &script, Config::default()).await;
    let prepared = prepare(&plugins, &["sleep infinity"]).await.expect("accepted");
    let cancel = CancellationToken::new();
    let job = tokio::spawn(prepared.execute(Arc::clone(&script) as Arc<_>, cancel.clone()));
    script.started().await;
    cancel.cancel();
    let outcome = job.await.expect("the job ends");
    assert_eq!(kind(&outcome), Some((ErrorKind::Canceled, Phase::Exec)));
    script.let_go().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_too_long_is_ended_and_the_error_names_the_limit() {
    let script = Script::endless();
    let plugins = plugins(json!({}), &script, Config { max_execution_time: 0.2, ..Config::default() }).await;
    let prepared = prepare(&plugins, &["sleep infinity"]).await.expect("accepted");
    let outcome = prepared.execute(Arc::clone(&script) as Arc<_>, CancellationToken::new()).await;
    assert_eq!(kind(&outcome), Some((ErrorKind::Timeout, Phase::Exec)));
    assert!(outcome.error.expect("an error").message.contains("max_execution_time"));
    script.let_go().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_may_ask_for_less_time_than_it_could_have_and_never_for_more() {
    for (asked, operators, named) in [(0.2, 3600.0, "execution_timeout of 0.2 s"), (3600.0, 0.2, "max_execution_time")]
    {
        let script = Script::endless();
        let plugins = plugins(json!({}), &script, Config { max_execution_time: operators, ..Config::default() }).await;
        let mut request = request(&["sleep infinity"], json!({}));
        request.options.execution_timeout = Some(Duration::from_secs_f64(asked));
        let prepared = plugins.prepare(JobId::new(), "somebody", request).await.expect("accepted");
        let outcome = prepared.execute(Arc::clone(&script) as Arc<_>, CancellationToken::new()).await;
        assert_eq!(kind(&outcome), Some((ErrorKind::Timeout, Phase::Exec)));
        let message = outcome.error.expect("an error").message;
        assert!(message.contains(named), "{message}");
        script.let_go().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_beyond_the_cap_keeps_head_and_tail_and_says_so() {
    let script = Script::new(vec![
        Event::Stdout("x".repeat(3 << 20).into()),
        Event::Stdout("the end".into()),
        Event::Ended(Ok(Exit::Status(0))),
    ]);
    let outcome = run(json!({}), &script, &["yes"]).await;
    let stdout = &outcome.results[0].stdout;
    assert_eq!(stdout.total(), (3 << 20) + 7);
    assert_eq!(stdout.head.len() + stdout.tail.len(), 1 << 20);
    assert!(stdout.tail.ends_with(b"the end") && stdout.text().contains("bytes omitted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_together_keep_no_more_than_a_job_may() {
    let piece = || Event::Stdout("x".repeat(1 << 20).into());
    let script = Script::new(vec![piece(), Event::Ended(Ok(Exit::Status(0)))]);
    let outcome = run(json!({}), &script, &["yes"; 40]).await;
    let kept: usize = outcome.results.iter().map(|result| result.stdout.kept()).sum();
    assert!(kept <= 16 << 20, "{kept}");
    assert!(outcome.results.iter().all(|result| result.stdout.total() == 1 << 20), "what is not kept is counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_stop_the_start_and_name_the_place() {
    let script = Script::new(vec![]);
    let policies = vec![PolicyConfig::new("policy-hosts", json!({"deny": ["10.0.0.0/99"]}))];
    let cache = tempfile::tempdir().expect("a folder");
    let config = Config { policies, cache: cache.path().join("cache"), ..Config::default() };
    let Err(error) = config.build(Arc::new(Network(Arc::clone(&script))), script.lent(), script).await else {
        panic!("it was accepted")
    };
    assert!(error.to_string().contains("policy-hosts") && error.to_string().contains("deny"), "{error}");
}
