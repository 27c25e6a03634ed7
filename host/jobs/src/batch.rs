//! Jobs that were submitted together.

use hostler_model::BatchId;
use jiff::Timestamp;
use serde_json::Value;

/// Jobs that were submitted together. Each names its batch; the batch does not name them.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Its name.
    pub id: BatchId,
    /// Who submitted it: [`hostler_model::Caller::name`].
    pub caller: String,
    /// When it came.
    pub created_at: Timestamp,
    /// What was refused of it, and what tells it again when it is sent again, as whoever takes batches writes it. It holds no
    /// secret.
    pub refused: Value,
}
