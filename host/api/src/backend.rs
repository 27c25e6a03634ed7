//! What HTTP needs from the daemon.

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, StreamExt};
use hostler_jobs::{
    AuditFilter, Batch, Cancelled, Delivery, DryRun, Filter, Intake, Job, Jobs, Key, KeyDigest, Page, Recorded,
    Rejection, Slice, StagedFile, State, Submission, Submitted, Told,
};
use hostler_model::{
    AuditEntry, BatchId, Caller, DriverSchemas, Failure, JobId, KeyInfo, NewKey, PluginChange, PluginInfo, Request,
    Secret, Task, TaskId, TaskSlice, Tested,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What HTTP needs from the daemon; [`Jobs`] is it, and tests script their own.
pub trait Backend: Send + Sync + 'static {
    /// See [`Jobs::submit`].
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Submitted, Rejection>>;
    /// See [`Jobs::dry_run`].
    fn dry_run(&self, submission: Submission) -> BoxFuture<'_, Result<DryRun, Rejection>>;
    /// See [`Jobs::fingerprint`].
    fn fingerprint(&self, bytes: &[u8]) -> [u8; 32];
    /// See [`Jobs::get`].
    fn get(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, Failure>>;
    /// See [`Jobs::caller_of_open`].
    fn caller_of_open(&self, id: JobId) -> Option<String>;
    /// See [`Jobs::wait`].
    fn wait(&self, id: JobId, patience: Duration) -> BoxFuture<'_, Result<Option<Job>, Failure>>;
    /// See [`Jobs::follow`].
    fn follow(&self, job: Job, after: u64) -> BoxStream<'static, Result<Told, Failure>>;
    /// See [`Jobs::output`].
    fn output<'a>(
        &'a self,
        job: Job,
        run: u32,
        stream: &'a str,
        offset: u64,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Slice, Failure>>;
    /// See [`Jobs::list`].
    fn list(&self, filter: Filter, page: Page) -> BoxFuture<'_, Result<Vec<Job>, Failure>>;
    /// See [`Jobs::deliveries`].
    fn deliveries(&self, job: JobId) -> BoxFuture<'_, Result<Vec<Delivery>, Failure>>;
    /// See [`Jobs::ready`].
    fn ready(&self) -> BoxFuture<'_, Result<(), Failure>>;
    /// See [`Jobs::counts`].
    fn counts(&self, filter: Filter) -> BoxFuture<'_, Result<BTreeMap<State, u64>, Failure>>;
    /// See [`Jobs::waiting_for`].
    fn waiting_for(&self, id: JobId) -> Option<String>;
    /// See [`Jobs::insert_batch`].
    fn insert_batch(&self, batch: Batch) -> BoxFuture<'_, Result<(), Failure>>;
    /// See [`Jobs::batch`].
    fn batch(&self, id: BatchId) -> BoxFuture<'_, Result<Option<Batch>, Failure>>;
    /// See [`Jobs::cancel`].
    fn cancel<'a>(&'a self, filter: Filter, by: &'a Caller) -> BoxFuture<'a, Result<Cancelled, Failure>>;
    /// See [`Jobs::test`].
    fn test(&self, request: Request, by: Caller) -> BoxFuture<'_, Result<Tested, Rejection>>;
    /// See [`Jobs::tasks`].
    fn tasks<'a>(&'a self, by: &'a Caller) -> BoxFuture<'a, Result<Vec<Task>, Failure>>;
    /// See [`Jobs::read_task`].
    fn read_task<'a>(
        &'a self,
        id: &'a TaskId,
        offset: Option<u64>,
        by: &'a Caller,
    ) -> BoxFuture<'a, Result<Option<TaskSlice>, Failure>>;
    /// See [`Jobs::kill_task`].
    fn kill_task<'a>(&'a self, id: &'a TaskId, by: &'a Caller) -> BoxFuture<'a, Result<Option<Task>, Failure>>;
    /// See [`Jobs::forget_tasks`].
    fn forget_tasks<'a>(&'a self, by: &'a Caller) -> BoxFuture<'a, Result<u64, Failure>>;
    /// See [`Jobs::discover_tasks`].
    fn discover_tasks(&self, request: Request, by: Caller) -> BoxFuture<'_, Result<Vec<Task>, Rejection>>;
    /// See [`Jobs::stage`].
    fn stage<'a>(&'a self, name: &'a str, once: bool, by: &'a Caller) -> BoxFuture<'a, Result<Intake, Failure>>;
    /// See [`Jobs::staged`].
    fn staged<'a>(&'a self, id: Uuid, by: &'a Caller) -> BoxFuture<'a, Result<(StagedFile, File), Failure>>;
    /// See [`Jobs::unstage`].
    fn unstage<'a>(&'a self, id: Uuid, by: &'a Caller) -> BoxFuture<'a, Result<(), Failure>>;
    /// See [`Jobs::audit`].
    fn audit(&self, filter: AuditFilter, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>>;
    /// See [`Jobs::record`].
    fn record(&self, entry: &AuditEntry);
    /// See [`Jobs::key`].
    fn key(&self, digest: &KeyDigest) -> Option<Arc<Key>>;
    /// See [`Jobs::keys`].
    fn keys(&self) -> Vec<KeyInfo>;
    /// See [`Jobs::make_key`].
    fn make_key<'a>(&'a self, wanted: NewKey, by: &'a Caller) -> BoxFuture<'a, Result<(KeyInfo, Secret), Failure>>;
    /// See [`Jobs::revoke_key`].
    fn revoke_key<'a>(&'a self, name: &'a str, by: &'a Caller) -> BoxFuture<'a, Result<(), Failure>>;
    /// See [`Jobs::plugins`].
    fn plugins(&self) -> Vec<PluginInfo>;
    /// See [`Jobs::plugin`].
    fn plugin(&self, name: &str) -> Option<PluginInfo>;
    /// See [`Jobs::change_plugin`].
    fn change_plugin<'a>(
        &'a self,
        name: &'a str,
        change: PluginChange,
        by: &'a Caller,
    ) -> BoxFuture<'a, Result<PluginInfo, Failure>>;
    /// See [`Jobs::drivers`].
    fn drivers(&self) -> Vec<String>;
    /// See [`Jobs::schemas`].
    fn schemas(&self, driver: &str) -> Option<DriverSchemas>;
}

impl Backend for Jobs {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Submitted, Rejection>> {
        Jobs::submit(self, submission).boxed()
    }

    fn dry_run(&self, submission: Submission) -> BoxFuture<'_, Result<DryRun, Rejection>> {
        Jobs::dry_run(self, submission).boxed()
    }

    fn fingerprint(&self, bytes: &[u8]) -> [u8; 32] {
        Jobs::fingerprint(self, bytes)
    }

    fn get(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, Failure>> {
        Jobs::get(self, id).boxed()
    }

    fn caller_of_open(&self, id: JobId) -> Option<String> {
        Jobs::caller_of_open(self, id)
    }

    fn wait(&self, id: JobId, patience: Duration) -> BoxFuture<'_, Result<Option<Job>, Failure>> {
        Jobs::wait(self, id, patience).boxed()
    }

    fn follow(&self, job: Job, after: u64) -> BoxStream<'static, Result<Told, Failure>> {
        Jobs::follow(self, job, after).boxed()
    }

    fn output<'a>(
        &'a self,
        job: Job,
        run: u32,
        stream: &'a str,
        offset: u64,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Slice, Failure>> {
        Jobs::output(self, job, run, stream, offset, patience).boxed()
    }

    fn list(&self, filter: Filter, page: Page) -> BoxFuture<'_, Result<Vec<Job>, Failure>> {
        Jobs::list(self, filter, page).boxed()
    }

    fn counts(&self, filter: Filter) -> BoxFuture<'_, Result<BTreeMap<State, u64>, Failure>> {
        Jobs::counts(self, filter).boxed()
    }

    fn deliveries(&self, job: JobId) -> BoxFuture<'_, Result<Vec<Delivery>, Failure>> {
        Jobs::deliveries(self, job).boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Jobs::ready(self).boxed()
    }

    fn waiting_for(&self, id: JobId) -> Option<String> {
        Jobs::waiting_for(self, id)
    }

    fn insert_batch(&self, batch: Batch) -> BoxFuture<'_, Result<(), Failure>> {
        Jobs::insert_batch(self, batch).boxed()
    }

    fn batch(&self, id: BatchId) -> BoxFuture<'_, Result<Option<Batch>, Failure>> {
        Jobs::batch(self, id).boxed()
    }

    fn cancel<'a>(&'a self, filter: Filter, by: &'a Caller) -> BoxFuture<'a, Result<Cancelled, Failure>> {
        Jobs::cancel(self, filter, by).boxed()
    }

    fn test(&self, request: Request, by: Caller) -> BoxFuture<'_, Result<Tested, Rejection>> {
        Jobs::test(self, request, by).boxed()
    }

    fn tasks<'a>(&'a self, by: &'a Caller) -> BoxFuture<'a, Result<Vec<Task>, Failure>> {
        Jobs::tasks(self, by).boxed()
    }

    fn read_task<'a>(
        &'a self,
        id: &'a TaskId,
        offset: Option<u64>,
        by: &'a Caller,
    ) -> BoxFuture<'a, Result<Option<TaskSlice>, Failure>> {
        Jobs::read_task(self, id, offset, by).boxed()
    }

    fn kill_task<'a>(&'a self, id: &'a TaskId, by: &'a Caller) -> BoxFuture<'a, Result<Option<Task>, Failure>> {
        Jobs::kill_task(self, id, by).boxed()
    }

    fn forget_tasks<'a>(&'a self, by: &'a Caller) -> BoxFuture<'a, Result<u64, Failure>> {
        Jobs::forget_tasks(self, by).boxed()
    }

    fn discover_tasks(&self, request: Request, by: Caller) -> BoxFuture<'_, Result<Vec<Task>, Rejection>> {
        Jobs::discover_tasks(self, request, by).boxed()
    }

    fn stage<'a>(&'a self, name: &'a str, once: bool, by: &'a Caller) -> BoxFuture<'a, Result<Intake, Failure>> {
        Jobs::stage(self, name, once, by).boxed()
    }

    fn staged<'a>(&'a self, id: Uuid, by: &'a Caller) -> BoxFuture<'a, Result<(StagedFile, File), Failure>> {
        Jobs::staged(self, id, by).boxed()
    }

    fn unstage<'a>(&'a self, id: Uuid, by: &'a Caller) -> BoxFuture<'a, Result<(), Failure>> {
        Jobs::unstage(self, id, by).boxed()
    }

    fn audit(&self, filter: AuditFilter, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>> {
        Jobs::audit(self, filter, limit).boxed()
    }

    fn record(&self, entry: &AuditEntry) {
        Jobs::record(self, entry);
    }

    fn key(&self, digest: &KeyDigest) -> Option<Arc<Key>> {
        Jobs::key(self, digest)
    }

    fn keys(&self) -> Vec<KeyInfo> {
        Jobs::keys(self)
    }

    fn make_key<'a>(&'a self, wanted: NewKey, by: &'a Caller) -> BoxFuture<'a, Result<(KeyInfo, Secret), Failure>> {
        Jobs::make_key(self, wanted, by).boxed()
    }

    fn revoke_key<'a>(&'a self, name: &'a str, by: &'a Caller) -> BoxFuture<'a, Result<(), Failure>> {
        Jobs::revoke_key(self, name, by).boxed()
    }

    fn plugins(&self) -> Vec<PluginInfo> {
        Jobs::plugins(self)
    }

    fn plugin(&self, name: &str) -> Option<PluginInfo> {
        Jobs::plugin(self, name)
    }

    fn change_plugin<'a>(
        &'a self,
        name: &'a str,
        change: PluginChange,
        by: &'a Caller,
    ) -> BoxFuture<'a, Result<PluginInfo, Failure>> {
        Jobs::change_plugin(self, name, change, by).boxed()
    }

    fn drivers(&self) -> Vec<String> {
        Jobs::drivers(self)
    }

    fn schemas(&self, driver: &str) -> Option<DriverSchemas> {
        Jobs::schemas(self, driver)
    }
}
