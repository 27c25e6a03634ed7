//! Staged files, under `/v1/files`.

use super::parameters;
use super::problem::{Problem, Refusals};
use crate::guard::{Reader, Submitter};
use crate::{Api, body, download, handed};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hostler_jobs::StagedFile;
use hostler_model::{ErrorKind, Failure, Phase};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A file that waits to be moved or fetched.
#[derive(Serialize, ToSchema)]
#[schema(as = StagedFile)]
pub(super) struct FileView<'a> {
    /// Its name for `staged` of a job, and for `/v1/files/{id}`.
    id: Uuid,
    /// What the client calls it: without folders.
    name: &'a str,
    /// Bytes.
    size: u64,
    /// SHA-256 of the content, in hexadecimal.
    sha256: &'a str,
    /// When it was complete.
    created_at: Timestamp,
    /// When it goes, if it has not to make way before.
    expires_at: Timestamp,
}

impl<'a> From<&'a StagedFile> for FileView<'a> {
    fn from(file: &'a StagedFile) -> Self {
        let StagedFile { id, name, size, sha256, created_at, expires_at, .. } = file;
        Self { id: *id, name, size: *size, sha256, created_at: *created_at, expires_at: *expires_at }
    }
}

/// Hands over a file
///
/// For the `staged` of any number of jobs, until it expires, makes way for others, or is removed. The body is its content.
#[utoipa::path(
    post, path = "/files", operation_id = "stage_file", tag = "files",
    params(("name" = Option<String>, Query, description = "What it is called; folders before it do not count. `file` if it is absent.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "The file; `Location` is its address.", body = FileView),
        (status = 413, description = "It is larger than `files.staged_max_size`."),
        Refusals,
    ),
)]
pub(super) async fn stage(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    uri: Uri,
    content: Body,
) -> Result<Response, Problem> {
    let name = parameters(&uri, &["name"])?.pop().map(|(_, name)| name).unwrap_or_default();
    let mut pieces = body::pieces(content, &api.config);
    let file = match handed::take_in(&api, &caller, &name, false, &mut pieces).await {
        Ok(file) => file,
        Err(error) => {
            body::discard(pieces, &api.config).await;
            return Err(error.into());
        }
    };
    let location = [(LOCATION, format!("/v1/files/{}", file.id))];
    Ok((StatusCode::CREATED, location, Json(FileView::from(&file))).into_response())
}

/// Fetches a file
///
/// One that was handed over, or that a job made (`moved.staged` of its result). `Range` is understood, and `ETag` is its
/// SHA-256.
#[utoipa::path(
    get, path = "/files/{id}", operation_id = "fetch_file", tag = "files",
    params(("id" = Uuid, Path, description = "Its name.")),
    responses(
        (status = 200, description = "The content.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of it that was asked for.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is the one that the client has (`If-None-Match`)."),
        (status = 416, description = "It has no such part."),
        Refusals,
    ),
)]
pub(super) async fn fetch(
    Reader(caller): Reader,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let (file, content) = api.backend.staged(read(&id)?, &caller).await?;
    Ok(download::answer(&file, content, &headers))
}

/// Removes a file
///
/// Whoever reads it meanwhile can read on.
#[utoipa::path(
    delete, path = "/files/{id}", operation_id = "remove_file", tag = "files",
    params(("id" = Uuid, Path, description = "Its name.")),
    responses((status = 204, description = "It is gone."), Refusals),
)]
pub(super) async fn remove(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<StatusCode, Problem> {
    parameters(&uri, &[])?;
    api.backend.unstage(read(&id)?, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read(id: &str) -> Result<Uuid, Problem> {
    let message = "There is no file of this name; ask with the id that was answered.";
    id.parse().map_err(|_| Failure::new(ErrorKind::NotFound, Phase::Transfer, message).into())
}
