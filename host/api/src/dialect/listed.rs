//! The jobs that an answer lists. The dialects have no pages, and show each job with all that it wrote.

use crate::Api;
use hostler_jobs::{Filter, Job, Page};
use hostler_model::{Failure, Output};

/// How many jobs one answer lists.
const LIMIT: usize = 1000;
/// The newest are listed that have written so many bytes together; the first one in any case.
const BYTES: usize = 32 << 20;
/// So many are read at once: what they wrote is known only then.
const PAGE: usize = 16;

/// The newest jobs, and whether there are more.
pub(super) async fn newest(api: &Api, filter: Filter) -> Result<(Vec<Job>, bool), Failure> {
    let (mut jobs, mut left) = (Vec::<Job>::new(), BYTES);
    loop {
        let page = Page { before: jobs.last().map(|job| job.id), ..Page::first(PAGE) };
        let read = api.backend.list(filter.clone(), page).await?;
        let is_last = read.len() < PAGE;
        for job in read {
            let size = written(&job);
            if jobs.len() == LIMIT || (size > left && !jobs.is_empty()) {
                return Ok((jobs, true));
            }
            left = left.saturating_sub(size);
            jobs.push(job);
        }
        if is_last {
            return Ok((jobs, false));
        }
    }
}

/// How many bytes of what a job wrote it has.
fn written(job: &Job) -> usize {
    let size = |output: &Output| output.head.len() + output.tail.len();
    let results = job.outcome.iter().flat_map(|outcome| &outcome.results);
    results.map(|result| size(&result.stdout) + size(&result.stderr)).sum()
}
