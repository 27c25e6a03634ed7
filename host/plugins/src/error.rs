//! What can go wrong with plugins as such. What goes wrong with a job is a `Failure`.

use crate::grant::Capability;
use crate::manifest::OFFERED;
use hostler_model::{ErrorKind, Failure, Phase, Problem};

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
    #[error("it imports {import}, which its manifest does not ask for; add a [[request]] for `{capability}`")]
    NotAsked {
        /// The interface.
        import: String,
        /// What to ask for.
        capability: Capability,
    },
    /// A component imports what there is not.
    #[error("it imports {import}, which Hostler does not have for a {world}; take out what uses it")]
    NotOffered {
        /// `driver` or `policy`.
        world: &'static str,
        /// The interface.
        import: String,
    },
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
    #[error(
        "it was built with plugin API {wanted} and does not fit {OFFERED}, which this daemon offers; build it with that, or \
         bring a newer daemon: {reason}"
    )]
    Mismatch {
        /// The version that its interfaces are of.
        wanted: String,
        /// What does not fit.
        reason: String,
    },
    /// `describe` failed or answered nonsense.
    #[error("its description cannot be used: {0}")]
    Description(String),
    /// Two plugins of one name.
    #[error("the name {0} is taken by a built-in plugin, which cannot be replaced or removed")]
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
    /// It does not do what every plugin must, before it goes into service.
    #[error("it failed its self-test: {0}")]
    SelfTest(String),
    /// Compiling takes too long.
    #[error("compiling it takes longer than {0} s; if you trust it, raise plugins.compile_time")]
    CompileTime(u64),
    /// Compiling takes too much memory.
    #[error("compiling it takes more than {0} bytes of memory; if you trust it, raise plugins.compile_memory")]
    CompileMemory(u64),
    /// The compiler itself failed.
    #[error("the compiler failed: {0}")]
    Compiler(String),
    /// A key of the configuration cannot be used.
    #[error("plugins.keys has {0:?}, which is no Ed25519 key; give lines like `ssh-ed25519 AAAA... comment`")]
    SigningKey(String),
    /// A digest of the configuration cannot be used.
    #[error("plugin.{0}.digest is none: write `sha256:` and 64 hexadecimal digits")]
    NoDigest(String),
    /// Nobody whom the operator trusts vouches for it.
    #[error(
        "{reason}: have it signed by a key of plugins.keys (`ssh-keygen -Y sign -n hostler-plugin`, as {name}.wasm.sig), \
         or set digest = {digest:?} under [plugin.{name}], or plugins.unsigned = true"
    )]
    Untrusted {
        /// The plugin.
        name: String,
        /// What is wrong with its signature.
        reason: String,
        /// Its digest.
        digest: String,
    },
    /// It is another one than the operator named.
    #[error("its digest is {found}, but plugin.{name}.digest names {named}: deliver that one, or name this one")]
    Digest {
        /// The plugin.
        name: String,
        /// What the configuration says.
        named: String,
        /// What it is.
        found: String,
    },
    /// What could be rolled back to is not what was put there.
    #[error("{0}.wasm.previous was changed since it was in service; install the version that you want instead")]
    Tampered(String),
    /// There is no such plugin, or nothing to load.
    #[error("there is no {0}; GET /v1/plugins lists the plugins")]
    Missing(String),
    /// A plugin cannot be removed.
    #[error("it is in use: {0}")]
    InUse(&'static str),
}

impl Error {
    /// What is told to whoever wanted to change plugin `name`.
    pub(crate) fn about(&self, name: &str) -> Failure {
        let kind = match self {
            Self::Engine(_) | Self::File { .. } | Self::Compiler(_) => ErrorKind::Internal,
            Self::Untrusted { .. } | Self::Digest { .. } | Self::Tampered(_) => ErrorKind::Denied,
            Self::Missing(_) => ErrorKind::NotFound,
            Self::NameTaken(_) | Self::InUse(_) => ErrorKind::InUse,
            _ => ErrorKind::BadPlugin,
        };
        Failure::new(kind, Phase::Plugin, format!("plugin {name}: {self}"))
    }
}

/// Problems in one sentence.
pub(crate) fn list(problems: &[Problem]) -> String {
    let one = |problem: &Problem| format!("{}: {}", problem.path.join("."), problem.message);
    problems.iter().map(one).collect::<Vec<_>>().join("; ")
}
