//! `/template/render` and `/template/parse`, with or without the name of the engine behind it. Each dialect puts the answer
//! into its own shape.

use super::fault::{Fault, Faults};
use super::fields;
use super::rendering::{self, Rendering};
use crate::guard::Submitter;
use crate::{Api, body, error::Error};
use axum::body::Body;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{RequestExt, Router};
use hostler_model::{ErrorKind, Failure};
use hostler_templates::{Parser, render};
use serde_json::Value;

/// Why a template has no answer.
pub(super) enum Refusal {
    /// The body does not fit: 422.
    Misfit(Faults),
    /// The template or its use is wrong: 400.
    Wrong(String),
    /// There is no such engine: 404.
    Missing(String),
    /// Anything else.
    Error(Error),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Misfit(fault.into())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::Limit => Self::Wrong(failure.message),
            ErrorKind::NotFound => Self::Missing(failure.message),
            _ => Self::Error(failure.into()),
        }
    }
}

/// The four routes; `answer` writes what came of them.
pub(super) fn routes(answer: fn(Result<Value, Refusal>) -> Response) -> Router<Api> {
    let render = async move |Submitter(_): Submitter, State(api): State<Api>, request: Request| {
        answer(rendered(&api, request).await).into_response()
    };
    let parse = async move |Submitter(_): Submitter, State(api): State<Api>, request: Request| {
        answer(parsed(&api, request).await).into_response()
    };
    Router::new()
        .route("/template/render", post(render))
        .route("/template/render/{name}", post(render))
        .route("/template/parse", post(parse))
        .route("/template/parse/{name}", post(parse))
}

/// The text that comes of a template.
async fn rendered(api: &Api, request: Request) -> Result<Value, Refusal> {
    let (name, mut fields) = read(api, request).await?;
    let rendering = Rendering::take(&mut fields, &["body"])?;
    let name = name.unwrap_or_else(|| rendering.name.clone());
    let template = rendering.template.clone().filter(|template| !template.is_empty());
    let template = template.ok_or_else(|| Refusal::Wrong("Template source is required".into()))?;
    let text = api.templating.work(move || render(&name, &template, &rendering.context, &rendering.args)).await?;
    Ok(text.into())
}

/// The data that a template makes of the text `context`.
async fn parsed(api: &Api, request: Request) -> Result<Value, Refusal> {
    let (name, fields) = read(api, request).await?;
    let context = fields.get("context").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut parsing = rendering::parsing(fields, &["body"])?;
    parsing.parser = name.unwrap_or(parsing.parser);
    if parsing.parser.is_empty() {
        return Err(Refusal::Wrong("Parser name is required".into()));
    }
    Ok(api.templating.work(move || Parser::new(&parsing)?.parse(&context)).await?)
}

/// The name in the path, and the fields of the body.
async fn read(api: &Api, mut request: Request) -> Result<(Option<String>, Value), Refusal> {
    let name = request.extract_parts::<Path<String>>().await.ok().map(|Path(name)| name);
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let body = body::read(Body::from_request(request, &()).await.unwrap_or_default(), &api.config).await?;
    Ok((name, fields::read(&body, content_type.as_ref())?.into()))
}
