//! The API keys, under `/v1/keys`.

use super::problem::Problem;
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
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// What a client wants to have made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    scopes: BTreeSet<Scope>,
    drivers: Option<Vec<String>>,
    hosts: Option<Vec<String>>,
    expires_at: Option<Timestamp>,
    /// In seconds.
    expires_in: Option<u32>,
    rate: Option<WantedRate>,
}

/// Without `burst` as many requests at once as in a second.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedRate {
    per_second: NonZeroU32,
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
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    info: KeyInfo,
    key: &'a str,
}

/// All of them, without what they are.
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Value>, Problem> {
    parameters(&uri, &[])?;
    Ok(Json(json!({"keys": api.backend.keys()})))
}

/// Makes one.
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

/// Takes one back.
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
