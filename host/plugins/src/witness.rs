//! Who keeps the truth about a job while a plugin carries it out.

use futures::future::BoxFuture;
use hostler_model::Failure;

/// Implemented by the room `jobs`, called by the gate that every action passes.
pub trait Witness: Send + Sync + 'static {
    /// Makes it durable that the job is about to change something on its target. Called before every
    /// such action; from the first on, nothing retries the job. An error stops the action.
    fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>>;
}
