//! The WebAssembly plugin host: the only room that knows wasm and WIT.
//!
//! [`Plugins`] holds what is loaded, built in or from the plugins folder; [`Plugins::change`] replaces, rolls back or
//! removes one while jobs go on. [`Plugins::prepare`] has a driver validate a request and every policy review it;
//! [`Prepared::execute`] carries it out. Each call is made in a store of its own, with every limit set ([`Limits`]); a
//! guest reaches nothing that is not in that store. Every action of a driver passes one gate
//! (`job::JobContext::admit`): grant, then policies, then the [`Witness`] that makes it durable.

mod action;
mod amendment;
mod audit;
mod bench;
mod bindings;
mod breaker;
mod builtin;
mod cache;
mod capture;
mod check;
mod compiler;
mod config;
mod cpu;
mod deadline;
mod engine;
mod error;
mod expect;
mod folder;
mod grant;
mod host;
mod instance;
mod job;
mod jury;
mod life_cycle;
mod limits;
mod manifest;
mod metrics;
mod named;
mod plan;
mod plugin;
mod plugins;
mod powers;
mod prepared;
mod private_file;
mod replay;
mod room;
mod schema;
mod screen;
mod scrub;
mod signature;
mod table;
mod tap;
mod terms;
mod usage;
mod verdict;
mod visit;
mod watch;
mod witness;

pub use audit::Audit;
pub use builtin::has as is_built_in;
pub use check::Checked;
pub use compiler::compile;
pub use config::{BreakerConfig, Compiler, Config, Mode, PluginConfig, PolicyConfig};
pub use error::Error;
pub use grant::{Capability, Grant};
pub use hostler_remote::{Progress, TaskSeen, TaskStatus};
pub use life_cycle::check_name;
pub use limits::Limits;
pub use manifest::{API, Manifest, SECTION, WorldName};
pub use plugins::Plugins;
pub use prepared::{Prepared, Rejection};
pub use replay::{Answer, PastAction, PastJob, Replay};
pub use signature::NAMESPACE;
pub use verdict::{Opinion, Verdict};
pub use visit::{TaskLog, Visit};
pub use witness::{Piece, Witness};
