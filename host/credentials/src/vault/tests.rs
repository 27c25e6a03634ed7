//! What a stand-in for Vault shows: which requests there are, and what becomes of odd answers. What Vault really does is shown
//! by the integration tests, with a server of `OpenBao`.

use super::*;
use hostler_model::{CredentialRef, ErrorKind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const TOKEN: &str = "hvs.planted-token";
const FOUND: &str = r#"{"data": {"data": {"username": "u", "password": "p"}, "metadata": {"version": 1}}}"#;

/// What the stand-in heard: the head of each request.
type Heard = Arc<Mutex<Vec<String>>>;

/// A server that gives these answers, one after the other.
async fn stand_in(answers: Vec<(u16, &'static str)>) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (address, heard) = (listener.local_addr().expect("an address"), Heard::default());
    let all = Arc::clone(&heard);
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = String::new();
            while !request.contains("\r\n\r\n") {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).await.expect("the daemon writes");
                assert!(count > 0, "it ended after {request}");
                request.push_str(std::str::from_utf8(&part[..count]).expect("text"));
            }
            all.lock().expect("nobody panicked").push(request);
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.expect("the daemon reads");
        }
    });
    (format!("http://{address}"), heard)
}

fn vault(address: &str, more: &Value) -> crate::Credentials {
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let mut section = json!({"kind": "vault", "addr": address, "token": TOKEN});
    let fields = section.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    let config: crate::Config = serde_json::from_value(json!({"v": section})).expect("it is right");
    config.build([]).expect("it is right")
}

fn credential(reference: &str, arguments: Value) -> CredentialRef {
    let arguments: Map<_, _> = serde_json::from_value(arguments).expect("an object");
    CredentialRef { provider: None, reference: reference.into(), arguments }
}

fn lines(heard: &Heard) -> Vec<String> {
    let heard = heard.lock().expect("nobody panicked");
    heard.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_path_the_version_and_the_namespace_are_as_vault_wants_them() {
    let (address, heard) = stand_in(vec![(200, FOUND)]).await;
    let vault = vault(&address, &json!({"namespace": "ops"}));
    let asked = credential("/net/web 1/", json!({"mount": "team/kv", "version": 3}));
    let found = vault.resolve(&asked, "portal").await.expect("found");
    assert_eq!((found["username"].expose(), found["password"].expose()), ("u", "p"));
    assert_eq!(lines(&heard), ["GET /v1/team/kv/data/net/web%201?version=3 HTTP/1.1"]);
    let request = heard.lock().expect("nobody panicked")[0].clone();
    assert!(
        request.contains(&format!("x-vault-token: {TOKEN}")) && request.contains("x-vault-namespace: ops"),
        "{request}"
    );
}

#[tokio::test]
async fn who_asks_at_the_same_time_shares_an_answer_and_failures_are_not_kept() {
    let (address, heard) = stand_in(vec![(503, ""), (200, FOUND)]).await;
    let vault = vault(&address, &json!({}));
    let asked = credential("web", json!({}));
    assert!(vault.resolve(&asked, "a").await.is_err());
    let (one, other) = tokio::join!(vault.resolve(&asked, "a"), vault.resolve(&asked, "b"));
    assert!(one.is_ok() && other.is_ok() && vault.resolve(&asked, "c").await.is_ok());
    assert_eq!(lines(&heard).len(), 2);
}

#[tokio::test]
async fn what_is_kept_is_forgotten_in_time_though_nobody_asks() {
    let memory = Memory::new(Duration::from_millis(50));
    let place = Place { namespace: None, mount: vec!["kv".into()], path: vec!["web".into()], version: None };
    let found = memory.recall(&place, async || Ok(Fields::default())).await.expect("found");
    assert_eq!(Arc::strong_count(&found), 2);
    let gone = async {
        while Arc::strong_count(&found) > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it is still in memory");
}

#[tokio::test]
async fn paths_are_allowed_by_whole_segments_and_namespaces_by_name() {
    let (address, heard) = stand_in(vec![]).await;
    let vault = vault(&address, &json!({"allowed_paths": ["kv/netpulse"], "namespaces": ["team"]}));
    for (reference, arguments) in [
        ("netpulse-admin/web", json!({})),
        ("other", json!({})),
        ("netpulse/web", json!({"mount": "secret"})),
        ("web", json!({"mount": "kv/netpulse-admin"})),
        ("netpulse/web", json!({"namespace": "other"})),
    ] {
        let refused = vault.resolve(&credential(reference, arguments), "portal").await.err().expect(reference);
        assert_eq!(refused.kind, ErrorKind::Denied, "{refused}");
        assert!(refused.message.contains("portal"), "{refused}");
    }
    for (reference, arguments) in [
        ("netpulse/../admin", json!({})),
        ("netpulse//web", json!({})),
        ("", json!({})),
        ("netpulse/web", json!({"mount": ".."})),
        ("netpulse/web", json!({"verify": false})),
    ] {
        let refused = vault.resolve(&credential(reference, arguments), "portal").await.err().expect(reference);
        assert_eq!(refused.kind, ErrorKind::BadCredential, "{refused}");
    }
    assert!(lines(&heard).is_empty(), "Vault was asked");
}

#[tokio::test]
async fn what_vault_does_wrong_is_told_without_the_token_or_what_it_said() {
    let answers = BTreeMap::from([
        (200, r#"["hunter2"]"#),
        (301, "hunter2"),
        (403, r#"{"errors": ["hunter2"]}"#),
        (404, r#"{"errors": []}"#),
        (500, "hunter2"),
    ]);
    let (address, _heard) = stand_in(answers.clone().into_iter().collect()).await;
    let vault = vault(&address, &json!({"cache": 0}));
    for status in answers.keys() {
        let failure = vault.resolve(&credential("web", json!({})), "a").await.err().expect("it is wrong");
        let kind = if *status == 404 { ErrorKind::BadCredential } else { ErrorKind::CredentialUnavailable };
        assert_eq!(failure.kind, kind, "{status}: {failure}");
        let all = format!("{failure:?}");
        assert!(!all.contains("hunter2") && !all.contains(TOKEN), "{all}");
    }
    // Nobody listens any more.
    let failure = vault.resolve(&credential("web", json!({})), "a").await.err().expect("gone");
    assert_eq!(failure.kind, ErrorKind::CredentialUnavailable, "{failure}");
    assert!(!format!("{failure:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_role_logs_in_once_and_anew_when_its_token_is_refused() {
    let in_one = r#"{"auth": {"client_token": "one", "lease_duration": 3600}}"#;
    let in_two = r#"{"auth": {"client_token": "two", "lease_duration": 3600}}"#;
    let answers = vec![(200, in_one), (200, FOUND), (200, FOUND), (403, "{}"), (200, in_two), (200, FOUND)];
    let (address, heard) = stand_in(answers).await;
    let role = json!({"token": null, "role_id": "r", "secret_id": "s", "cache": 0});
    let (vault, asked) = (vault(&address, &role), credential("web", json!({})));
    for right in [true, true, false, true] {
        assert_eq!(vault.resolve(&asked, "a").await.is_ok(), right);
    }
    let logins: Vec<_> = lines(&heard).iter().map(|line| line.contains("auth/approle/login")).collect();
    assert_eq!(logins, [true, false, false, false, true, false]);
}

#[test]
fn a_provider_needs_exactly_one_way_to_log_in() {
    for (more, word) in [
        (json!({"token": null}), "token"),
        (json!({"token_file": "/x"}), "token"),
        (json!({"role_id": "r", "secret_id": "s"}), "token"),
        (json!({"token": null, "role_id": "r"}), "secret_id"),
        (json!({"addr": "vault.example"}), "addr"),
        (json!({"allowed_paths": ["kv//x"]}), "allowed_paths"),
        (json!({"ca_file": "/no/such/file"}), "ca_file"),
    ] {
        let mut section = json!({"kind": "vault", "addr": "http://127.0.0.1:1", "token": TOKEN});
        section.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let config: crate::Config = serde_json::from_value(json!({"v": section})).expect("it can be read");
        let error = config.build([]).err().expect("refused").to_string();
        assert!(error.contains("credentials.v") && error.contains(word) && !error.contains(TOKEN), "{error}");
    }
    let unknown = json!({"v": {"kind": "vault", "addr": "http://127.0.0.1:1", "tokn": "x"}});
    assert!(serde_json::from_value::<crate::Config>(unknown).is_err());
}
