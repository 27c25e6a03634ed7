//! What is asked of a job besides its work.

use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields::{self, Fields};
use crate::dialect::whole;
use hostler_model::{self as model, Detach, WebhookEvent};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What a request may ask for, in seconds.
const TTL: RangeInclusive<u64> = 1..=86_400;
const EXECUTION_TIMEOUT: RangeInclusive<u64> = 1..=86_400;
const RESULT_TTL: RangeInclusive<u64> = 60..=604_800;
const PUSH_INTERVAL: RangeInclusive<u64> = 1..=3600;

/// How long a job may take unless the request says otherwise: one that moves files, and any other.
const MOVING: Duration = Duration::from_hours(1);
const OTHER: Duration = Duration::from_mins(5);

/// How long a job may wait unless the request says otherwise.
pub(super) const DEFAULT_TTL: Duration = Duration::from_mins(5);
/// The same where there are many.
pub(super) const DEFAULT_TTL_OF_MANY: Duration = Duration::from_mins(10);

/// What the options ask for.
#[derive(Clone, Default)]
pub(super) struct Options {
    ttl: Option<Duration>,
    execution_timeout: Option<Duration>,
    result_ttl: Option<Duration>,
    pinned: Option<bool>,
    detach: Option<Detach>,
}

impl Options {
    /// Takes the options out of the fields of a body. A null is as if absent, but for `ttl`, where it means what the
    /// operator says.
    pub(super) fn take(
        fields: &mut Fields,
        default_ttl: Duration,
        faults: &mut Faults,
        warnings: &mut Vec<String>,
    ) -> Self {
        let ttl = match fields.remove("ttl") {
            None => Some(default_ttl),
            Some(Value::Null) => None,
            Some(value) => seconds("ttl", Some(value), &TTL, faults),
        };
        let mut given = |name: &str| fields.remove(name).filter(|value| !value.is_null());
        let execution_timeout = seconds("execution_timeout", given("execution_timeout"), &EXECUTION_TIMEOUT, faults);
        let result_ttl = seconds("result_ttl", given("result_ttl"), &RESULT_TTL, faults);
        let strategy = word("queue_strategy", given("queue_strategy"), &["fifo", "pinned"], faults);
        let detach = given("detach").and_then(|value| faults.keep(fields::yes("detach", value))).unwrap_or(false);
        let push_interval = seconds("push_interval", given("push_interval"), &PUSH_INTERVAL, faults);
        if push_interval.is_some() && !detach {
            let msg = "Value error, `push_interval` requires `detach` to be true";
            faults.0.push(Fault::new(["body"], "value_error", msg).with_context(json!({"error": {}})));
        }
        let audit_mode = word("audit_mode", given("audit_mode"), &["full", "metadata", "none"], faults);
        if audit_mode.is_some_and(|mode| mode != "full") {
            warnings.push("audit_mode is not used: the audit never holds results, and every job is in it".into());
        }
        Self {
            ttl,
            execution_timeout,
            result_ttl,
            pinned: strategy.map(|strategy| strategy == "pinned"),
            detach: detach.then_some(Detach { push_interval }),
        }
    }

    /// What webhooks are told where the commands go on after the job: of those, and not of the job.
    pub(super) fn events(&self) -> Option<BTreeSet<WebhookEvent>> {
        self.detach?;
        let output = self.pushes().then_some(WebhookEvent::TaskOutput);
        Some(output.into_iter().chain([WebhookEvent::TaskEnded]).collect())
    }

    /// Whether what a detached task writes is told as it goes on.
    pub(super) fn pushes(&self) -> bool {
        self.detach.is_some_and(|detach| detach.push_interval.is_some())
    }

    /// Whether jobs with the same target share a connection; what is detached does, unless the request says otherwise.
    pub(super) fn pinned(&self) -> bool {
        self.pinned.unwrap_or(self.detach.is_some())
    }

    /// The same for the job, which moves files or does not.
    pub(super) fn of_job(self, moves: bool) -> model::Options {
        let default = if moves { MOVING } else { OTHER };
        model::Options {
            pinned: self.pinned(),
            ttl: self.ttl,
            execution_timeout: Some(self.execution_timeout.unwrap_or(default)),
            result_ttl: self.result_ttl,
            detach: self.detach,
            ..model::Options::default()
        }
    }
}

fn seconds(name: &str, value: Option<Value>, bounds: &RangeInclusive<u64>, faults: &mut Faults) -> Option<Duration> {
    faults.keep(whole::read(&["body", name], value?, bounds)).map(Duration::from_secs)
}

/// The one of `words` that the field is.
fn word(name: &str, value: Option<Value>, words: &[&'static str], faults: &mut Faults) -> Option<&'static str> {
    let value = value?;
    let found = words.iter().find(|word| value == **word).copied();
    let fault = || Fault::no_such_word(["body", name], words, "literal_error").showing(value);
    faults.keep(found.ok_or_else(fault))
}
