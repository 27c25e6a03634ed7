//! The host keys on record, under `/v1/host-keys`.

use super::problem::{Problem, Refusals};
use super::{invalid, parameters};
use crate::guard::Admin;
use crate::{Api, body};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use hostler_model::{AuditEntry, AuditEvent, Caller, HostKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

const SSH_PORT: u16 = 22;

/// What a client wants to have recorded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewHostKey)]
struct Wanted {
    /// The server's name or address.
    host: String,
    /// Its SSH port.
    #[serde(default = "ssh_port")]
    #[schema(default = 22, minimum = 1)]
    port: u16,
    /// The public key: type and base64, as in `known_hosts`.
    key: String,
}

/// The record.
#[derive(Serialize, ToSchema)]
#[schema(as = HostKeys)]
pub(super) struct Listed {
    host_keys: Vec<HostKey>,
}

/// What was forgotten.
#[derive(Serialize, ToSchema)]
#[schema(as = RemovedHostKeys)]
pub(super) struct Removed {
    removed: Vec<HostKey>,
}

fn ssh_port() -> u16 {
    SSH_PORT
}

/// Lists the host keys on record
#[utoipa::path(
    get, path = "/host-keys", operation_id = "list_host_keys", tag = "host keys",
    responses((status = 200, description = "All lines of the record.", body = Listed), Refusals),
)]
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Listed>, Problem> {
    parameters(&uri, &[])?;
    Ok(Json(Listed { host_keys: api.host_keys.list().await? }))
}

/// Records a host key
#[utoipa::path(
    post, path = "/host-keys", operation_id = "add_host_key", tag = "host keys", request_body = Wanted,
    responses((status = 201, description = "Its line of the record.", body = HostKey), Refusals),
)]
pub(super) async fn add(
    Admin(by): Admin,
    State(api): State<Api>,
    uri: Uri,
    body: Body,
) -> Result<(StatusCode, Json<HostKey>), Problem> {
    parameters(&uri, &[])?;
    let body = body::read(body, &api.config).await?;
    let Wanted { host, port, key } = serde_json::from_slice(&body).map_err(|error| {
        invalid(format!("The body is wrong ({error}): send `host`, `key`, and `port` if it is not 22."))
    })?;
    let line = api.host_keys.add(&host, port, &key).await?;
    tracing::info!(host, port, fingerprint = line.fingerprint, "a host key was added");
    record(&api, &by, AuditEvent::HostKeyAdded, &host, port, json!([line]));
    Ok((StatusCode::CREATED, Json(line)))
}

/// Forgets the host keys of a server
#[utoipa::path(
    delete, path = "/host-keys", operation_id = "remove_host_keys", tag = "host keys",
    params(
        ("host" = String, Query, description = "The server's name or address."),
        ("port" = Option<u16>, Query, description = "Its SSH port; 22 if it is absent."),
    ),
    responses((status = 200, description = "The lines that were removed.", body = Removed), Refusals),
)]
pub(super) async fn remove(Admin(by): Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Removed>, Problem> {
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
    Ok(Json(Removed { removed }))
}

fn record(api: &Api, by: &Caller, event: AuditEvent, host: &str, port: u16, details: Value) {
    api.backend.record(&AuditEntry {
        caller: Some(by.name.clone()),
        target: Some(format!("{host}:{port}")),
        details,
        ..AuditEntry::new(event, "host-key")
    });
}
