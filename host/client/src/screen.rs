//! What is shown while jobs run: a thread of its own writes it, so that a slow reader holds up the followers and not Ctrl-C.

use crate::error::Error;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};

/// Pieces on their way to the screen. More wait at their followers, and so at the daemon.
const PIECES: usize = 64;

/// Where followers show what they hear. Copies show on the same screen.
#[derive(Clone)]
pub(crate) struct Screen {
    pieces: mpsc::Sender<Piece>,
    closed: watch::Receiver<bool>,
}

/// Something to show.
pub(crate) enum Piece {
    /// For standard output.
    Out(Vec<u8>),
    /// For standard error.
    Err(Vec<u8>),
    /// A host more has ended.
    Ended,
}

/// The thread that writes.
pub(crate) struct Writing(JoinHandle<Result<(), Error>>);

impl Screen {
    /// A screen; with a count of the hosts that have ended on standard error, if `counted` says how many there are.
    pub(crate) fn new(
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
        counted: Option<usize>,
    ) -> (Self, Writing) {
        let (pieces, mut received) = mpsc::channel(PIECES);
        let (close, closed) = watch::channel(false);
        let writing = spawn_blocking(move || {
            let mut streams = Streams { stdout, stderr, bar: bar(counted) };
            let mut ended = Ok(());
            while let Some(piece) = received.blocking_recv() {
                // Once nobody reads, the rest is let go, so that its senders come to their ends.
                if ended.is_ok() {
                    ended = streams.write(piece).map_err(Error::from);
                    close.send_replace(ended.is_err());
                }
            }
            streams.bar.finish_and_clear();
            ended
        });
        (Self { pieces, closed }, Writing(writing))
    }

    /// Shows something, as soon as there is room.
    pub(crate) async fn show(&self, piece: Piece) {
        // The thread ends only after all senders, unless it panicked, which `Writing::end` tells.
        let _unseen = self.pieces.send(piece).await;
    }

    /// Shows a line on standard error.
    pub(crate) async fn remark(&self, line: impl AsRef<str>) {
        self.show(Piece::Err(format!("{}\n", line.as_ref()).into_bytes())).await;
    }

    /// Waits until nobody reads any more.
    pub(crate) async fn closed(&self) {
        let mut closed = self.closed.clone();
        // The thread outlives this copy.
        let _seen = closed.wait_for(|closed| *closed).await;
    }
}

impl Writing {
    /// Waits until all is written. All screens must have been dropped.
    pub(crate) async fn end(self) -> Result<(), Error> {
        self.0.await.unwrap_or_else(|panic| Err(Error::Output(io::Error::other(panic))))
    }
}

struct Streams {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    bar: ProgressBar,
}

impl Streams {
    fn write(&mut self, piece: Piece) -> io::Result<()> {
        let Self { stdout, stderr, bar } = self;
        let (stream, bytes) = match piece {
            Piece::Out(bytes) => (stdout, bytes),
            Piece::Err(bytes) => (stderr, bytes),
            Piece::Ended => {
                bar.inc(1);
                return Ok(());
            }
        };
        bar.suspend(|| {
            stream.write_all(&bytes)?;
            stream.flush()
        })
    }
}

fn bar(counted: Option<usize>) -> ProgressBar {
    let Some(hosts) = counted else { return ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{pos} of {len} hosts have ended").expect("the template is right");
    ProgressBar::with_draw_target(Some(hosts as u64), ProgressDrawTarget::stderr()).with_style(style)
}
