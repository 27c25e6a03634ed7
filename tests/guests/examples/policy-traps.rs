//! A policy that panics in `review`. Proves that what cannot be judged is denied.

use hostile_guests::policy;
use hostler_sdk::policy::{Action, Context, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};

/// The policy.
pub struct PolicyTraps;

impl Policy for PolicyTraps {
    fn describe() -> Description {
        policy("policy-traps")
    }

    fn new(_settings: &str) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }

    fn review(&self, _context: &Context, _job: &Job) -> Judgement {
        panic!("this policy panics on purpose")
    }

    fn authorize(&self, _context: &Context, _action: &Action) -> Verdict {
        Verdict::Allow
    }
}

hostler_sdk::policy!(PolicyTraps);
