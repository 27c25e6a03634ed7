//! What can be typed, and one file for each.

mod build;
mod check;
mod new;
mod policy_test;
mod run;
mod sign;

use clap::Subcommand;

pub(crate) use build::{Build, build};
pub(crate) use check::{Check, check};
pub(crate) use new::{New, new};
pub(crate) use policy_test::{PolicyTest, policy_test};
pub(crate) use run::{Run, run};
pub(crate) use sign::{Sign, sign};

/// What authors of plugins type.
#[derive(Subcommand)]
pub enum PluginVerb {
    /// Makes a folder with a plugin that works: sources, manifest, SDK, and what it can be tried with.
    New(New),
    /// Builds the plugin in a folder, with its manifest inside.
    Build(Build),
    /// Says what a daemon would say of a plugin: imports, manifest, limits, API version, self-test; and what an operator has
    /// to write so that it gets what it asks for.
    Check(Check),
    /// Tries a plugin: carries one request out as the daemon would, with its loader, grants, limits and policies.
    ///
    /// Servers answer what a script says, unless a real one is asked for. Exit code: 0 if the job ended without an error, else
    /// 1. 2: the command line or a file is wrong. Ctrl-C cancels the job; a second one leaves at once.
    Run(Box<Run>),
    /// Signs a plugin, by `ssh-keygen`.
    Sign(Sign),
}

/// What authors of policies type.
#[derive(Subcommand)]
pub enum PolicyVerb {
    /// Asks a policy about recorded jobs: what it says of them now, and where that differs from what was decided.
    ///
    /// FILE holds JSON documents one after the other: jobs as `hostler jobs show ID --json` shows them, and lines or pages of
    /// `GET /v1/audit`. Each is judged at the time that it was recorded at.
    Test(PolicyTest),
}
