//! The audit, under `/v1/audit`.

use super::problem::{Problem, Refusals};
use super::{invalid, parameters};
use crate::Api;
use crate::guard::Admin;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use hostler_jobs::{AuditFilter, Recorded};
use hostler_model::AuditEvent;
use serde::Serialize;
use utoipa::ToSchema;

/// The most lines in one answer.
const MOST: usize = 1000;

/// One page of the audit.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub(super) struct PageView {
    /// Newest first.
    audit: Vec<Recorded>,
    /// What to give as `cursor` to get the next page; null if this is the last one.
    next: Option<String>,
}

/// Lists the audit
///
/// What was asked, decided and done, newest first. All filters that are given must hold.
#[utoipa::path(
    get, path = "/audit", operation_id = "list_audit", tag = "audit",
    params(
        ("job" = Option<Uuid>, Query, description = "Those about this job."),
        ("caller" = Option<String>, Query, description = "Those of this caller."),
        ("event" = Option<AuditEvent>, Query, description = "Those of this sort."),
        ("limit" = Option<u32>, Query, description = "At most so many.", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "One page.", body = PageView), Refusals),
)]
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<PageView>, Problem> {
    let (mut filter, mut limit) = (AuditFilter::default(), MOST);
    for (name, value) in parameters(&uri, &["job", "caller", "event", "limit", "cursor"])? {
        let wrong = |what: &str| invalid(format!("`{name}` is {what}."));
        match name.as_str() {
            "job" => filter.job = Some(value.parse().map_err(|_| wrong("the id of a job"))?),
            "caller" => filter.caller = Some(value),
            "event" => {
                let unknown = |_| wrong("a word that lines of the audit have as `event`, such as `denied`");
                filter.event = Some(value.parse().map_err(unknown)?);
            }
            "cursor" => filter.before = Some(value.parse().map_err(|_| wrong("what the page before has as `next`"))?),
            _ => {
                let wanted = value.parse().ok().filter(|wanted| (1..=MOST).contains(wanted));
                limit = wanted.ok_or_else(|| wrong(&format!("a whole number from 1 to {MOST}")))?;
            }
        }
    }
    let lines = api.backend.audit(filter, limit).await?;
    let next = lines.last().filter(|_| lines.len() == limit).map(|last| last.id.to_string());
    Ok(Json(PageView { audit: lines, next }))
}
