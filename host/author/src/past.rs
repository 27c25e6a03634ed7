//! What a daemon has recorded of jobs: as it shows them, and as its audit has what they did.

mod question;

pub(crate) use question::{Question, Then};

use crate::error::Error;
use hostler_model::{AuditEntry, AuditEvent, Target};
use hostler_plugins::{PastAction, PastJob};
use jiff::Timestamp;
use question::merged;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Questions of the past, by job, the oldest first: names of jobs sort by time.
#[derive(Default)]
pub(crate) struct Past {
    pub(crate) jobs: BTreeMap<String, Vec<(Question, Option<Then>)>>,
}

/// A job as `GET /v1/jobs/{id}` shows it. What is not needed is skipped.
#[derive(Deserialize)]
struct JobRecord {
    id: String,
    driver: String,
    target: Target,
    command: Option<Vec<String>>,
    config: Option<Vec<String>>,
    /// Lists leave both out.
    connection_args: Option<Value>,
    driver_args: Option<Value>,
    #[serde(default)]
    secrets: Vec<String>,
    created_at: Timestamp,
}

/// A line of the audit.
#[derive(Deserialize)]
struct AuditRecord {
    at: Timestamp,
    #[serde(flatten)]
    entry: AuditEntry,
}

/// What was asked in a job that was denied before it was one.
#[derive(Deserialize)]
struct Asked {
    command: Option<Vec<String>>,
    config: Option<Vec<String>>,
    connection_args: Value,
    driver_args: Value,
    #[serde(default)]
    secrets: Vec<String>,
}

impl Past {
    /// Reads JSON documents: jobs, lines of the audit, and whole pages of either. `policy` is who is asked now.
    pub(crate) fn read(path: &Path, policy: &str) -> Result<Self, Error> {
        let text = fs::read(path).map_err(|error| Error::unreadable(path, &error))?;
        let mut past = Self::default();
        for document in serde_json::Deserializer::from_slice(&text).into_iter::<Value>() {
            let document = document.map_err(|error| Error::wrong(path, &format!("it is no JSON: {error}")))?;
            past.take(document, policy).map_err(|reason| Error::wrong(path, &reason))?;
        }
        past.settle();
        Ok(past)
    }

    /// Puts the questions of each job in order, and has each of them once.
    fn settle(&mut self) {
        for questions in self.jobs.values_mut() {
            questions.sort_by_key(|(question, then)| (question.at(), *then == Some(Then::Allowed)));
            *questions = merged(std::mem::take(questions));
        }
    }

    fn take(&mut self, mut document: Value, policy: &str) -> Result<(), String> {
        for page in ["jobs", "audit"] {
            if let Some(items) = document.get_mut(page).and_then(Value::as_array_mut) {
                return std::mem::take(items).into_iter().try_for_each(|item| self.take(item, policy));
            }
        }
        if document.get("event").is_some() {
            let record = serde_json::from_value(document).map_err(|error| format!("a line of the audit: {error}"))?;
            self.action(record, policy);
        } else {
            let record = serde_json::from_value(document).map_err(|error| {
                format!("neither a job nor a line of the audit ({error}): see `hostler policy test --help`")
            })?;
            self.job(record);
        }
        Ok(())
    }

    fn job(&mut self, record: JobRecord) {
        let JobRecord { id, driver, target, command, config, connection_args, driver_args, secrets, created_at } =
            record;
        let question = match (connection_args, driver_args) {
            (Some(connection_args), Some(driver_args)) => Question::Job(PastJob {
                id: id.clone(),
                at: created_at,
                driver,
                target,
                command,
                config,
                connection_args,
                driver_args,
                secrets,
            }),
            _ => Question::Unclear {
                what: format!("job for {target}"),
                why: "a list shows no `connection_args` and `driver_args`; take `hostler jobs show ID --json`",
            },
        };
        self.add(id, question, Some(Then::Allowed));
    }

    /// A line that tells of something that policies judge.
    fn action(&mut self, AuditRecord { at, entry }: AuditRecord, policy: &str) {
        let AuditEntry { event, job, plugin, action, target, by, details, .. } = entry;
        let then = match event {
            AuditEvent::Executed => Some(Then::Allowed),
            AuditEvent::Denied => (by == policy).then_some(Then::Denied),
            AuditEvent::WouldDeny => (by == policy).then_some(Then::WouldDeny),
            _ => return,
        };
        // A secret that is put to the wrong use is denied by the host itself.
        let Some(id) = job.filter(|_| action != "secret").map(|job| job.to_string()) else { return };
        let unclear = |what: String, why| Question::Unclear { what, why };
        let Some(target) = target.as_deref().and_then(Target::read) else {
            return self.add(id, unclear(action, "its target is not on record"), None);
        };
        let question = match (&*action, details) {
            (_, Value::String(_)) => {
                unclear(format!("{action} for {target}"), "what was asked was longer than the audit keeps")
            }
            ("job", details) => match serde_json::from_value(details) {
                Ok(asked) => Question::Job(denied(&id, at, plugin, target, asked)),
                Err(_) => {
                    unclear(format!("job for {target}"), "its request is not on record: an older daemon wrote it")
                }
            },
            (_, details) => {
                Question::Action(PastAction { job: id.clone(), at, driver: plugin, kind: action, target, details })
            }
        };
        self.add(id, question, then);
    }

    fn add(&mut self, job: String, question: Question, then: Option<Then>) {
        self.jobs.entry(job).or_default().push((question, then));
    }
}

fn denied(id: &str, at: Timestamp, driver: String, target: Target, asked: Asked) -> PastJob {
    let Asked { command, config, connection_args, driver_args, secrets } = asked;
    PastJob { id: id.into(), at, driver, target, command, config, connection_args, driver_args, secrets }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JOB: &str = "019ab0a0-0000-7000-8000-000000000001";

    fn line(event: &str, action: &str, by: &str, details: &Value) -> Value {
        json!({
            "id": 7, "at": "2026-11-20T10:00:00Z", "event": event, "caller": "operator", "job": JOB, "plugin": "paramiko",
            "digest": "", "action": action, "target": "admin@web1:22", "by": by, "rule": "", "reason": "", "details": details,
        })
    }

    fn record(command: &str) -> Value {
        json!({"id": JOB, "driver": "paramiko", "target": {"host": "web1", "port": 22, "user": "admin"},
            "command": [command], "config": null, "created_at": "2026-11-20T10:00:00Z"})
    }

    fn past(documents: &[Value]) -> Result<Past, String> {
        let mut past = Past::default();
        documents.iter().try_for_each(|document| past.take(document.clone(), "my-policy"))?;
        past.settle();
        Ok(past)
    }

    fn read(documents: &[Value]) -> Result<Vec<(String, Option<&'static str>)>, String> {
        let questions = past(documents)?.jobs.into_values().flatten();
        Ok(questions.map(|(question, then)| (question.what(), then.map(Then::word))).collect())
    }

    #[test]
    fn what_was_decided_then_is_known_where_this_policy_decided() {
        let exec = json!({"command": "id"});
        let lines = [
            line("executed", "exec", "", &json!({"command": "ls"})),
            line("denied", "exec", "my-policy", &exec),
            line("would-deny", "exec", "my-policy", &exec),
            line("denied", "exec", "grants", &exec),
            line("ended", "job", "", &Value::Null),
        ];
        let id = || "exec `id`".to_owned();
        let expected =
            [(id(), Some("denied")), (id(), Some("denied")), (id(), None), ("exec `ls`".into(), Some("allowed"))];
        assert_eq!(read(&lines).expect("they are read"), expected);
        assert_eq!(read(&[json!({"audit": lines, "next": null})]).expect("a page is read"), expected);
    }

    #[test]
    fn what_would_have_been_denied_and_went_on_is_asked_once() {
        let typed = json!({"text": "reload\n"});
        // The newest line comes first.
        let lines = [
            line("executed", "type", "", &typed),
            line("executed", "type", "", &typed),
            line("would-deny", "type", "my-policy", &typed),
            line("would-deny", "type", "other-policy", &typed),
        ];
        let reload = || "type `reload`".to_owned();
        let expected = [(reload(), Some("denied")), (reload(), None), (reload(), Some("allowed"))];
        assert_eq!(read(&lines).expect("they are read"), expected, "the second time it was allowed");

        let mut job = record("reload");
        job["connection_args"] = json!({});
        job["driver_args"] = json!({});
        for noted in [json!("{\"command\": \"…"), json!({"connection_args": {}, "driver_args": {}})] {
            let noted = line("would-deny", "job", "my-policy", &noted);
            let past = past(&[job.clone(), noted]).expect("they are read");
            let questions = &past.jobs[JOB][..];
            assert!(
                matches!(questions, [(Question::Job(_), Some(Then::WouldDeny))]),
                "the job itself, as it was judged"
            );
        }
    }

    #[test]
    fn what_the_record_does_not_hold_is_said() {
        let cut = line("executed", "exec", "", &json!("{\"command\": \"…"));
        let old = line("denied", "job", "my-policy", &Value::Null);
        let past = past(&[json!({"jobs": [record("id")]}), cut, old]).expect("they are read");
        assert!(past.jobs[JOB].iter().all(|(question, _)| matches!(question, Question::Unclear { .. })));
        assert!(read(&[json!({"some": "thing"})]).expect_err("it is neither").contains("neither a job"));
    }
}
