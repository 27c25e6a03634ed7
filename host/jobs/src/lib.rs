//! What a job is and where it stands.
//!
//! A [`Job`] is one request to one target. It goes from queued over started to exactly one of
//! finished, failed and canceled ([`State`]). [`Jobs`] is the door of this room: submit, look,
//! wait, cancel.
//!
//! What a reader may rely on:
//!
//! - A job is on disk before [`Jobs::submit`] answers, and a terminal state is on disk, together
//!   with its outcome, before anybody sees it.
//! - A job is carried out at most once. The store decides every race: work begins only after the
//!   claim is on disk, and the first action on the target only after its mark is. A job that finds a
//!   place at once is stored as claimed.
//! - After a restart, also after a crash, a job that waited goes on waiting. One that had started is begun again if it
//!   is certain that it had not acted yet, or if it may be repeated; else it fails with kind `lost` and says so.
//! - Requests of open jobs are stored sealed, because they hold secrets, and go as soon as they are not needed any more.
//!
//! Decisions of grants and policies are written to the same store, through the [`Ledger`].
//!
//! Inside: the `store` keeps the truth, the `queue` holds the work of queued jobs, and the
//! `dispatcher` carries it from one to the other.

mod batch;
mod clock;
mod config;
mod dispatcher;
mod ends;
mod error;
mod failures;
mod job;
mod jobs;
mod kept;
mod ledger;
mod mark;
mod metrics;
mod queue;
mod retention;
mod store;
mod submission;
mod to_its_end;
mod vault;
mod webhook;

pub use batch::Batch;
pub use config::Config;
pub use error::Error;
pub use hostler_plugins::Rejection;
pub use job::{Cancelled, Filter, Job, Page, State};
pub use jobs::Jobs;
pub use ledger::{Ledger, Recorded};
pub use submission::{Idempotency, Submission};
pub use to_its_end::to_its_end;
pub use webhook::{Attempt, Delivery, DeliveryState, Letter, WebhookConfig, Webhooks};
