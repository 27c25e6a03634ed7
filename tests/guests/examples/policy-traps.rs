//! A policy that panics in `review`. Proves that what cannot be judged is denied.

use hostile_guests::policy;
use hostler_sdk::Job;
use hostler_sdk::policy::{Action, Context, Description, Judgement, Policy, Verdict};

/// The policy.
pub struct PolicyTraps;

impl Policy for PolicyTraps {
    fn describe() -> Description {
        policy("policy-traps")
    }

    fn review(_context: &Context, _job: &Job) -> Judgement {
        panic!("this policy panics on purpose")
    }

    fn authorize(_context: &Context, _action: &Action) -> Verdict {
        Verdict::Allow
    }
}

hostler_sdk::policy!(PolicyTraps);
