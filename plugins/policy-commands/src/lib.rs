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

use hostler_sdk::policy::{Action, Context, Denial, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use settings::Settings;

/// The policy.
pub struct Commands;

impl Policy for Commands {
    fn describe() -> Description {
        Description {
            name: "policy-commands".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Allows and denies commands, and the ways around them.".into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn check_settings(settings: &str) -> Result<(), Vec<Problem>> {
        Settings::read(settings).map(drop)
    }

    fn review(context: &Context, job: &Job) -> Judgement {
        let settings = Settings::read(&context.settings).map_err(Denial::unreadable);
        settings.and_then(|settings| judgement::of_job(&settings, job)).into()
    }

    fn authorize(context: &Context, action: &Action) -> Verdict {
        let settings = Settings::read(&context.settings).map_err(Denial::unreadable);
        settings.and_then(|settings| judgement::of_action(&settings, action)).into()
    }
}

hostler_sdk::policy!(Commands);
