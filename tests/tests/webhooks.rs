//! Webhooks, from the submission to the receiver.

use crate::SETUP;
use crate::job::body;
use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use sha2::Sha256;
use socket2::SockRef;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use ureq::http::Method;

const SECRET: &str = "known to both sides";

/// How long is waited for what is to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a receiver got.
pub(crate) struct Letter {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

/// Takes one letter, and answers with this status.
pub(crate) fn receive(listener: &TcpListener, status: &str) -> anyhow::Result<Letter> {
    take(&accept(listener)?, status)
}

/// Waits for somebody who brings a letter.
pub(crate) fn accept(listener: &TcpListener) -> anyhow::Result<TcpStream> {
    // On Linux that is how long `accept` waits, too.
    SockRef::from(listener).set_read_timeout(Some(PATIENCE))?;
    let (stream, _) = listener.accept().context("no letter came in time")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads the letter that somebody brings, and answers with this status.
pub(crate) fn take(mut stream: &TcpStream, status: &str) -> anyhow::Result<Letter> {
    let mut reader = BufReader::new(stream);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => drop(headers.insert(name.to_ascii_lowercase(), value.to_owned())),
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let length = headers.get("content-length").context("a length")?.parse()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(Letter { headers, body: String::from_utf8(body)? })
}

#[test]
fn a_receiver_is_told_again_after_a_restart_and_can_trust_what_it_is_told() -> anyhow::Result<()> {
    let (listener, sshd) = (TcpListener::bind("127.0.0.1:0")?, Sshd::shared()?);
    let config = "[webhooks]\nallow_private = [\"127.0.0.1\"]\n";
    let daemon = Daemon::start(&Setup { config, ..SETUP })?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    let mut request = body(&sshd, "exit 3");
    request["webhooks"] = json!([{"url": url, "secret": SECRET}]);
    let submitted = daemon.send(Method::POST, "/v1/jobs", &request.to_string())?;
    let id = submitted.body["id"].as_str().with_context(|| submitted.text.clone())?.to_owned();
    let first = receive(&listener, "500 Not Today")?;
    daemon.wait(&id)?;
    // What it has not yet written down it tries as if for the first time.
    let end = Instant::now() + PATIENCE;
    while !daemon.get(&format!("/v1/webhooks/deliveries?job={id}"))?.text.contains("500") {
        ensure!(Instant::now() < end, "the first attempt is not written down");
    }
    let daemon = daemon.restart_killed(&Setup { config, ..SETUP })?;
    let second = receive(&listener, "204 No Content")?;
    assert_eq!((&first.body, &first.headers["webhook-id"]), (&second.body, &second.headers["webhook-id"]));

    let Letter { headers, body } = second;
    let told: Value = serde_json::from_str(&body)?;
    assert_eq!((&told["event"], &told["job"]["id"]), (&json!("job.finished"), &json!(id)), "{body}");
    let signed = format!("{}.{}.{body}", headers["webhook-id"], headers["webhook-timestamp"]);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(signed.as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(headers["webhook-signature"], signature);

    let deliveries = daemon.get(&format!("/v1/webhooks/deliveries?job={id}"))?;
    assert_eq!(deliveries.status, 200, "{}", deliveries.text);
    assert!(deliveries.text.contains("500") && !deliveries.text.contains(SECRET), "{}", deliveries.text);
    Ok(())
}

#[test]
fn a_client_of_netpulse_is_told_in_the_words_of_its_dialect() -> anyhow::Result<()> {
    let (listener, sshd) = (TcpListener::bind("127.0.0.1:0")?, Sshd::shared()?);
    let config = "[webhooks]\nallow_private = [\"127.0.0.1\"]\n";
    let daemon = Daemon::start(&Setup { config, ..SETUP })?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    let mut request = body(&sshd, "echo a");
    request["driver"] = json!("paramiko");
    request["webhook"] = json!({"url": url, "auth": ["ann", "b"], "cookies": {"c": "d"}, "headers": {"X-Own": "e"}});
    for (path, field) in
        [("/v0.4/device/exec", "event_type"), ("/v0.3/device/exec", "device"), ("/device/execute", "result")]
    {
        let mut asked = request.clone();
        if path == "/device/execute" {
            let webhook = asked.as_object_mut().and_then(|fields| fields.remove("webhook"));
            asked["options"] = json!({"webhook": webhook});
        }
        let submitted = daemon.send(Method::POST, path, &asked.to_string())?;
        assert_eq!(submitted.status, 201, "{}", submitted.text);
        let Letter { headers, body } = receive(&listener, "204 No Content")?;
        let told: Value = serde_json::from_str(&body)?;
        let id = submitted.body.pointer("/data/id").unwrap_or(&submitted.body["id"]);
        assert_eq!(&told["id"], id, "{body}");
        assert!(told.get(field).is_some(), "{body}");
        assert_eq!(headers["authorization"], format!("Basic {}", STANDARD.encode("ann:b")));
        assert_eq!((headers["cookie"].as_str(), headers["x-own"].as_str()), ("c=d", "e"));
        if field == "event_type" {
            assert_eq!((&told["event_type"], &told["final"]), (&json!("job.completed"), &json!(true)), "{body}");
            assert_eq!(told["result"]["retval"][0]["stdout"], "a\n", "{body}");
        }
    }
    Ok(())
}

#[test]
fn a_receiver_in_the_private_network_is_refused_before_the_job_is_accepted() -> anyhow::Result<()> {
    let (daemon, sshd) = (crate::shared_daemon()?, Sshd::shared()?);
    let mut request = body(&sshd, "true");
    request["webhooks"] = json!([{"url": "http://169.254.169.254/latest/meta-data"}]);
    let answer = daemon.send(Method::POST, "/v1/jobs", &request.to_string())?;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.text.contains("webhooks"), "{}", answer.text);
    Ok(())
}
