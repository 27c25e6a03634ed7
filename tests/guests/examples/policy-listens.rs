//! A policy that denies what is done in an interactive session if its details hold the word `forbidden`, and shows
//! them. Proves what policies hear of it.

use hostile_guests::policy;
use hostler_sdk::policy::{Action, Context, Denial, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};

/// The policy.
pub struct PolicyListens;

impl Policy for PolicyListens {
    fn describe() -> Description {
        policy("policy-listens")
    }

    fn new(_settings: &str) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }

    fn review(&self, _context: &Context, _job: &Job) -> Judgement {
        Judgement::Allow
    }

    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        if action.details.contains("forbidden") {
            let reason = format!("It heard {} {}.", action.kind, action.details);
            return Verdict::Deny(Denial { code: "heard".into(), reason });
        }
        Verdict::Allow
    }
}

hostler_sdk::policy!(PolicyListens);
