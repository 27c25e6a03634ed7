//! The host keys on record, under `/v1/host-keys`.

use super::problem::Problem;
use super::{invalid, parameters};
use crate::guard::Admin;
use crate::{Api, body};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use hostler_model::{AuditEntry, AuditEvent, Caller};
use serde::Deserialize;
use serde_json::{Value, json};

const SSH_PORT: u16 = 22;

/// What a client wants to have recorded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    host: String,
    #[serde(default = "ssh_port")]
    port: u16,
    key: String,
}

fn ssh_port() -> u16 {
    SSH_PORT
}

/// All lines.
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Value>, Problem> {
    parameters(&uri, &[])?;
    Ok(Json(json!({"host_keys": api.host_keys.list().await?})))
}

/// Records a key.
pub(super) async fn add(
    Admin(by): Admin,
    State(api): State<Api>,
    uri: Uri,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    parameters(&uri, &[])?;
    let body = body::read(body, &api.config).await?;
    let Wanted { host, port, key } = serde_json::from_slice(&body).map_err(|error| {
        invalid(format!("The body is wrong ({error}): send `host`, `key`, and `port` if it is not 22."))
    })?;
    let line = api.host_keys.add(&host, port, &key).await?;
    tracing::info!(host, port, fingerprint = line.fingerprint, "a host key was added");
    record(&api, &by, AuditEvent::HostKeyAdded, &host, port, json!([line]));
    Ok((StatusCode::CREATED, Json(json!(line))))
}

/// Forgets the keys of `?host=` and `?port=`.
pub(super) async fn remove(Admin(by): Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Value>, Problem> {
    let (mut host, mut port) = (None, SSH_PORT);
    for (name, value) in parameters(&uri, &["host", "port"])? {
        if name == "host" {
            host = Some(value);
        } else {
            port = value.parse().map_err(|_| invalid("`port` is a number from 1 to 65535.".into()))?;
        }
    }
    let host =
        host.ok_or_else(|| invalid("Say whose keys are to be forgotten: give the query parameter `host`.".into()))?;
    let removed = api.host_keys.remove(&host, port).await?;
    tracing::info!(host, port, lines = removed.len(), "host keys were removed");
    record(&api, &by, AuditEvent::HostKeyRemoved, &host, port, json!(removed));
    Ok(Json(json!({"removed": removed})))
}

fn record(api: &Api, by: &Caller, event: AuditEvent, host: &str, port: u16, details: Value) {
    api.backend.record(&AuditEntry {
        caller: Some(by.name.clone()),
        target: Some(format!("{host}:{port}")),
        details,
        ..AuditEntry::new(event, "host-key")
    });
}
