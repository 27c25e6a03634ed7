//! `hostler policy test`: what a policy says now of what was recorded.

use crate::error::Error;
use crate::past::{Past, Question, Then};
use crate::plain::plain;
use crate::report::Report;
use crate::scripted::Network;
use crate::trial::{Subject, Trial};
use crate::{Surroundings, exit};
use clap::Args;
use hostler_model::Failure;
use hostler_plugins::{Answer, WorldName};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Asks a policy about recorded jobs.
#[derive(Args)]
pub struct PolicyTest {
    /// The folder of the project, or a component.
    #[arg(default_value = ".", value_name = "FOLDER|FILE.wasm")]
    plugin: PathBuf,
    /// Its settings [default: settings.json beside it, if there is one].
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// What was recorded: jobs as `hostler jobs show ID --json` shows them, and lines of `GET /v1/audit`.
    #[arg(long, value_name = "FILE")]
    jobs: PathBuf,
    /// Ends with 1 if it says something else than was decided then.
    #[arg(long)]
    expect_same: bool,
    /// Tells everything as JSON, a document a line.
    #[arg(long)]
    json: bool,
}

/// How many questions came to what.
#[derive(Default)]
struct Count {
    judged: usize,
    differ: usize,
    unjudged: usize,
}

/// Does it.
pub(crate) async fn policy_test(test: &PolicyTest, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let subject = Subject::open(&test.plugin)?;
    let name = subject.manifest.name.clone();
    if subject.manifest.world != WorldName::Policy {
        return Err(Error::Input(format!("{name} is a driver: name a policy")));
    }
    let past = Past::read(&test.jobs, &name)?;
    let trial = Trial::of(&subject)?;
    let stdout = std::mem::replace(&mut surroundings.stdout, Box::new(io::sink()));
    let report = Arc::new(Report::new(stdout, test.json));
    let nobody = Arc::new(Network::empty());
    let policies = vec![subject.policy(test.settings.as_deref())?];
    let network = (nobody as Arc<_>, Arc::clone(&report) as Arc<_>);
    let plugins = trial.load(&[&subject], BTreeMap::new(), policies, network, surroundings).await?;
    let mut count = Count::default();
    for (job, questions) in past.jobs {
        let mut replay = plugins.replay(&name)?;
        for (question, then) in questions {
            let what = question.what();
            let said = match &question {
                Question::Job(job) => replay.review(job).await,
                Question::Action(action) => replay.authorize(action).await,
                Question::Unclear { why, .. } => {
                    count.unjudged += 1;
                    let document = json!({"told": "unjudged", "job": job, "what": what, "reason": why});
                    report.tell(&document, || plain(&format!("? {job} {what}: cannot be judged again: {why}")));
                    continue;
                }
            };
            count.tell(&report, &job, &what, said, then);
        }
    }
    let Count { judged, differ, unjudged } = count;
    report.tell(&json!({"told": "end", "judged": judged, "differ": differ, "unjudged": unjudged}), || {
        format!("{judged} judged, {differ} differ from what was decided then, {unjudged} cannot be judged again")
    });
    report.end()?;
    Ok(if test.expect_same && differ > 0 { exit::FAILED } else { exit::SUCCESS })
}

impl Count {
    /// Tells one answer. A policy that fails denies.
    fn tell(&mut self, report: &Report, job: &str, what: &str, said: Result<Answer, Failure>, then: Option<Then>) {
        let (now, rule, reason, patch) = match said {
            Ok(Answer::Allow) => ("allowed", String::new(), String::new(), None),
            Ok(Answer::Deny { code, reason }) => ("denied", code, reason, None),
            Ok(Answer::Amend { patch, reason }) => ("changed", String::new(), reason, Some(patch)),
            Err(failure) => ("denied", failure.kind.to_string(), failure.message, None),
        };
        let differs = then.is_some_and(|then| (then != Then::Allowed) != (now == "denied"));
        self.judged += 1;
        self.differ += usize::from(differs);
        let before = then.map(Then::word);
        let document = json!({
            "told": "answer", "job": job, "what": what, "now": now, "rule": rule, "reason": reason, "patch": patch,
            "then": before, "differs": differs,
        });
        report.tell(&document, || {
            let mark = if differs { '!' } else { ' ' };
            let rule = if rule.is_empty() { rule } else { format!(" ({rule})") };
            let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
            let before = before.filter(|_| differs).map(|word| format!(" [{word} then]")).unwrap_or_default();
            plain(&format!("{mark} {job} {what}: {now}{rule}{reason}{before}"))
        });
    }
}
