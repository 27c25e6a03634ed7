//! The audit, under `/v1/audit`.

use super::problem::Problem;
use super::{invalid, parameters};
use crate::Api;
use crate::guard::Admin;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use hostler_jobs::AuditFilter;
use serde_json::{Value, json};

/// The most lines in one answer.
const MOST: usize = 1000;

/// Lines of the audit, newest first: all, or those that match `?job=`, `?caller=` and `?event=`; `?limit=N` at most so
/// many, `?cursor=` those after the last page, whose `next` it is.
pub(super) async fn list(_: Admin, State(api): State<Api>, uri: Uri) -> Result<Json<Value>, Problem> {
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
    Ok(Json(json!({"audit": lines, "next": next})))
}
