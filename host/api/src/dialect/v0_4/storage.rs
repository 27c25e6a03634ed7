//! `GET /storage/fetch/…`: what a job downloaded. Unlike `NetPulse`, it asks for the key, which the SDK sends.

use super::refused::Refused;
use crate::guard::Reader;
use crate::{Api, download};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use hostler_model::ErrorKind;
use uuid::Uuid;

/// Answers a staged file: by its id, or by its id and any name.
pub(super) async fn fetch(
    Reader(caller): Reader,
    State(api): State<Api>,
    Path(file_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let missing = || Refused::Missing("File not found".into());
    let id = id(&file_id).ok_or_else(missing)?;
    match api.backend.staged(id, &caller).await {
        Ok((file, content)) => Ok(download::answer(&file, content, &headers)),
        Err(failure) if failure.kind == ErrorKind::NotFound => Err(missing()),
        Err(failure) => Err(failure.into()),
    }
}

/// The id in what clients take for one: it may have a name behind it.
pub(super) fn id(text: &str) -> Option<Uuid> {
    text.split('/').next()?.parse().ok()
}
