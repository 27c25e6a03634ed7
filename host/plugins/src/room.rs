//! Room for instances, and how they are made.

use crate::Config;
use crate::bindings::{driver, policy};
use crate::instance::{Instance, State, instantiate};
use hostler_model::Failure;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;

/// How many instances may live. Drivers wait for policies, never the other way round, so each world
/// has a count of its own and no two jobs can wait for each other.
pub(crate) struct Room {
    drivers: Arc<Semaphore>,
    policies: Arc<Semaphore>,
}

impl Room {
    pub(crate) fn new(config: &Config) -> Self {
        let (instances, policies) = (config.max_instances as usize, config.policies.len().max(1));
        Self {
            drivers: Arc::new(Semaphore::new(instances)),
            policies: Arc::new(Semaphore::new(instances.saturating_mul(policies))),
        }
    }

    pub(crate) async fn driver(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.drivers).acquire_owned().await.expect("the semaphore is never closed")
    }

    pub(crate) async fn policy(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.policies).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Whether idle policies should make way for others.
    pub(crate) fn is_scarce(&self) -> bool {
        self.policies.available_permits() == 0
    }
}

/// Makes an instance of a driver.
pub(crate) async fn drive(
    pre: &driver::DriverPre<State>,
    mut store: Store<State>,
    permit: OwnedSemaphorePermit,
) -> Result<Instance<driver::Driver>, Failure> {
    let bindings = instantiate(&mut store, async |store| pre.instantiate_async(store).await).await?;
    Ok(Instance::new(store, bindings, permit))
}

/// Makes an instance of a policy.
pub(crate) async fn judge(
    pre: &policy::PolicyPre<State>,
    mut store: Store<State>,
    permit: OwnedSemaphorePermit,
) -> Result<Instance<policy::Policy>, Failure> {
    let bindings = instantiate(&mut store, async |store| pre.instantiate_async(store).await).await?;
    Ok(Instance::new(store, bindings, permit))
}
