//! `multipart/form-data` (RFC 7578): a request, and a file that comes with it.

use super::refused::Refused;
use crate::error::Error;
use crate::handed::{Handed, take_in};
use crate::{Api, body};
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures::{Stream, StreamExt};
use hostler_model::{Caller, ErrorKind, Failure, Phase};
use multer::{Field, Multipart, parse_boundary};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that may come without anything to be made of them: the reader would keep headers without end in memory.
const MOST_AHEAD: usize = 4 << 20;

/// What came.
pub(super) struct Form {
    /// The part `request`, which is JSON.
    pub(super) request: Vec<u8>,
    /// The part `file`.
    pub(super) file: Option<Handed>,
    /// What was ignored.
    pub(super) warnings: Vec<String>,
}

/// Whether the body of a request is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data"))
}

/// Reads a form, and takes the file in as it comes. If the form does not come to its end, or is refused, nothing is left.
pub(super) async fn read(api: &Api, caller: &Arc<Caller>, headers: &HeaderMap, body: Body) -> Result<Form, Refused> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = parse_boundary(content_type).map_err(error)?;
    let mut pieces = body::pieces(body, &api.config);
    let form = parts(api, caller, boundary, &mut pieces).await;
    if form.is_err() {
        body::discard(pieces, &api.config).await;
    }
    Ok(form?)
}

async fn parts(
    api: &Api,
    caller: &Arc<Caller>,
    boundary: String,
    pieces: impl Stream<Item = Result<Bytes, Error>> + Send,
) -> Result<Form, Error> {
    let ahead = AtomicUsize::new(0);
    let pieces = pieces.map(|piece| {
        let piece = piece?;
        let ahead = ahead.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
        if ahead > MOST_AHEAD.max(piece.len()) { Err(wrong("a part of the form has no end")) } else { Ok(piece) }
    });
    let mut form = Multipart::new(pieces, boundary);
    let (mut request, mut file, mut warnings) = (None, None, Vec::new());
    while let Some(mut field) = form.next_field().await.map_err(error)? {
        ahead.store(0, Ordering::Relaxed);
        let name = field.name().unwrap_or_default().to_owned();
        match &*name {
            "request" if request.is_some() => return Err(wrong("the form has two parts `request`: send one")),
            "request" => request = Some(text(&mut field, &ahead, api.config.body_limit).await?),
            "file" if file.is_some() => return Err(wrong("the form has two parts `file`: send one file")),
            "file" => {
                // As browsers write a quote in a name.
                let name = field.file_name().unwrap_or_default().replace("%22", "\"");
                let pieces = field.map(|piece| {
                    ahead.store(0, Ordering::Relaxed);
                    piece.map_err(error)
                });
                let taken = take_in(api, caller, &name, true, pieces).await?;
                file = Some(Handed::new(api, caller, &taken));
            }
            _ => {
                while field.chunk().await.map_err(error)?.is_some() {
                    ahead.store(0, Ordering::Relaxed);
                }
                warnings.push(format!("the part {name:?} of the form is not known and was ignored"));
            }
        }
    }
    let request = request.ok_or_else(|| wrong("Field 'request' is required in multipart mode"))?;
    Ok(Form { request, file, warnings })
}

async fn text(field: &mut Field<'_>, ahead: &AtomicUsize, limit: usize) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(error)? {
        ahead.store(0, Ordering::Relaxed);
        if text.len() + piece.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        text.extend_from_slice(&piece);
    }
    Ok(text)
}

/// What our own stream said, or what the reader found.
fn error(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(inner) => match inner.downcast::<Error>() {
            Ok(error) => *error,
            Err(_) => Error::BrokenBody,
        },
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteStream => Error::BrokenBody,
        other => wrong(&format!("the body is no form: {other}")),
    }
}

fn wrong(message: &str) -> Error {
    Failure::new(ErrorKind::InvalidRequest, Phase::Validate, message).into()
}
