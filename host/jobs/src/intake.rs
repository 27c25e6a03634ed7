//! A file that a client hands over, for callers that must not block.

use hostler_files::{StagedFile, Writer};
use hostler_model::Failure;
use tokio::task::spawn_blocking;

/// Bytes that are written at once, unless it is the end.
const BLOCK: usize = 1 << 20;

/// A file that a client hands over. If it is dropped before it is finished, nothing is left.
pub struct Intake {
    writer: Writer,
    waiting: Vec<u8>,
}

impl Intake {
    /// A file that was begun.
    pub fn new(writer: Writer) -> Self {
        Self { writer, waiting: Vec::new() }
    }

    /// Adds content. After an error nothing is left. Errors: `limit` (the file is too large), `busy` (there is no room).
    pub async fn write(mut self, content: &[u8]) -> Result<Self, Failure> {
        self.waiting.extend_from_slice(content);
        if self.waiting.len() < BLOCK {
            return Ok(self);
        }
        let Self { writer, waiting } = self;
        blocking(move || writer.write(&waiting)).await.map(Self::new)
    }

    /// The file is whole. Errors: those of `write`.
    pub async fn finish(self) -> Result<StagedFile, Failure> {
        let Self { writer, waiting } = self;
        blocking(move || writer.write(&waiting)?.finish()).await
    }
}

/// Files block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("working on a staged file does not panic, and nobody aborts it")
}
