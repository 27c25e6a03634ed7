//! What webhooks are told of detached tasks, in the words of dialect 0.4.

use crate::SETUP;
use crate::job::{body, with};
use crate::webhooks::{PATIENCE, accept, receive, take};
use anyhow::{Context, bail, ensure};
use hostler_tests::{Daemon, Python, Setup, Sshd, unique_nap};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::thread::sleep;
use std::time::{Duration, Instant};
use ureq::http::Method;

const SETTINGS: Setup<'_> = Setup { config: "[webhooks]\nallow_private = [\"127.0.0.1\"]\n", ..SETUP };

/// Letters about one task, as they come in.
struct Mailbox {
    listener: TcpListener,
    ids: BTreeSet<String>,
}

impl Mailbox {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { listener: TcpListener::bind("127.0.0.1:0")?, ids: BTreeSet::new() })
    }

    fn webhook(&self) -> anyhow::Result<Value> {
        let url = format!("http://{}/hook", self.listener.local_addr()?);
        Ok(json!({"url": url, "max_retries": 5, "retry_intervals": [1]}))
    }

    /// The next letter that did not come before.
    fn next(&mut self) -> anyhow::Result<Value> {
        loop {
            let stream = accept(&self.listener)?;
            // One that ends with the daemon that wrote it comes again.
            let Ok(letter) = take(&stream, "204 No Content") else { continue };
            if self.ids.insert(letter.headers["webhook-id"].clone()) {
                return Ok(serde_json::from_str(&letter.body)?);
            }
        }
    }
}

/// Submits a detached job that tells this receiver; answers the name of its task.
fn launch(daemon: &Daemon, mailbox: &Mailbox, asked: Value) -> anyhow::Result<String> {
    let hook = mailbox.webhook()?;
    let asked = with(asked, |it| {
        it["detach"] = true.into();
        it["webhook"] = hook;
    });
    let submitted = daemon.send(Method::POST, "/v0.4/device/exec", &asked.to_string())?;
    assert_eq!(submitted.status, 201, "{}", submitted.text);
    assert_eq!(submitted.body["warnings"], json!([]), "{}", submitted.text);
    Ok(submitted.body["task_id"].as_str().context("a task")?.to_owned())
}

fn pushing(asked: Value) -> Value {
    with(asked, |it| it["push_interval"] = 1.into())
}

#[test]
fn what_a_task_writes_is_told_once_and_in_order_also_across_a_killed_daemon() -> anyhow::Result<()> {
    let (sshd, mut mailbox) = (Sshd::shared()?, Mailbox::new()?);
    let daemon = Daemon::start(&SETTINGS)?;
    let (first, second) = Sshd::PASSWORD.split_at(9);
    // It goes on until enough was told of it.
    let enough = format!("enough-{}", unique_nap());
    let write = format!(
        "i=0; until [ -e /remote/{enough} ]; do i=$((i+1)); printf 'ä %s <%s' $i '{first}'; sleep 0.1; \
         echo '{second}>'; done; exit 3"
    );
    let task = launch(&daemon, &mailbox, pushing(body(&sshd, write)))?;
    // What nobody took comes again, and before what was written since.
    let refused = receive(&mailbox.listener, "500 Not Today")?;
    let mut letters = vec![mailbox.next()?];
    assert_eq!(serde_json::from_str::<Value>(&refused.body)?, letters[0]);
    let daemon = daemon.restart_killed(&SETTINGS)?;
    letters.push(mailbox.next()?);
    fs::write(sshd.remote().join(enough), "")?;
    while letters.last().is_some_and(|letter| letter["final"] == false) {
        letters.push(mailbox.next()?);
    }
    let (last, pushes) = letters.split_last().context("letters")?;
    assert!(pushes.len() > 1, "{letters:#?}");
    let item = |letter: &Value| letter["result"]["retval"][0].clone();
    let log = letters.iter().map(|letter| item(letter)["stdout"].as_str().map(str::to_owned));
    let whole = daemon.get(&format!("/v0.4/detached-tasks/{task}?offset=0"))?;
    let count = whole.body["output"].as_str().context("a log")?.lines().count();
    let expected = (1..=count).map(|number| format!("ä {number} <******>\n")).collect::<Vec<_>>().concat();
    assert_eq!(log.collect::<Option<String>>().context("texts")?, expected, "no gap, no repeat, no secret");
    for push in pushes {
        assert_eq!((&push["id"], &push["event_type"]), (&json!(task), &json!("detached.log_push")), "{push}");
    }
    assert_eq!((&last["id"], &last["event_type"]), (&json!(task), &json!("detached.completed")), "{last}");
    assert_eq!((&last["status"], &item(last)["exit_status"]), (&json!("finished"), &json!(3)), "{last}");
    assert_eq!(item(last)["metadata"]["completed"], true, "{last}");
    let deliveries = daemon.get(&format!("/v1/webhooks/deliveries?job={}", job_of(&daemon, &task)?))?;
    assert!(deliveries.text.contains("task-output") && deliveries.text.contains("task-ended"), "{}", deliveries.text);

    // NetPulse's own client reads them.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/netpulse");
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), "netpulse-sdk", &format!("{folder}/requirements.txt"))?;
    let given = json!({
        "address": daemon.address(), "key": Daemon::KEY, "letters": letters, "log": expected,
        "connection_args": body(&sshd, "")["connection_args"],
    });
    python.run(&format!("{folder}/acceptance.py"), &["letters"], &given.to_string())?;
    Ok(())
}

/// The job that launched a task.
fn job_of(daemon: &Daemon, task: &str) -> anyhow::Result<String> {
    let tasks = daemon.get("/detached-tasks")?;
    let tasks = tasks.body.as_array().context("a list")?;
    let found = tasks.iter().find(|it| it["task_id"] == task).context("the task")?;
    Ok(found["job_id"].as_str().context("a job")?.to_owned())
}

#[test]
fn a_task_that_is_stopped_or_never_begins_is_told_as_one_that_failed() -> anyhow::Result<()> {
    let (sshd, daemon) = (Sshd::shared()?, Daemon::start(&SETTINGS)?);
    let mut stopped = Mailbox::new()?;
    let task = launch(&daemon, &stopped, pushing(body(&sshd, "echo begun; sleep 600")))?;
    assert_eq!(stopped.next()?["result"]["retval"][0]["stdout"], "begun\n");
    let killed = daemon.send(Method::DELETE, &format!("/v0.4/detached-tasks/{task}"), "")?;
    assert_eq!(killed.status, 200, "{}", killed.text);
    let letter = stopped.next()?;
    assert_eq!((&letter["event_type"], &letter["final"]), (&json!("detached.failed"), &json!(true)), "{letter}");
    assert_eq!(letter["result"]["type"], "stopped", "{letter}");

    let mut never = Mailbox::new()?;
    let wrong = with(body(&sshd, "true"), |it| it["connection_args"]["password"] = "not the password".into());
    launch(&daemon, &never, wrong)?;
    let letter = never.next()?;
    assert_eq!((&letter["event_type"], &letter["final"]), (&json!("detached.failed"), &json!(true)), "{letter}");
    assert_eq!(letter["result"]["error"]["type"], "AuthenticationException", "{letter}");
    Ok(())
}

#[test]
fn without_an_interval_only_the_end_is_told_and_with_it_the_log() -> anyhow::Result<()> {
    let (sshd, daemon, mut mailbox) = (Sshd::shared()?, Daemon::start(&SETTINGS)?, Mailbox::new()?);
    let task = launch(&daemon, &mailbox, body(&sshd, "echo one; sleep 1; echo two"))?;
    // Whoever sees the end: it is told then, and not when the daemon would have looked.
    let (path, end) = (format!("/v0.4/detached-tasks/{task}"), Instant::now() + PATIENCE);
    loop {
        ensure!(Instant::now() < end, "it goes on");
        let seen = daemon.get(&path)?;
        match seen.body["status"].as_str() {
            Some("completed") => break,
            Some("launching" | "running") => sleep(Duration::from_millis(100)),
            _ => bail!("{}", seen.text),
        }
    }
    let letter = mailbox.next()?;
    assert_eq!((&letter["event_type"], &letter["final"]), (&json!("detached.completed"), &json!(true)), "{letter}");
    assert_eq!(letter["result"]["retval"][0]["stdout"], "one\ntwo\n", "{letter}");
    Ok(())
}
