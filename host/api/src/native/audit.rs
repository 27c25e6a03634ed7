//! What was decided, under `/v1/audit`.

use super::problem::{Problem, Refusals};
use super::{invalid, parameters};
use crate::Api;
use crate::guard::Admin;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use hostler_jobs::Recorded;
use serde::Serialize;
use utoipa::ToSchema;

/// The most decisions in one answer.
const MOST: usize = 1000;

/// Decisions, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Audit)]
pub(super) struct AuditView {
    audit: Vec<Recorded>,
}

/// Lists decisions of grants and policies
///
/// Newest first.
#[utoipa::path(
    get, path = "/audit", operation_id = "list_audit", tag = "audit",
    params(
        ("job" = Option<Uuid>, Query, description = "Those about this job."),
        ("limit" = Option<u32>, Query, description = "At most so many.", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, description = "The decisions.", body = AuditView), Refusals),
)]
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<AuditView>, Problem> {
    let (mut job, mut limit) = (None, MOST);
    for (name, value) in parameters(&uri, &["job", "limit"])? {
        if name == "job" {
            job = Some(value.parse().map_err(|_| invalid("`job` is the id of a job.".into()))?);
        } else {
            let wanted = value.parse().ok().filter(|wanted| (1..=MOST).contains(wanted));
            limit = wanted.ok_or_else(|| invalid(format!("`limit` is a whole number from 1 to {MOST}.")))?;
        }
    }
    Ok(Json(AuditView { audit: api.backend.decisions(job, limit).await? }))
}
