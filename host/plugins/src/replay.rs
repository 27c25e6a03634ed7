//! Questions of the past: what a policy says now of jobs and actions that were judged before.

use crate::Plugins;
use crate::bench::{Judge, instantiate};
use crate::bindings::policy::Policy;
use crate::bindings::policy::exports::hostler::plugin::judging::{self as wit, Denial, Judgement, Verdict};
use crate::bindings::types;
use crate::instance::Instance;
use hostler_model::{ErrorKind, Failure, Phase, Target};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// One policy, asked about one job and its actions. As in the life of a job, one instance answers all of it; one that fails is
/// made again.
pub struct Replay {
    plugins: Arc<Plugins>,
    judge: Arc<Judge>,
    live: Option<Instance<Policy>>,
}

/// A job as it was recorded. It holds no secret.
#[derive(Clone, Debug)]
pub struct PastJob {
    /// Its name.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// The driver that carried it out.
    pub driver: String,
    /// The server that it was for.
    pub target: Target,
    /// Commands, in order.
    pub command: Option<Vec<String>>,
    /// Lines of configuration, in order.
    pub config: Option<Vec<String>>,
    /// The public part of `connection_args`.
    pub connection_args: Value,
    /// The public part of `driver_args`.
    pub driver_args: Value,
    /// Paths of the secrets that came with it.
    pub secrets: Vec<String>,
}

/// An action as the audit has it.
#[derive(Clone, Debug)]
pub struct PastAction {
    /// The job that it was part of.
    pub job: String,
    /// When it was judged.
    pub at: Timestamp,
    /// The driver that asked for it.
    pub driver: String,
    /// Its kind, as `judging.wit` has it.
    pub kind: String,
    /// Where it was to happen.
    pub target: Target,
    /// What it was, as `judging.wit` has it.
    pub details: Value,
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has nothing against it.
    Allow,
    /// It denies it.
    Deny {
        /// The word of the rule.
        code: String,
        /// One sentence.
        reason: String,
    },
    /// It would change the job.
    Amend {
        /// JSON Patch (RFC 6902).
        patch: String,
        /// One sentence.
        reason: String,
    },
}

impl Plugins {
    /// Has one of the configured policies ready to be asked. Errors: `not-found`.
    pub fn replay(self: &Arc<Self>, policy: &str) -> Result<Replay, Failure> {
        let judge = self.table().bench.judges.iter().find(|judge| *judge.plugin.terms.name == *policy).cloned();
        let judge = judge.ok_or_else(|| {
            let message = format!("{policy} is none of the configured policies");
            Failure::new(ErrorKind::NotFound, Phase::Policy, message)
        })?;
        Ok(Replay { plugins: Arc::clone(self), judge, live: None })
    }
}

impl Replay {
    /// What it says of a job, at the time when that came. Errors: what every call of a plugin can end with; the daemon would
    /// deny then.
    pub async fn review(&mut self, job: &PastJob) -> Result<Answer, Failure> {
        let context = self.judge.context_at(job.at, true);
        let asked = types::Job {
            id: job.id.clone(),
            driver: job.driver.clone(),
            target: types::Target::from(&job.target),
            request: types::Request {
                command: job.command.clone(),
                config: job.config.clone(),
                connection_args: job.connection_args.to_string(),
                driver_args: job.driver_args.to_string(),
                secrets: job.secrets.clone(),
            },
        };
        let mut instance = self.instance().await?;
        let judgement = instance
            .call(async |store, policy| policy.hostler_plugin_judging().call_review(store, &context, &asked).await)
            .await?;
        self.live = Some(instance);
        Ok(match judgement {
            Judgement::Allow => Answer::Allow,
            Judgement::Deny(Denial { code, reason }) => Answer::Deny { code, reason },
            Judgement::Amend(wit::Amendment { patch, reason }) => Answer::Amend { patch, reason },
        })
    }

    /// What it says of an action, at the time when that was judged. Errors: as of [`Replay::review`].
    pub async fn authorize(&mut self, action: &PastAction) -> Result<Answer, Failure> {
        let context = self.judge.context_at(action.at, false);
        let asked = wit::Action {
            job: action.job.clone(),
            driver: action.driver.clone(),
            kind: action.kind.clone(),
            target: types::Target::from(&action.target),
            details: action.details.to_string(),
        };
        let mut instance = self.instance().await?;
        let verdict = instance
            .call(async |store, policy| policy.hostler_plugin_judging().call_authorize(store, &context, &asked).await)
            .await?;
        self.live = Some(instance);
        Ok(match verdict {
            Verdict::Allow => Answer::Allow,
            Verdict::Deny(Denial { code, reason }) => Answer::Deny { code, reason },
        })
    }

    async fn instance(&mut self) -> Result<Instance<Policy>, Failure> {
        match self.live.take() {
            Some(instance) => Ok(instance),
            None => instantiate(&self.plugins, &self.judge).await,
        }
    }
}
