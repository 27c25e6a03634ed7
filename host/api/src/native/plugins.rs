//! The plugins, under `/v1/plugins`.

use super::problem::{Problem, Refusals};
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
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// The largest component, in bytes. It is held in memory.
const COMPONENT_LIMIT: usize = 64 << 20;
/// So many components are read at once; others wait.
static UPLOADS: Semaphore = Semaphore::const_new(2);

/// Components, and bytes of any sort.
const MEDIA_TYPES: [&str; 2] = ["application/wasm", "application/octet-stream"];
/// The header with the content of the `.sig` file, in base64.
const SIGNATURE: &str = "Plugin-Signature";

/// All plugins.
#[derive(Serialize, ToSchema)]
#[schema(as = Plugins)]
pub(super) struct Listed {
    plugins: Vec<PluginInfo>,
}

/// Lists the plugins
///
/// Those in service, and those that could not be loaded.
#[utoipa::path(
    get, path = "/plugins", operation_id = "list_plugins", tag = "plugins",
    responses((status = 200, description = "The plugins.", body = Listed), Refusals),
)]
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Listed>, Problem> {
    parameters(&uri, &[])?;
    Ok(Json(Listed { plugins: api.backend.plugins() }))
}

/// Shows a plugin
#[utoipa::path(
    get, path = "/plugins/{name}", operation_id = "get_plugin", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "The plugin.", body = PluginInfo), Refusals),
)]
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

/// Installs a plugin
///
/// The body is the component.
#[utoipa::path(
    put, path = "/plugins/{name}", operation_id = "install_plugin", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name."), ("Plugin-Signature" = Option<String>, Header, description = "Its signature: the content of the `.sig` file, in base64.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The plugin.", body = PluginInfo), Refusals),
)]
pub(super) async fn install(
    Admin(by): Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<PluginInfo>, Problem> {
    parameters(&uri, &[])?;
    if headers.get(CONTENT_TYPE).is_some_and(|media_type| MEDIA_TYPES.iter().all(|it| media_type != it)) {
        return Err(invalid(format!("Send the component itself, with the header `Content-Type: {}`.", MEDIA_TYPES[0])));
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

/// Takes a plugin of the folder into service
#[utoipa::path(
    post, path = "/plugins/{name}/load", operation_id = "load_plugin", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "The plugin.", body = PluginInfo), Refusals),
)]
pub(super) async fn load(
    Admin(by): Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<PluginInfo>, Problem> {
    parameters(&uri, &[])?;
    change(&api, &by, &name, PluginChange::Load).await
}

/// Takes the version before this one into service
#[utoipa::path(
    post, path = "/plugins/{name}/rollback", operation_id = "roll_back_plugin", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "The plugin.", body = PluginInfo), Refusals),
)]
pub(super) async fn roll_back(
    Admin(by): Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<PluginInfo>, Problem> {
    parameters(&uri, &[])?;
    change(&api, &by, &name, PluginChange::Rollback).await
}

/// Takes a plugin out of service
#[utoipa::path(
    delete, path = "/plugins/{name}", operation_id = "remove_plugin", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "The plugin.", body = PluginInfo), Refusals),
)]
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
