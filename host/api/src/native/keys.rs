//! The API keys, under `/v1/keys`.

use super::problem::{Problem, Refusals};
use super::{invalid, parameters};
use crate::guard::Admin;
use crate::{Api, body};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hostler_jobs::to_its_end;
use hostler_model::{Caller, KeyInfo, NewKey, Rate, Scope, Secret};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use utoipa::ToSchema;

/// What a client wants to have made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
struct Wanted {
    /// Whose it is to be: `[a-z0-9-_.]`, 1 to 64 of them.
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<Scope>)]
    scopes: BTreeSet<Scope>,
    /// Drivers that it may use, as patterns with `*` and `?`; absent: all.
    drivers: Option<Vec<String>>,
    /// Hosts that its jobs may have as target or jump host: names with `*` and `?`, addresses, ranges; absent: all.
    hosts: Option<Vec<String>>,
    /// When it ends.
    expires_at: Option<Timestamp>,
    /// In how many seconds it ends.
    expires_in: Option<u32>,
    /// How often it may be used.
    rate: Option<WantedRate>,
}

/// Without `burst` as many requests at once as in a second.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRate)]
struct WantedRate {
    /// Requests in a second, in the long run.
    #[schema(value_type = u32, minimum = 1)]
    per_second: NonZeroU32,
    /// Requests at once.
    #[schema(value_type = Option<u32>, minimum = 1)]
    burst: Option<NonZeroU32>,
}

impl Wanted {
    fn key(self) -> Result<NewKey, Problem> {
        let Self { name, scopes, drivers, hosts, expires_at, expires_in, rate } = self;
        if expires_at.is_some() && expires_in.is_some() {
            return Err(invalid("Give `expires_at` or `expires_in`, not both.".into()));
        }
        let later = |seconds: u32| Timestamp::now().saturating_add(SignedDuration::from_secs(seconds.into()));
        let in_time = expires_in.map(later).transpose().map_err(|_| invalid("`expires_in` is too long.".into()))?;
        let rate = rate.map(|WantedRate { per_second, burst }| Rate { per_second, burst: burst.unwrap_or(per_second) });
        Ok(NewKey { caller: Caller { name, scopes, drivers, hosts }, rate, expires_at: expires_at.or(in_time) })
    }
}

/// A key that was made. This is the one time that it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeKey)]
struct Made<'a> {
    #[serde(flatten)]
    info: KeyInfo,
    /// The key.
    key: &'a str,
}

/// All API keys but the operator's, without what they are.
#[derive(Serialize, ToSchema)]
#[schema(as = Keys)]
pub(super) struct Listed {
    keys: Vec<KeyInfo>,
}

/// Lists the API keys
///
/// Without what they are.
#[utoipa::path(
    get, path = "/keys", operation_id = "list_keys", tag = "keys",
    responses((status = 200, description = "The keys.", body = Listed), Refusals),
)]
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Listed>, Problem> {
    parameters(&uri, &[])?;
    Ok(Json(Listed { keys: api.backend.keys() }))
}

/// Makes an API key
///
/// This is the one time that it is shown.
#[utoipa::path(
    post, path = "/keys", operation_id = "make_key", tag = "keys", request_body = Wanted,
    responses((status = 201, description = "The key.", body = Made), Refusals),
)]
pub(super) async fn make(Admin(by): Admin, State(api): State<Api>, uri: Uri, body: Body) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let body = body::read(body, &api.config).await?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|error| {
        let fields = "`name`, `scopes` and, if you like, `drivers`, `hosts`, `expires_at` or `expires_in`, `rate`";
        invalid(format!("The body is wrong ({error}): send {fields}."))
    })?;
    let wanted = wanted.key()?;
    let (info, key): (KeyInfo, Secret) = to_its_end(async move { api.backend.make_key(wanted, &by).await }).await?;
    let made = Json(Made { info, key: key.expose() });
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], made).into_response())
}

/// Takes an API key back
///
/// From then on it is worth nothing.
#[utoipa::path(
    delete, path = "/keys/{name}", operation_id = "revoke_key", tag = "keys",
    params(("name" = String, Path, description = "The key's name.")),
    responses((status = 204, description = "It is worth nothing any more."), Refusals),
)]
pub(super) async fn revoke(
    Admin(by): Admin,
    State(api): State<Api>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<StatusCode, Problem> {
    parameters(&uri, &[])?;
    to_its_end(async move { api.backend.revoke_key(&name, &by).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
