//! What becomes of jobs when somebody stops them, or the daemon.

use crate::job::{body, elevated, finishing, with};
use crate::{SETUP, shared_daemon};
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd, sleepers_become, unique_nap};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use ureq::http::Method;

/// How long a process may take to begin on the server.
const BEGINNING: Duration = Duration::from_secs(20);
/// How long it may be seen after its end was confirmed.
const ENDING: Duration = Duration::from_secs(3);

/// One job at a time.
const NARROW: Setup = Setup { config: "[jobs]\nmax_running = 1\n", ..SETUP };

/// Submits a job, and answers its id.
fn submit(daemon: &Daemon, body: &Value) -> anyhow::Result<String> {
    Ok(daemon.execute(body)?.job()?.to_owned())
}

/// Sends a signal that ends the daemon, and does not wait for the end.
fn terminate(daemon: &Daemon) -> anyhow::Result<()> {
    let sent = Command::new("kill").arg(daemon.pid().to_string()).status()?;
    anyhow::ensure!(sent.success(), "the daemon had ended");
    Ok(())
}

#[test]
fn a_job_that_is_cancelled_while_it_runs_stops_its_process_and_keeps_its_results() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let naps = [unique_nap(), unique_nap()];
    let lines = |nap: &str| json!(["echo whole", format!("echo begun; sleep {nap}"), "echo never"]);
    for (nap, request) in naps.iter().zip([body(&sshd, lines(&naps[0])), elevated(&sshd, lines(&naps[1]))]) {
        let id = submit(&daemon, &request)?;
        assert!(sleepers_become(1, nap, BEGINNING), "it did not begin");
        let cancelled = daemon.send(Method::DELETE, &format!("/job?id={id}"), "")?;
        assert_eq!(cancelled.body["data"], json!([id]), "{}", cancelled.text);
        let job = daemon.wait(&id)?;
        assert_eq!((&job["state"], &job["error"]["kind"]), (&json!("canceled"), &json!("canceled")), "{job}");
        let message = job["error"]["message"].as_str().context("a sentence")?;
        assert!(message.contains("the remote process was stopped"), "{message}");
        assert_eq!(job["results"][0]["stdout"], "whole\n", "{job}");
        assert_eq!(job["results"][1]["stdout"], "begun\n", "{job}");
        assert_eq!(job["results"][2], Value::Null, "{job}");
        assert!(sleepers_become(0, nap, ENDING), "it still runs on the server");
        let again = daemon.send(Method::DELETE, &format!("/job?id={id}"), "")?;
        assert_eq!(again.body["data"], json!([]), "it has ended: {}", again.text);
    }
    Ok(())
}

#[test]
fn after_a_crash_what_waited_runs_what_ran_is_lost_and_what_ended_stays() -> anyhow::Result<()> {
    let (daemon, sshd) = (Daemon::start(&NARROW)?, Sshd::shared()?);
    let ended = finishing(&daemon, &body(&sshd, "echo ended"))?;
    let nap = unique_nap();
    let running = submit(&daemon, &body(&sshd, format!("sleep {nap}")))?;
    assert!(sleepers_become(1, &nap, BEGINNING), "it did not begin");
    let waiting = submit(&daemon, &body(&sshd, "echo it waited"))?;
    let elsewhere = with(body(&sshd, "echo"), |it| it["connection_args"]["host"] = "localhost".into());
    let unwanted = submit(&daemon, &elsewhere)?;

    // Meanwhile the operator has become stricter.
    let config = r#"
        [jobs]
        max_running = 1
        [[policy]]
        plugin = "policy-hosts"
        settings = { deny = ["localhost"] }
    "#;
    let daemon = daemon.restart_killed(&Setup { config, ..SETUP })?;
    let job = daemon.wait(&running)?;
    assert_eq!((&job["state"], &job["error"]["kind"]), (&json!("failed"), &json!("lost")), "{job}");
    assert!(job["error"]["message"].to_string().contains("had begun to act"), "{job}");
    let job = daemon.wait(&waiting)?;
    assert_eq!((&job["state"], &job["results"][0]["stdout"]), (&json!("finished"), &json!("it waited\n")), "{job}");
    let job = daemon.wait(&unwanted)?;
    assert_eq!((&job["state"], &job["error"]["kind"]), (&json!("failed"), &json!("denied")), "{job}");
    assert_eq!(daemon.wait(ended["id"].as_str().context("an id")?)?, ended);
    Ok(())
}

#[test]
fn what_may_be_repeated_begins_again_after_a_crash_with_a_log_of_its_own() -> anyhow::Result<()> {
    let (daemon, sshd) = (Daemon::start(&NARROW)?, Sshd::shared()?);
    let (gate, nap) = (format!("/tmp/gate-{}", unique_nap()), unique_nap());
    // The first attempt sleeps, the second finds what it left.
    let command =
        format!("echo attempt; if mkdir {gate} 2>/dev/null; then sleep {nap}; else rmdir {gate}; echo again; fi");
    let mut request = body(&sshd, [command].as_slice());
    request["repeatable"] = true.into();
    let submitted = daemon.send(Method::POST, "/v1/jobs", &request.to_string())?;
    let id = submitted.body["id"].as_str().with_context(|| submitted.text.clone())?.to_owned();
    assert!(sleepers_become(1, &nap, BEGINNING), "it did not begin");
    let daemon = daemon.restart_killed(&NARROW)?;
    let job = daemon.wait(&id)?;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("finished"), &json!(2)), "{job}");
    assert_eq!(job["results"][0]["stdout"], "attempt\nagain\n", "{job}");
    let told = daemon.follow(&id, None)?.rest()?;
    let output: String = told.iter().filter_map(|message| message.data["text"].as_str()).collect();
    assert_eq!(output, "attempt\nagain\n", "{told:?}");
    Ok(())
}

#[test]
fn jobs_wait_for_their_target_and_say_so() -> anyhow::Result<()> {
    let daemon = Daemon::start(&Setup { config: "jobs.max_running_per_target = 1", ..SETUP })?;
    let sshd = Sshd::shared()?;
    let nap = unique_nap();
    let running = submit(&daemon, &body(&sshd, format!("sleep {nap}")))?;
    assert!(sleepers_become(1, &nap, BEGINNING), "it did not begin");
    let waiting = submit(&daemon, &body(&sshd, "echo it waited"))?;
    let elsewhere = with(body(&sshd, "echo elsewhere"), |it| it["connection_args"]["host"] = "localhost".into());
    assert_eq!(daemon.run(&elsewhere)?["state"], "finished", "another target is free");
    let job = daemon.get(&format!("/v1/jobs/{waiting}"))?;
    let why = format!("target 127.0.0.1:{}: 1 of 1 jobs run", sshd.port());
    assert_eq!((&job.body["state"], &job.body["waiting_for"]), (&json!("queued"), &json!(why)), "{}", job.text);
    daemon.send(Method::POST, &format!("/v1/jobs/{running}/cancel"), "")?;
    assert_eq!(daemon.wait(&waiting)?["state"], "finished");
    Ok(())
}

#[test]
fn a_daemon_that_is_asked_to_end_lets_running_jobs_end_and_takes_no_new_ones() -> anyhow::Result<()> {
    let (mut daemon, sshd) = (Daemon::start(&NARROW)?, Sshd::shared()?);
    let running = submit(&daemon, &body(&sshd, "sleep 3; echo done"))?;
    let waiting = submit(&daemon, &body(&sshd, "echo it waited"))?;
    terminate(&daemon)?;
    let refused = loop {
        let answer = daemon.execute(&body(&sshd, "echo"))?;
        if answer.status != 201 {
            break answer;
        }
    };
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains("retry-after"), "{}", refused.headers);
    assert_eq!(daemon.get(&format!("/v1/jobs/{waiting}"))?.body["state"], "queued");
    let job = daemon.wait(&running)?;
    assert_eq!((&job["state"], &job["results"][0]["stdout"]), (&json!("finished"), &json!("done\n")), "{job}");
    let log = daemon.end()?;
    assert!(!log.contains("are stopped"), "{log}");
    Ok(())
}

#[test]
fn a_second_signal_ends_the_daemon_at_once_and_its_processes_with_it() -> anyhow::Result<()> {
    let (mut daemon, sshd) = (Daemon::start(&NARROW)?, Sshd::shared()?);
    let nap = unique_nap();
    let running = submit(&daemon, &body(&sshd, format!("sleep {nap}")))?;
    assert!(sleepers_become(1, &nap, BEGINNING), "it did not begin");
    let waiting = submit(&daemon, &body(&sshd, "echo it waited"))?;
    terminate(&daemon)?;
    while daemon.execute(&body(&sshd, "echo"))?.status == 201 {}
    daemon.end()?;
    assert!(sleepers_become(0, &nap, ENDING), "it still runs on the server");
    let daemon = daemon.restart_killed(&NARROW)?;
    let job = daemon.wait(&running)?;
    assert_eq!((&job["state"], &job["error"]["kind"]), (&json!("failed"), &json!("lost")), "{job}");
    assert!(job["error"]["message"].to_string().contains("the remote process was stopped"), "{job}");
    assert_eq!(daemon.wait(&waiting)?["state"], "finished");
    Ok(())
}
