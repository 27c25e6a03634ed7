//! `/v1/batches`.

use crate::scripted::{KEY, Scripted, no_host_keys, send};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::FutureExt;
use futures::stream::pending;
use hostler_api::{Api, Config};
use hostler_jobs::{Job, State};
use hostler_model::{JobId, Parsing, Secret};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// A batch for these hosts.
fn batch(hosts: &[&str]) -> Value {
    let target = |host| json!({"connection_args": {"host": host}});
    json!({
        "targets": hosts.iter().map(target).collect::<Vec<_>>(),
        "connection_args": {"username": "admin", "password": "pw"},
        "command": "uname -s",
    })
}

/// Sends a batch with an idempotency key.
async fn submit_as(backend: &Scripted, key: &str, body: &Value) -> (StatusCode, Value) {
    post_as(backend, key, "/v1/batches", body).await
}

async fn post_as(backend: &Scripted, key: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(path).header("x-api-key", KEY).header("idempotency-key", key);
    let (status, _, text) = send(&backend.api(), request.body(body.to_string().into()).expect("a request")).await;
    (status, serde_json::from_str(&text).expect("a body of JSON"))
}

/// A batch whose jobs are in these states, and its id.
async fn standing(states: &[State]) -> (Scripted, String) {
    let backend = Scripted::default();
    let (_, reply) = backend.ask("POST", "/v1/batches", batch(&["a"])).await;
    let mut script = backend.script();
    let id = script.batches[0].id;
    let child = |state: &State| Job { id: JobId::new(), batch: Some(id), ..crate::scripted::job(*state) };
    script.jobs = states.iter().rev().map(child).collect();
    drop(script);
    (backend, reply["id"].as_str().expect("an id").to_owned())
}

#[tokio::test]
async fn one_bad_target_stops_no_other() {
    let backend = Scripted::default();
    let mut body = batch(&["a", "b", "c", "d"]);
    body["targets"][1]["command"] = json!(7);
    body["targets"][2]["connection_args"] = json!("c");
    body["targets"][3]["command"] = json!(["id", "date"]);
    let (status, headers, text) = backend.ask_raw("POST", "/v1/batches", body.to_string()).await;
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    let id = reply["id"].as_str().expect("an id");
    assert_eq!(headers["location"], format!("/v1/batches/{id}"));
    let places = |list: &Value| {
        let place = |it: &Value| (it["index"].clone(), it["host"].clone());
        list.as_array().expect("a list").iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(places(&reply["jobs"]), [(json!(0), json!("a")), (json!(3), json!("d"))]);
    assert_eq!(places(&reply["refused"]), [(json!(1), json!("b")), (json!(2), Value::Null)]);
    assert_eq!(reply["refused"][0]["problem"]["problems"][0]["path"], json!(["command"]));
    let last = backend.script().submitted.take().expect("a request");
    assert_eq!(last.command, Some(vec!["id".to_owned(), "date".to_owned()]), "its own command replaces the common one");
    assert_eq!(Value::Object(last.connection_args.public().clone()), json!({"host": "d", "username": "admin"}));
    assert!(last.secrets().contains_key("connection_args.password"), "the common arguments are completed");

    let (status, shown) = backend.ask("GET", &format!("/v1/batches/{id}"), Value::Null).await;
    assert_eq!((status, &shown["refused"], &shown["caller"]), (StatusCode::OK, &reply["refused"], &json!("operator")));
    assert_eq!(shown["jobs_url"], format!("/v1/jobs?batch={id}"));
}

#[tokio::test]
async fn a_batch_that_is_no_batch_is_refused_whole() {
    for (field, value, path) in [
        ("targets", json!([]), "targets"),
        ("targets", json!([1]), "targets"),
        ("targets", Value::Null, "targets"),
        ("dry_run", json!(true), "dry_run"),
    ] {
        let mut body = batch(&["a"]);
        body[field] = value;
        let (status, reply) = Scripted::default().ask("POST", "/v1/batches", body.clone()).await;
        assert_eq!(
            (status, &reply["problems"][0]["path"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!([path])),
            "{body}"
        );
    }
    let config = Config { max_batch: 2, ..Config::default() };
    let api = Api::new(config, Scripted::default(), no_host_keys(), Secret::new(KEY.into()));
    let request = Request::post("/v1/batches").header("x-api-key", KEY);
    let body = Body::from(batch(&["a", "b", "c"]).to_string());
    let (status, _, text) = send(&api, request.body(body).expect("a request")).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && text.contains("1 to 2 targets"), "{text}");
}

#[tokio::test]
async fn ten_thousand_targets_fit() {
    let hosts: Vec<String> = (0..10_000).map(|number| format!("server-{number:05}.example.com")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let (status, reply) = Scripted::default().ask("POST", "/v1/batches", batch(&hosts)).await;
    assert_eq!(status, StatusCode::CREATED);
    let jobs = reply["jobs"].as_array().expect("jobs");
    assert!(jobs.len() == 10_000 && jobs.iter().zip(&hosts).all(|(job, host)| job["host"] == **host));
}

#[tokio::test]
async fn a_batch_that_is_sent_again_is_the_same_batch() {
    let backend = Scripted::default();
    let (status, first) = submit_as(&backend, "k", &batch(&["a", "b"])).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, again) = submit_as(&backend, "k", &batch(&["a", "b"])).await;
    assert_eq!((status, &again), (StatusCode::OK, &first));
    assert_eq!(backend.script().batches.len(), 1);
    let (status, problem) = submit_as(&backend, "k", &batch(&["a", "c"])).await;
    assert_eq!((status, &problem["kind"]), (StatusCode::CONFLICT, &json!("idempotency-conflict")));
}

#[tokio::test]
async fn a_batch_stays_one_when_what_was_refused_of_it_is_taken_later() {
    let backend = Scripted::default();
    backend.script().unwanted = vec!["a".into()];
    let (status, first) = submit_as(&backend, "k", &batch(&["a", "b"])).await;
    assert_eq!((status, &first["refused"][0]["host"]), (StatusCode::CREATED, &json!("a")));
    backend.script().unwanted.clear();
    let (status, problem) = submit_as(&backend, "k", &batch(&["a", "c"])).await;
    assert_eq!((status, &problem["kind"]), (StatusCode::CONFLICT, &json!("idempotency-conflict")));
    assert_eq!(backend.script().named.len(), 1, "something of another batch was begun");
    let (status, again) = submit_as(&backend, "k", &batch(&["a", "b"])).await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &first["id"]));
    assert_eq!((&again["jobs"][1]["id"], &again["refused"]), (&first["jobs"][0]["id"], &json!([])));
    let batches: Vec<_> = backend.script().named.iter().filter_map(|(_, job)| job.batch).collect();
    assert_eq!((batches.len(), batches[0]), (2, batches[1]), "cancelling the batch would leave one of its jobs");
    let (_, shown) = backend.ask("GET", &format!("/v1/batches/{}", batches[0]), Value::Null).await;
    assert_eq!(shown["refused"], json!([]));
}

#[tokio::test]
async fn a_key_names_another_batch_a_day_later() {
    let backend = Scripted::default();
    let (_, first) = submit_as(&backend, "k", &batch(&["a"])).await;
    backend.script().batches[0].created_at -= SignedDuration::from_hours(25);
    backend.script().named.clear();
    let (status, second) = submit_as(&backend, "k", &batch(&["b"])).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_ne!(second["id"], first["id"]);
    let (status, again) = submit_as(&backend, "k", &batch(&["b"])).await;
    assert_eq!((status, again), (StatusCode::OK, second));
}

#[tokio::test]
async fn a_retry_that_is_sent_again_is_the_same_retry() {
    let (backend, id) = standing(&[State::Started, State::Failed]).await;
    let path = format!("/v1/batches/{id}/retry");
    let secrets = json!({"connection_args": {"password": "pw"}});
    let (status, first) = post_as(&backend, "k", &path, &secrets).await;
    assert_eq!((status, first["jobs"].as_array().map(Vec::len)), (StatusCode::CREATED, Some(1)), "{first}");
    // The older job comes to stand before the one that is done once more already.
    backend.script().jobs.iter_mut().for_each(|job| job.state = State::Failed);
    let (status, again) = post_as(&backend, "k", &path, &secrets).await;
    assert_eq!((status, &again), (StatusCode::OK, &first));
    let begun = backend.script().named.len();
    assert_eq!(begun, 1);
    let (status, both) = post_as(&backend, "another", &path, &secrets).await;
    assert_eq!((status, both["jobs"].as_array().map(Vec::len)), (StatusCode::CREATED, Some(2)));

    let other = submit_as(&backend, "other", &batch(&["b"])).await.1["id"].clone();
    let (id, failed) = (other.as_str().expect("an id"), JobId::new());
    let batch = Some(id.parse().expect("an id"));
    backend.script().jobs.push(Job { id: failed, batch, ..crate::scripted::job(State::Failed) });
    let (status, problem) = post_as(&backend, "k", &format!("/v1/batches/{id}/retry"), &secrets).await;
    assert_eq!((status, &problem["kind"]), (StatusCode::CONFLICT, &json!("idempotency-conflict")), "of another batch");
}

#[tokio::test]
async fn slow_bodies_keep_no_other_batch_waiting() {
    let backend = Scripted::default();
    let slow = (0..8).map(|_| {
        let body = Body::from_stream(pending::<Result<Vec<u8>, io::Error>>());
        let request = Request::post("/v1/batches").header("x-api-key", KEY).body(body).expect("a request");
        let api = backend.api();
        Box::pin(async move { send(&api, request).await.0 })
    });
    let mut slow: Vec<_> = slow.collect();
    assert!(slow.iter_mut().all(|one| one.now_or_never().is_none()), "each waits for its body");
    let quick = timeout(Duration::from_secs(5), backend.ask("POST", "/v1/batches", batch(&["a"]))).await;
    assert_eq!(quick.expect("it waits for the slow ones").0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_batch_counts_its_jobs_and_cancels_them() {
    let (backend, id) = standing(&[State::Queued, State::Started, State::Failed, State::Failed]).await;
    let (status, shown) = backend.ask("GET", &format!("/v1/batches/{id}"), Value::Null).await;
    let counts = json!({"queued": 1, "started": 1, "finished": 0, "failed": 2, "canceled": 0});
    assert_eq!((status, &shown["counts"]), (StatusCode::OK, &counts));
    let (status, shown) = backend.ask("POST", &format!("/v1/batches/{id}/cancel"), Value::Null).await;
    let counts = json!({"queued": 0, "started": 1, "finished": 0, "failed": 2, "canceled": 1});
    assert_eq!((status, &shown["counts"]), (StatusCode::ACCEPTED, &counts));
    for (method, path) in [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")] {
        for id in ["x".to_owned(), JobId::new().to_string()] {
            let (status, reply) = backend.ask(method, &format!("/v1/batches/{id}{path}"), Value::Null).await;
            assert_eq!((status, &reply["kind"]), (StatusCode::NOT_FOUND, &json!("not-found")), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_failed_is_done_once_more_with_secrets_given_again() {
    let (backend, id) = standing(&[State::Failed, State::Finished, State::Canceled]).await;
    let parsing = Parsing {
        parser: "textfsm".into(),
        template: "Value A (.*)\n\nStart\n  ^${A} -> Record\n".into(),
        ..Parsing::default()
    };
    backend.script().jobs.iter_mut().for_each(|job| job.options.parsing = Some(parsing.clone()));
    let path = format!("/v1/batches/{id}/retry");
    let secrets = json!({"connection_args": {"password": "pw"}, "ttl": 5});
    let (status, reply) = backend.ask("POST", &path, secrets.clone()).await;
    assert_eq!((status, reply["jobs"].as_array().map(Vec::len)), (StatusCode::CREATED, Some(1)), "{reply}");
    assert_ne!(reply["id"], json!(id), "it is a batch of its own");
    let request = backend.script().submitted.take().expect("a request");
    let connection_args = json!({"host": "192.0.2.10", "username": "admin", "port": 22});
    assert_eq!(Value::Object(request.connection_args.public().clone()), connection_args, "as the driver had it");
    assert!(request.secrets().contains_key("connection_args.password"));
    assert_eq!(request.command, Some(vec!["uname -s".to_owned()]));
    assert_eq!(request.options.parsing, Some(parsing));
    let unfinished = json!({"only": "unfinished", "connection_args": {"password": "pw"}});
    let (_, reply) = backend.ask("POST", &path, unfinished).await;
    assert_eq!(reply["jobs"].as_array().map(Vec::len), Some(2));
    let (status, _) = backend.ask("POST", &path, json!({"only": "all"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

    let (backend, id) = standing(&[State::Finished]).await;
    let (status, _) = backend.ask("POST", &format!("/v1/batches/{id}/retry"), secrets).await;
    assert_eq!(status, StatusCode::CONFLICT, "there is nothing to do once more");
}
