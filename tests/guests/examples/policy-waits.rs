//! A policy that looks at a clock of its own. Proves that a policy gets nothing but the question.

use hostile_guests::policy;
use hostler_sdk::policy::{Action, Context, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem, clock};

/// The policy.
pub struct PolicyWaits;

impl Policy for PolicyWaits {
    fn describe() -> Description {
        policy("policy-waits")
    }

    fn new(_settings: &str) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }

    fn review(&self, context: &Context, _job: &Job) -> Judgement {
        if clock::now_ms() < context.now_ms {
            Verdict::denied("early", "It is too early.").into()
        } else {
            Judgement::Allow
        }
    }

    fn authorize(&self, _context: &Context, _action: &Action) -> Verdict {
        Verdict::Allow
    }
}

hostler_sdk::policy!(PolicyWaits);
