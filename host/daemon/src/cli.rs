//! The command line.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Runs commands on Linux servers over SSH, asked through HTTP, decided by sandboxed plugins.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Starts the daemon. It ends on SIGTERM or SIGINT.
    Serve(Serve),
    /// Compiles a plugin, from standard input to standard output, under limits. The daemon calls it.
    #[command(hide = true)]
    CompilePlugin {
        /// Address space, in bytes.
        memory: u64,
        /// CPU time, in seconds.
        time: u64,
    },
    #[command(flatten)]
    Client(hostler_client::Verb),
    /// Makes, builds, checks and tries plugins of your own, and installs them.
    Plugin {
        #[command(subcommand)]
        verb: Plugin,
    },
    /// Tries policies.
    Policy {
        #[command(subcommand)]
        verb: hostler_author::PolicyVerb,
    },
    /// Shows and changes the host keys on record, whether or not a daemon runs.
    #[command(name = "hostkeys")]
    HostKeys {
        #[command(flatten)]
        files: Files,
        #[command(subcommand)]
        verb: HostKeys,
    },
    /// Writes what a shell needs to complete these words: `hostler completions bash > /etc/bash_completion.d/hostler`.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// What is done with plugins.
#[derive(Subcommand)]
pub(crate) enum Plugin {
    #[command(flatten)]
    Author(hostler_author::PluginVerb),
    /// Installs a plugin in a running daemon, or a newer version of it.
    Install(hostler_client::Install),
}

/// Given here, a value wins over the environment and the file.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Address to listen on [default: 127.0.0.1:9000].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

/// Where everything is. Given here, a value wins over the environment and the file.
#[derive(Args)]
pub(crate) struct Files {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Folder for jobs, keys, known hosts and plugins [default: ./hostler-data].
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum HostKeys {
    /// Lists all keys.
    List,
    /// Records a key that you have verified.
    Add {
        #[command(flatten)]
        server: Server,
        /// Like `ssh-ed25519 AAAA...`.
        #[arg(required = true, num_args = 1..)]
        key: Vec<String>,
    },
    /// Shows the keys that a server shows to anybody. Compare the fingerprints with those on the server itself.
    Scan {
        #[command(flatten)]
        server: Server,
        /// Also records them.
        #[arg(long)]
        add: bool,
    },
    /// Forgets the keys of a server, for example before it is set up anew.
    Remove {
        #[command(flatten)]
        server: Server,
    },
}

/// Whose keys.
#[derive(Args)]
pub(crate) struct Server {
    /// A name, an address, or [HOST]:PORT/via/[JUMP]:PORT as the list shows it.
    pub(crate) host: String,
    /// The port of its SSH server.
    #[arg(long, default_value_t = 22)]
    pub(crate) port: u16,
}
