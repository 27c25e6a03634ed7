//! What is told of a trial, as it happens: lines for people, or a JSON document a line.

use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{AuditEntry, AuditEvent, Exit, Failure, Outcome, Plan, Problem, RunResult};
use hostler_plugins::{Audit, Opinion, Piece, Progress, Verdict, Witness};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Columns of the word that a line begins with.
const WORD: usize = 12;

/// What is told of a trial. What the daemon would write into its audit comes here.
pub(crate) struct Report {
    to: Mutex<To>,
    json: bool,
}

struct To {
    stdout: Box<dyn Write + Send>,
    /// The first thing that went wrong with it.
    broken: Option<io::Error>,
}

impl Report {
    pub(crate) fn new(stdout: Box<dyn Write + Send>, json: bool) -> Self {
        Self { to: Mutex::new(To { stdout, broken: None }), json }
    }

    /// The end of the report. Errors: it could not be written.
    pub(crate) fn end(&self) -> io::Result<()> {
        let mut to = self.to();
        match to.broken.take() {
            Some(error) => Err(error),
            None => to.stdout.flush(),
        }
    }

    /// Tells something: `document` for machines, `text` for people.
    pub(crate) fn tell(&self, document: &Value, text: impl FnOnce() -> String) {
        let line = if self.json { document.to_string() } else { text() };
        let mut to = self.to();
        if to.broken.is_none() && !line.is_empty() {
            to.broken = writeln!(to.stdout, "{}", line.trim_end_matches('\n')).err();
        }
    }

    fn to(&self) -> std::sync::MutexGuard<'_, To> {
        self.to.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the driver made of the request, and what the policies said of it.
    pub(crate) fn accepted(&self, plan: &Plan, verdicts: &[Verdict]) {
        let Plan { target, command, config, connection_args, driver_args, .. } = plan;
        let asked = json!({
            "command": command, "config": config, "connection_args": connection_args, "driver_args": driver_args,
        });
        let mut document = json!({"told": "plan", "target": target});
        document
            .as_object_mut()
            .into_iter()
            .for_each(|all| all.extend(asked.as_object().cloned().into_iter().flatten()));
        self.tell(&document, || format!("{}\n{}", line("target", &target.to_string()), line("plan", &brief(&asked))));
        for Verdict { policy, mode, verdict, reason } in verdicts {
            let document =
                json!({"told": "verdict", "policy": policy, "mode": mode, "verdict": verdict, "reason": reason});
            self.tell(&document, || {
                let said = match verdict {
                    Opinion::Allowed => "allows the job",
                    Opinion::Amended => "changes the job: ",
                    Opinion::WouldDeny => "would deny the job: ",
                    Opinion::WouldAmend => "would change the job: ",
                };
                line("verdict", &format!("{policy} {said}{reason}"))
            });
        }
    }

    /// All that is wrong with the request.
    pub(crate) fn invalid(&self, problems: &[Problem]) {
        for problem in problems {
            let document =
                json!({"told": "problem", "path": problem.path, "code": problem.code, "message": problem.message});
            self.tell(&document, || line("problem", &format!("{}: {}", problem.path.join("."), problem.message)));
        }
    }

    /// How the job ended.
    pub(crate) fn ended(&self, outcome: &Outcome) {
        let Outcome { results, error, warnings } = outcome;
        for result in results {
            let RunResult { command, exit, stdout, stderr, duration, moved, .. } = result;
            let document = json!({
                "told": "result", "command": command, "exit": exit, "stdout": stdout.text(), "stderr": stderr.text(),
                "duration_s": duration.as_secs_f64(), "moved": moved,
            });
            self.tell(&document, || {
                let how = match exit {
                    Exit::Status(status) => format!("status {status}"),
                    Exit::Signal(signal) => format!("signal {signal}"),
                    Exit::Unknown => "no status".into(),
                };
                let mut text = line("result", &format!("{command}: {how}"));
                for (bar, output) in [("|", stdout.text()), ("!", stderr.text())] {
                    for printed in output.lines() {
                        write!(text, "\n{:WORD$}{bar} {printed}", "").expect("a String takes everything");
                    }
                }
                text
            });
        }
        self.warn(warnings);
        self.tell(&json!({"told": "end", "error": error}), || match error {
            Some(failure) => self::failed(failure),
            None => line("end", "the job was carried out"),
        });
    }

    /// That there is no job because the request only asks what would be done.
    pub(crate) fn spared(&self, plan: &Plan) {
        self.warn(&plan.warnings);
        self.tell(&json!({"told": "end", "error": null, "dry_run": true}), || {
            line("end", "nothing was carried out: the request says `dry_run`")
        });
    }

    fn warn(&self, warnings: &[String]) {
        for warning in warnings {
            self.tell(&json!({"told": "warning", "message": warning}), || line("warning", warning));
        }
    }

    /// Why there is no job.
    pub(crate) fn refused(&self, failure: &Failure) {
        self.tell(&json!({"told": "end", "error": failure}), || failed(failure));
    }
}

impl Audit for Report {
    fn record(&self, entry: AuditEntry) {
        // What is loaded is told otherwise.
        if entry.job.is_none() {
            return;
        }
        let AuditEntry { event, action, target, by, rule, reason, details, .. } = &entry;
        let document = json!({
            "told": "action", "event": event, "action": action, "target": target, "by": by, "rule": rule,
            "reason": reason, "details": details,
        });
        self.tell(&document, || {
            let word = match event {
                AuditEvent::Executed => "let pass",
                AuditEvent::WouldDeny => "would deny",
                AuditEvent::Amended => "changed",
                AuditEvent::WouldAmend => "would change",
                AuditEvent::Failed => "failed",
                AuditEvent::More => "more",
                AuditEvent::BreakerOpened | AuditEvent::BreakerClosed => "breaker",
                _ => "denied",
            };
            let mut text = action.clone();
            let details = brief(details);
            if !matches!(&*details, "" | "{}" | "null") {
                write!(text, " {details}").expect("a String takes everything");
            }
            for (before, said) in [(" by ", by), (", rule ", rule), (": ", reason)] {
                if !said.is_empty() {
                    write!(text, "{before}{said}").expect("a String takes everything");
                }
            }
            line(word, &text)
        });
    }
}

impl Witness for Report {
    fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>> {
        async { Ok(()) }.boxed()
    }

    /// Results have it.
    fn output(&self, _: Piece<'_>) {}

    fn progress(&self, _: u32, progress: &Progress) {
        let Progress { file, bytes, total, rate } = progress;
        let document = json!({"told": "progress", "file": file, "bytes": bytes, "total": total, "rate": rate});
        self.tell(&document, || line("moved", &format!("{bytes} of {total} bytes, {file}")));
    }

    /// They are told at the end, under the names that the driver gives them.
    fn ran(&self, _: u32, _: &RunResult) {}
}

fn failed(failure: &Failure) -> String {
    line("error", &failure.to_string())
}

fn line(word: &str, text: &str) -> String {
    format!("{word:WORD$}{text}")
}

/// JSON without what is null, false or empty.
fn brief(value: &Value) -> String {
    let is_something = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    match value {
        Value::Object(fields) => {
            // A command that is sent as it is needs not be shown twice.
            let kept = fields.iter().filter(|(name, value)| {
                is_something(value) && (*name != "wire" || fields.get("command") != Some(value))
            });
            let kept: serde_json::Map<_, _> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
            Value::Object(kept).to_string()
        }
        other => other.to_string(),
    }
}
