//! What HTTP needs from the daemon.

use futures::future::{BoxFuture, FutureExt};
use hostler_jobs::{Delivery, Filter, Job, Jobs, Page, Recorded, Rejection, Submission};
use hostler_model::{DriverSchemas, Failure, JobId, PluginChange, PluginInfo};
use std::time::Duration;

/// What HTTP needs from the daemon; [`Jobs`] is it, and tests script their own.
pub trait Backend: Send + Sync + 'static {
    /// See [`Jobs::submit`].
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Job, Rejection>>;
    /// See [`Jobs::get`].
    fn get(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, Failure>>;
    /// See [`Jobs::wait`].
    fn wait(&self, id: JobId, patience: Duration) -> BoxFuture<'_, Result<Option<Job>, Failure>>;
    /// See [`Jobs::list`].
    fn list(&self, filter: Filter, page: Page) -> BoxFuture<'_, Result<Vec<Job>, Failure>>;
    /// See [`Jobs::cancel`].
    fn cancel(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<JobId>, Failure>>;
    /// See [`Jobs::deliveries`].
    fn deliveries(&self, job: JobId) -> BoxFuture<'_, Result<Vec<Delivery>, Failure>>;
    /// See [`Jobs::ready`].
    fn ready(&self) -> BoxFuture<'_, Result<(), Failure>>;
    /// See [`Jobs::decisions`].
    fn decisions(&self, job: Option<JobId>, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>>;
    /// See [`Jobs::plugins`].
    fn plugins(&self) -> Vec<PluginInfo>;
    /// See [`Jobs::plugin`].
    fn plugin(&self, name: &str) -> Option<PluginInfo>;
    /// See [`Jobs::change_plugin`].
    fn change_plugin<'a>(&'a self, name: &'a str, change: PluginChange) -> BoxFuture<'a, Result<PluginInfo, Failure>>;
    /// See [`Jobs::drivers`].
    fn drivers(&self) -> Vec<String>;
    /// See [`Jobs::schemas`].
    fn schemas(&self, driver: &str) -> Option<DriverSchemas>;
}

impl Backend for Jobs {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Job, Rejection>> {
        Jobs::submit(self, submission).boxed()
    }

    fn get(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, Failure>> {
        Jobs::get(self, id).boxed()
    }

    fn wait(&self, id: JobId, patience: Duration) -> BoxFuture<'_, Result<Option<Job>, Failure>> {
        Jobs::wait(self, id, patience).boxed()
    }

    fn list(&self, filter: Filter, page: Page) -> BoxFuture<'_, Result<Vec<Job>, Failure>> {
        Jobs::list(self, filter, page).boxed()
    }

    fn cancel(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<JobId>, Failure>> {
        Jobs::cancel(self, filter).boxed()
    }

    fn deliveries(&self, job: JobId) -> BoxFuture<'_, Result<Vec<Delivery>, Failure>> {
        Jobs::deliveries(self, job).boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Jobs::ready(self).boxed()
    }

    fn decisions(&self, job: Option<JobId>, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>> {
        Jobs::decisions(self, job, limit).boxed()
    }

    fn plugins(&self) -> Vec<PluginInfo> {
        Jobs::plugins(self)
    }

    fn plugin(&self, name: &str) -> Option<PluginInfo> {
        Jobs::plugin(self, name)
    }

    fn change_plugin<'a>(&'a self, name: &'a str, change: PluginChange) -> BoxFuture<'a, Result<PluginInfo, Failure>> {
        Jobs::change_plugin(self, name, change).boxed()
    }

    fn drivers(&self) -> Vec<String> {
        Jobs::drivers(self)
    }

    fn schemas(&self, driver: &str) -> Option<DriverSchemas> {
        Jobs::schemas(self, driver)
    }
}
