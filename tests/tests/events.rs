//! Jobs that are watched: live, afterwards, from where one was, and by clients that do not read.

use crate::job::body;
use crate::{SETUP, daemon, shared_daemon};
use anyhow::Context;
use hostler_tests::{Daemon, Message, Sshd, unique_nap};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn submit(daemon: &Daemon, sshd: &Sshd, command: impl Into<Value>) -> anyhow::Result<String> {
    let submitted = daemon.execute(&body(sshd, command))?;
    assert_eq!(submitted.status, 201, "{}", submitted.text);
    Ok(submitted.job()?.to_owned())
}

/// What was written to a stream, of all its messages. None may leave a gap or repeat anything.
fn text(messages: &[Message], run: u32, stream: &str) -> String {
    let mut text = String::new();
    for Message { data, .. } in messages.iter().filter(|message| message.event == "output") {
        if data["run"] == run && data["stream"] == stream {
            assert!(data["offset"] == text.len(), "{} comes after {}", data["offset"], text.len());
            text += data["text"].as_str().expect("text");
        }
    }
    text
}

#[test]
fn lines_are_told_as_they_appear_and_again_after_the_end() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let gate = format!("gate-{}", unique_nap());
    let script = format!("mkfifo -m 666 {gate}; echo first; read word <{gate}; echo second $word; echo aside >&2");
    let id = submit(&daemon, &sshd, json!([script, "echo third"]))?;
    let mut following = daemon.follow(&id, None)?;
    let first = following.output()?;
    assert_eq!(
        (&first.data["run"], &first.data["stream"], &first.data["text"]),
        (&json!(0), &json!("stdout"), &json!("first\n"))
    );
    let output = |query: &str| daemon.get(&format!("/v1/jobs/{id}/output?run=0&stream=stdout&{query}"));
    let so_far = output("offset=0&wait=9")?;
    assert_eq!(so_far.text, "first\n");
    assert!(
        so_far.headers.contains("\"output-next\": \"6\"") && !so_far.headers.contains("output-total"),
        "{}",
        so_far.headers
    );

    // Nothing but the server's command reads from it; so the first line came before there was a second.
    let second = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| output("offset=6&wait=60"));
        writeln!(OpenOptions::new().write(true).open(sshd.home().join(&gate))?, "came")?;
        waiting.join().expect("it does not panic")
    })?;
    assert!("second came\n".starts_with(&second.text) && !second.text.is_empty(), "{}", second.text);
    let mut live = vec![first];
    live.extend(following.rest()?);
    assert_eq!(text(&live, 0, "stdout"), "first\nsecond came\n");
    assert_eq!((text(&live, 0, "stderr"), text(&live, 1, "stdout")), ("aside\n".into(), "third\n".into()));
    let results: Vec<_> = live.iter().filter(|message| message.event == "result").map(|it| &it.data).collect();
    assert_eq!((&results[0]["command"], &results[0]["stdout_bytes"]), (&json!(script), &json!(18)));
    assert_eq!((results.len(), &results[1]["exit_status"]), (2, &json!(0)));
    let end = live.last().context("an end")?;
    assert_eq!((end.event.as_str(), &end.data["state"]), ("end", &json!("finished")));

    let whole = output("offset=3")?;
    assert_eq!(whole.text, "st\nsecond came\n");
    assert!(whole.headers.contains("\"output-total\": \"18\""), "{}", whole.headers);
    let numbered =
        |messages: Vec<Message>| messages.into_iter().filter(|message| message.id.is_some()).collect::<Vec<_>>();
    let live = numbered(live);
    assert_eq!(numbered(daemon.follow(&id, None)?.rest()?), live, "afterwards it is the same");
    for (index, message) in live.iter().enumerate() {
        let rest = daemon.follow(&id, message.id)?.rest()?;
        assert_eq!(rest.last().map(|message| message.event.as_str()), Some("end"));
        assert_eq!(numbered(rest), live[index + 1..], "after {:?}", message.id);
    }
    Ok(())
}

#[test]
fn a_client_that_does_not_read_holds_nothing_up() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let gate = format!("gate-{}", unique_nap());
    let script =
        format!("mkfifo -m 666 {gate}; echo 0; read word <{gate}; seq 1 1000; head -c 64M /dev/zero | tr '\\0' x");
    let id = submit(&daemon, &sshd, script)?;
    let clients = (0..5).map(|_| {
        let mut client = TcpStream::connect(daemon.address().trim_start_matches("http://"))?;
        let request = format!("GET /v1/jobs/{id}/events HTTP/1.1\r\nHost: h\r\nX-API-KEY: {}\r\n\r\n", Daemon::KEY);
        client.write_all(request.as_bytes())?;
        anyhow::Ok(client)
    });
    let clients = clients.collect::<Result<Vec<_>, _>>()?;
    assert_eq!(daemon.get(&format!("/v1/jobs/{id}/output?wait=60"))?.text, "0\n");
    writeln!(OpenOptions::new().write(true).open(sshd.home().join(&gate))?, "go")?;
    let start = Instant::now();
    let job = daemon.wait(&id)?;
    assert_eq!(job["state"], "finished", "{}", job["error"]);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let memory = fs::read_to_string(format!("/proc/{}/status", daemon.pid()))?;
    let peak = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("its peak")?;
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse()?;
    assert!(peak < 400 << 10, "the daemon needed {peak} KiB");

    let told = daemon.follow(&id, None)?.rest()?;
    let logged = text(&told, 0, "stdout");
    let numbers = (0..=1000).map(|number| format!("{number}\n")).collect::<Vec<_>>().concat();
    assert!(logged.starts_with(&numbers) && logged.len() <= 16 << 20, "{} bytes", logged.len());
    let names: Vec<_> = told.iter().map(|message| message.event.as_str()).filter(|name| *name != "output").collect();
    assert_eq!(names, ["cut", "result", "end"]);
    // What came faster than this build can scrub it is lost, and counted.
    let lost = job["warnings"][0].as_str().and_then(|text| text.split_once(" bytes of output came faster"));
    let lost: u64 = lost.map_or(Ok(0), |(lost, _)| lost.parse())?;
    let written = told[told.len() - 2].data["stdout_bytes"].as_u64().context("a number")?;
    assert_eq!(written + lost, (64 << 20) + numbers.len() as u64);
    drop(clients);
    Ok(())
}

#[test]
fn what_was_told_is_still_known_after_a_crash() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let nap = unique_nap();
    let id = submit(&daemon, &sshd, json!(["echo one", format!("echo two; sleep {nap}")]))?;
    let mut following = daemon.follow(&id, None)?;
    let mut seen = vec![following.output()?];
    while text(&seen, 1, "stdout") != "two\n" {
        seen.push(following.next().context("more")??);
    }
    let daemon = daemon.restart_killed(&SETUP)?;
    let again = daemon.follow(&id, None)?.rest()?;
    assert_eq!(again[..seen.len()], seen);
    let end = again.last().context("an end")?;
    assert_eq!((end.event.as_str(), &end.data["error"]["kind"]), ("end", &json!("lost")), "{end:?}");
    let job = daemon.get(&format!("/v1/jobs/{id}"))?.body;
    assert_eq!(job["results"].as_array().map(Vec::len), Some(1), "{job}");
    assert_eq!((&job["results"][0]["command"], &job["results"][0]["stdout"]), (&json!("echo one"), &json!("one\n")));
    Ok(())
}
