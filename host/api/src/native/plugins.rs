//! The plugins, under `/v1/plugins`.

use super::problem::Problem;
use super::{invalid, parameters};
use crate::guard::Admin;
use crate::{Api, body};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_model::{Caller, ErrorKind, Failure, Phase, PluginChange, PluginInfo};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// The largest component, in bytes. It is held in memory.
const COMPONENT_LIMIT: usize = 64 << 20;
/// So many components are read at once; others wait.
static UPLOADS: Semaphore = Semaphore::const_new(2);

const MEDIA_TYPE: &str = "application/wasm";
/// The header with the content of the `.sig` file, in base64.
const SIGNATURE: &str = "Plugin-Signature";

/// Those in service and those that could not be loaded.
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Value>, Problem> {
    parameters(&uri, &[])?;
    Ok(Json(json!({"plugins": api.backend.plugins()})))
}

/// One of them.
pub(super) async fn get(
    _: Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<PluginInfo>, Problem> {
    parameters(&uri, &[])?;
    let message = "There is no plugin of this name; GET /v1/plugins lists them.";
    let none = || Failure::new(ErrorKind::NotFound, Phase::Plugin, message);
    Ok(Json(api.backend.plugin(&name).ok_or_else(none)?))
}

/// Installs the component of the body.
pub(super) async fn install(
    Admin(by): Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<PluginInfo>, Problem> {
    parameters(&uri, &[])?;
    if headers.get(CONTENT_TYPE).is_some_and(|media_type| media_type != MEDIA_TYPE) {
        return Err(invalid(format!("Send the component itself, with the header `Content-Type: {MEDIA_TYPE}`.")));
    }
    let decode = |signature| {
        STANDARD.decode(signature).map_err(|_| {
            invalid(format!(
                "`{SIGNATURE}` is not base64; send the content of the .sig file like `base64 -w0` writes it."
            ))
        })
    };
    let signature = headers.get(SIGNATURE).map(|value| decode(value.as_bytes())).transpose()?;
    let _turn = UPLOADS.acquire().await;
    let component = body::read_up_to(body, COMPONENT_LIMIT, &api.config).await?;
    change(&api, &by, &name, PluginChange::Install { component, signature }).await
}

/// Takes the file of the folder into service.
pub(super) async fn load(
    Admin(by): Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<PluginInfo>, Problem> {
    parameters(&uri, &[])?;
    change(&api, &by, &name, PluginChange::Load).await
}

/// Takes the version before this one into service.
pub(super) async fn roll_back(
    Admin(by): Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<PluginInfo>, Problem> {
    parameters(&uri, &[])?;
    change(&api, &by, &name, PluginChange::Rollback).await
}

/// Takes it out of service.
pub(super) async fn remove(
    Admin(by): Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<PluginInfo>, Problem> {
    parameters(&uri, &[])?;
    change(&api, &by, &name, PluginChange::Remove).await
}

async fn change(api: &Api, by: &Caller, name: &str, change: PluginChange) -> Result<Json<PluginInfo>, Problem> {
    Ok(Json(api.backend.change_plugin(name, change, by).await?))
}
