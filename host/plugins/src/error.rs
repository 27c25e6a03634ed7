//! What can go wrong with plugins as such. What goes wrong with a job is a `Failure`.

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
    /// A component is for something else.
    #[error("it exports neither hostler:plugin/driving nor hostler:plugin/judging of version 0.1; it exports {0}")]
    WrongWorld(String),
    /// A component wants what the operator did not grant.
    #[error("it imports {missing}, which it was not granted; {advice}")]
    NotGranted {
        /// The interfaces, joined with commas.
        missing: String,
        /// What the operator can do.
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

fn list(problems: &[Problem]) -> String {
    let one = |problem: &Problem| format!("{}: {}", problem.path.join("."), problem.message);
    problems.iter().map(one).collect::<Vec<_>>().join("; ")
}
