//! What can go wrong with plugins as such. What goes wrong with a job is a `Failure`.

use crate::grant::Capability;
use hostler_model::Problem;

/// Why the plugin host, or one plugin, cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The wasm engine cannot be made.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
    /// A folder or file cannot be used.
    #[error("{path} cannot be used: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no component.
    #[error("it is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// What it says of itself is missing, wrong, or more than is allowed.
    #[error("its manifest: {0}")]
    Manifest(String),
    /// The limits that the operator gives a plugin are wrong.
    #[error("{0}")]
    Limits(String),
    /// A component is for something else than its manifest says.
    #[error("its manifest calls it a {world}, but it does not export hostler:plugin/{wanted}; it exports {exports}")]
    WrongWorld {
        /// `driver` or `policy`.
        world: &'static str,
        /// The interface that is missing.
        wanted: &'static str,
        /// What it has instead.
        exports: String,
    },
    /// A component imports what its manifest does not ask for.
    #[error("it imports {0}, which its manifest does not ask for, or which Hostler does not have")]
    NotAsked(String),
    /// A manifest asks for what the component has no use for.
    #[error("its manifest asks for `{0}`, but the component imports nothing that could use it; take the request out")]
    Idle(Capability),
    /// A component imports what the operator did not grant.
    #[error(
        "it imports {missing}, which it was not granted; if it may have that, add {advice} to plugin.{name}.grants"
    )]
    NotGranted {
        /// Its name.
        name: String,
        /// The interfaces, joined with commas.
        missing: String,
        /// The capabilities to grant.
        advice: String,
    },
    /// A component has our interface's name but not its shape.
    #[error("it does not fit plugin API 0.1.0: {0}")]
    Mismatch(String),
    /// `describe` failed or answered nonsense.
    #[error("its description cannot be used: {0}")]
    Description(String),
    /// Two plugins of one name.
    #[error("the name {0} is taken by another plugin")]
    NameTaken(String),
    /// A policy is configured that cannot serve.
    #[error("policy {name} cannot serve: {reason}")]
    Policy {
        /// Its name in the configuration.
        name: String,
        /// Why.
        reason: String,
    },
    /// The settings of a policy are wrong.
    #[error("the settings of policy {name} are wrong: {}", list(.problems))]
    Settings {
        /// Its name in the configuration.
        name: String,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// The configuration names a plugin that does not exist.
    #[error("the configuration names plugin {0}, but there is no such plugin")]
    Unknown(String),
}

/// Problems in one sentence.
pub(crate) fn list(problems: &[Problem]) -> String {
    let one = |problem: &Problem| format!("{}: {}", problem.path.join("."), problem.message);
    problems.iter().map(one).collect::<Vec<_>>().join("; ")
}
