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
//! The audit is written to the same store, through the [`Ledger`]: what was asked, what grants and policies decided, what
//! was done. API keys are kept there too, by their digests, and looked up in memory.
//!
//! Inside: the `store` keeps the truth, the `queue` holds the work of queued jobs and sees to the limits (`lanes`), and
//! the `dispatcher` carries it from one to the other.

mod batch;
mod clock;
mod config;
mod dispatcher;
mod ends;
mod error;
mod event;
mod failures;
mod follower;
mod intake;
mod job;
mod jobs;
mod journal;
mod kept;
mod keys;
mod lanes;
mod ledger;
mod log;
mod mark;
mod metrics;
mod needs;
mod queue;
mod reach;
mod retention;
mod running;
mod store;
mod submission;
mod to_its_end;
mod trail;
mod vault;
mod webhook;
mod work;

pub use batch::Batch;
pub use config::Config;
pub use error::Error;
pub use event::{Captured, Event, Happening, Progress, Ran};
pub use follower::{Slice, Told};
pub use hostler_files::StagedFile;
pub use hostler_plugins::{Mode, Opinion, Rejection, Verdict};
pub use intake::Intake;
pub use job::{Cancelled, Filter, Job, Page, State};
pub use jobs::Jobs;
pub use keys::{Key, KeyDigest};
pub use ledger::{AuditFilter, Ledger, Recorded};
pub use submission::{DryRun, Idempotency, Submission, Submitted};
pub use to_its_end::to_its_end;
pub use webhook::{Attempt, Delivery, DeliveryState, Letter, WebhookConfig, Webhooks};
