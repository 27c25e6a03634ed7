//! The policy `policy-commands`: which commands jobs may run, and how.
//!
//! ```json
//! {
//!   "allow": ["systemctl status *", "journalctl -u *", "uptime"],
//!   "deny": ["journalctl --vacuum*"],
//!   "elevate": ["root"]
//! }
//! ```
//!
//! A line is taken apart as a shell does; what nobody can judge from outside is denied.

mod judgement;
mod runners;
mod settings;

use hostler_sdk::policy::{Action, Context, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use settings::Settings;

/// The policy.
pub struct Commands(Settings);

impl Policy for Commands {
    fn describe() -> Description {
        Description {
            name: "policy-commands".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Allows and denies commands, and the ways around them.".into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn new(settings: &str) -> Result<Self, Vec<Problem>> {
        Settings::read(settings).map(Self)
    }

    fn review(&self, _context: &Context, job: &Job) -> Judgement {
        judgement::of_job(&self.0, job).into()
    }

    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        judgement::of_action(&self.0, action).into()
    }
}

hostler_sdk::policy!(Commands);
