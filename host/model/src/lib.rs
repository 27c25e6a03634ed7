//! Plain data that every room of Hostler speaks: no runtime, no I/O.
//!
//! A [`Request`] is what somebody asks; its [`Args`] hold the secret fields apart from the public
//! ones, from the parser on. A driver turns it into a [`Plan`]. A job ends with an [`Outcome`]:
//! the [`RunResult`]s of its commands and transfers, or a [`Failure`] with kind, phase and a sentence.

mod args;
mod audit;
pub mod base64_text;
mod caller;
mod credential;
mod failure;
mod host_key;
mod id;
mod key;
mod options;
mod outcome;
mod path;
mod plugin;
mod problem;
mod request;
mod secret;
mod target;
mod task;
mod trace;
mod transfer;
mod webhook;

pub use args::Args;
pub use audit::{AuditEntry, AuditEvent};
pub use caller::{Caller, Scope};
pub use credential::{CredentialRef, Resolved};
pub use failure::{ErrorKind, Failure, Phase};
pub use host_key::HostKey;
pub use id::{BatchId, JobId};
pub use key::{KeyInfo, NewKey, Rate};
pub use options::{Options, Parsing};
pub use outcome::{Exit, Outcome, Output, RunResult};
pub use path::{MAX_PATH, check_path};
pub use plugin::{BreakerInfo, BreakerState, DriverSchemas, PluginChange, PluginInfo};
pub use problem::Problem;
pub use request::{Plan, Request};
pub use secret::{Secret, SecretUse};
pub use target::{Hop, Target};
pub use task::{Detach, Elevated, Launched, Task, TaskId, TaskSlice, TaskState, Tested};
pub use trace::Trace;
pub use transfer::{Direction, Hash, HashAlgorithm, Moved, NotMoved};
pub use webhook::{Webhook, WebhookEvent};
