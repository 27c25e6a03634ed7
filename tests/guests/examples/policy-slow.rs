//! A policy that runs for ever in `authorize`. Proves that an action which nobody judges in time is denied.

use hostile_guests::policy;
use hostler_sdk::policy::{Action, Context, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use std::hint::black_box;

/// The policy.
pub struct PolicySlow;

impl Policy for PolicySlow {
    fn describe() -> Description {
        policy("policy-slow")
    }

    fn new(_settings: &str) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }

    fn review(&self, _context: &Context, _job: &Job) -> Judgement {
        Judgement::Allow
    }

    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        loop {
            black_box(action);
        }
    }
}

hostler_sdk::policy!(PolicySlow);
