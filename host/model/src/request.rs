//! What somebody asks, and what a driver made of it.

use crate::{Args, Options, Secret, Target, Webhook};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One request to one target, in no dialect.
#[derive(Clone, Default)]
pub struct Request {
    /// The name of the driver that is to carry it out.
    pub driver: String,
    /// Commands to run, in order.
    pub command: Option<Vec<String>>,
    /// Configuration lines to run, in order.
    pub config: Option<Vec<String>>,
    /// How to reach the target and log in.
    pub connection_args: Args,
    /// What the driver is to mind.
    pub driver_args: Args,
    /// What is asked of the job besides its work.
    pub options: Options,
    /// Whom to tell what becomes of the job.
    pub webhooks: Vec<Webhook>,
    /// What was ignored or changed on the way in; shown with the job.
    pub warnings: Vec<String>,
}

impl Request {
    /// All secrets of the request, by path.
    pub fn secrets(&self) -> BTreeMap<String, Secret> {
        let both = [&self.connection_args, &self.driver_args];
        both.into_iter().flat_map(Args::secrets).map(|(path, secret)| (path.clone(), secret.clone())).collect()
    }
}

/// What a driver made of a request: the target, and the request with defaults filled in. It holds
/// no secret, so it may be stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The only server the job may reach.
    pub target: Target,
    /// Commands to run, in order.
    pub command: Option<Vec<String>>,
    /// Configuration lines to run, in order.
    pub config: Option<Vec<String>>,
    /// The public part of `connection_args`, normalised.
    pub connection_args: Value,
    /// The public part of `driver_args`, normalised.
    pub driver_args: Value,
    /// Paths of the secrets that came with the request.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// What the driver wants the client to know.
    pub warnings: Vec<String>,
    /// Version of the driver that made this, and that carries it out.
    #[serde(default)]
    pub driver_version: String,
    /// Digest of its component: a driver may be replaced while the job waits or runs.
    #[serde(default)]
    pub driver_digest: String,
}
