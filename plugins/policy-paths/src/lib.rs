//! The policy `policy-paths`: which files of servers, and of the daemon, jobs may read and write.
//!
//! ```json
//! {
//!   "allow": [{"path": "/srv/upload/**", "access": "write", "max_size": 1048576}, {"path": "/var/log/*", "access": "read"}],
//!   "deny": ["/var/log/auth.log"],
//!   "local": {"deny": ["/srv/files/keys/**"]}
//! }
//! ```
//!
//! `deny` wins over `allow`; with an `allow` list, what matches no rule of it is denied.

mod judgement;
mod settings;

use hostler_sdk::policy::{Action, Context, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use settings::Settings;

/// The policy.
pub struct Paths(Settings);

impl Policy for Paths {
    fn describe() -> Description {
        Description {
            name: "policy-paths".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Allows and denies files by path, direction and size.".into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn new(settings: &str) -> Result<Self, Vec<Problem>> {
        Settings::read(settings).map(Self)
    }

    /// How a driver names files in its requests is its own affair: each access is judged.
    fn review(&self, _context: &Context, _job: &Job) -> Judgement {
        Judgement::Allow
    }

    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        judgement::of_action(&self.0, action).into()
    }
}

hostler_sdk::policy!(Paths);
