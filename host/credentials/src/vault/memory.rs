//! What Vault answered, for some seconds.

use crate::fields::Fields;
use hostler_model::Failure;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::sleep;

/// Where a secret is in Vault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) namespace: Option<String>,
    pub(super) mount: Vec<String>,
    pub(super) path: Vec<String>,
    pub(super) version: Option<u64>,
}

type Cell = Arc<OnceCell<Arc<Fields>>>;
type Cells = Mutex<HashMap<Place, Cell>>;

/// Who asks for the same at the same time waits for one answer.
pub(super) struct Memory {
    cells: Arc<Cells>,
    kept: Duration,
}

impl Memory {
    pub(super) fn new(kept: Duration) -> Self {
        Self { cells: Arc::default(), kept }
    }

    /// What is known of a place, or what `read` finds there.
    pub(super) async fn recall<F: Future<Output = Result<Fields, Failure>>>(
        &self,
        place: &Place,
        read: impl FnOnce() -> F,
    ) -> Result<Arc<Fields>, Failure> {
        if self.kept.is_zero() {
            return read().await.map(Arc::new);
        }
        let cell = Arc::clone(locked(&self.cells).entry(place.clone()).or_default());
        let found = cell.get_or_try_init(|| async {
            let found = read().await.map(Arc::new)?;
            // Not when somebody asks again, which may be never.
            tokio::spawn(forget(Arc::downgrade(&self.cells), place.clone(), self.kept));
            Ok(found)
        });
        let found = found.await.cloned();
        if found.is_err() {
            locked(&self.cells).remove(place);
        }
        found
    }
}

async fn forget(cells: Weak<Cells>, place: Place, after: Duration) {
    sleep(after).await;
    if let Some(cells) = cells.upgrade() {
        locked(&cells).remove(&place);
    }
}

fn locked(cells: &Cells) -> MutexGuard<'_, HashMap<Place, Cell>> {
    cells.lock().unwrap_or_else(PoisonError::into_inner)
}
