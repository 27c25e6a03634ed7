//! The audit.

use super::Store;
use crate::{AuditFilter, clock};
use hostler_model::{AuditEntry, AuditEvent, JobId};
use serde_json::json;

pub(crate) async fn the_audit_is_kept_in_order_and_filtered(store: &impl Store) {
    let line = |job, caller: &str, event, reason: &str| AuditEntry {
        caller: Some(caller.into()),
        job,
        reason: reason.into(),
        details: json!({"command": "ls"}),
        ..AuditEntry::new(event, "exec")
    };
    let (one, other) = (JobId::new(), JobId::new());
    let lines = [
        line(Some(one), "a", AuditEvent::Submitted, "first"),
        line(Some(other), "b", AuditEvent::Submitted, "second"),
        line(None, "a", AuditEvent::KeyCreated, "third"),
        line(Some(one), "a", AuditEvent::Denied, "fourth"),
    ];
    for line in &lines {
        store.record(line, clock::now());
    }
    let found = async |filter, limit| store.audit(filter, limit).await.expect("it reads");
    let reasons = async |filter, limit| {
        found(filter, limit).await.into_iter().map(|recorded| recorded.entry.reason).collect::<Vec<_>>()
    };
    let all = AuditFilter::default;
    assert_eq!(reasons(all(), 10).await, ["fourth", "third", "second", "first"]);
    let page = found(all(), 2).await;
    assert_eq!(page.iter().map(|recorded| &recorded.entry).collect::<Vec<_>>(), [&lines[3], &lines[2]]);
    let next = AuditFilter { before: Some(page[1].id), ..all() };
    assert_eq!(reasons(next.clone(), 2).await, ["second", "first"]);
    assert_eq!(reasons(AuditFilter { job: Some(one), ..all() }, 10).await, ["fourth", "first"]);
    assert_eq!(reasons(AuditFilter { caller: Some("a".into()), ..all() }, 10).await, ["fourth", "third", "first"]);
    assert_eq!(reasons(AuditFilter { event: Some(AuditEvent::Submitted), ..all() }, 10).await, ["second", "first"]);
    let narrow = AuditFilter { caller: Some("a".into()), job: Some(one), ..next };
    assert_eq!(reasons(narrow, 10).await, ["first"]);
}
