//! The policy `policy-hosts`: which hosts, ports and users jobs may reach.
//!
//! ```json
//! {
//!   "allow": ["*.example.com", {"host": "10.0.0.0/8", "ports": [22], "users": ["deploy"]}],
//!   "deny": ["10.0.0.1"]
//! }
//! ```
//!
//! `deny` wins over `allow`; with an `allow` list, what matches no rule of it is denied. A job is judged
//! by what its request says, and each connection once more by the addresses that its name stands for.

mod judgement;
mod settings;

use hostler_sdk::policy::{Action, Context, Denial, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use serde::Deserialize;
use settings::Settings;
use std::net::IpAddr;

/// The policy.
pub struct Hosts(Settings);

impl Policy for Hosts {
    fn describe() -> Description {
        Description {
            name: "policy-hosts".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Allows and denies targets by host, port and user.".into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn new(settings: &str) -> Result<Self, Vec<Problem>> {
        Settings::read(settings).map(Self)
    }

    fn review(&self, _context: &Context, job: &Job) -> Judgement {
        judgement::of_job(&self.0, &job.target).into()
    }

    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        match action.kind.as_str() {
            "connect" => match serde_json::from_str::<Connect>(&action.details).map_err(Denial::unreadable) {
                Ok(connect) => judgement::of_connection(&self.0, &action.target, &connect.addresses),
                Err(denial) => Verdict::Deny(denial),
            },
            // Where anything else happens was judged when the session was made.
            _ => Verdict::Allow,
        }
    }
}

/// The details of a connection.
#[derive(Deserialize)]
struct Connect {
    addresses: Vec<IpAddr>,
}

hostler_sdk::policy!(Hosts);
