//! Where the output of a command goes while it runs: to the capture, and piece by piece to the witness.

use crate::capture::Capture;
use crate::{Piece, Witness};
use hostler_model::Output;
use std::sync::Arc;

/// A line may be this long before it is passed on in parts.
const LONGEST_LINE: usize = 64 << 10;

/// One stream of one command.
pub(crate) struct Tap {
    capture: Capture,
    witness: Arc<dyn Witness>,
    run: u32,
    stream: &'static str,
    /// How a guest wants its pieces: 0 as they come, 1 by line, else at most so many bytes.
    size: u32,
    offset: u64,
    /// The beginning of a line.
    held: Vec<u8>,
}

impl Tap {
    pub(crate) fn new(capture: Capture, witness: Arc<dyn Witness>, run: u32, stream: &'static str, size: u32) -> Self {
        Self { capture, witness, run, stream, size, offset: 0, held: Vec::new() }
    }

    /// A stream that is known whole; gives what is kept of it.
    pub(crate) fn whole(
        capture: Capture,
        witness: &Arc<dyn Witness>,
        run: u32,
        stream: &'static str,
        bytes: &[u8],
    ) -> Output {
        let mut tap = Self::new(capture, Arc::clone(witness), run, stream, 0);
        tap.push(bytes);
        tap.finish()
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let clean = self.capture.push(bytes);
        match self.size {
            0 => self.tell(&clean),
            1 => self.tell_lines(&clean),
            size => clean.chunks(size as usize).for_each(|piece| self.tell(piece)),
        }
    }

    pub(crate) fn finish(mut self) -> Output {
        let mut rest = std::mem::take(&mut self.held);
        rest.extend(self.capture.end());
        let size = if self.size > 1 { self.size as usize } else { LONGEST_LINE };
        rest.chunks(size).for_each(|piece| self.tell(piece));
        self.capture.output()
    }

    fn tell_lines(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.held.extend_from_slice(part);
            if part.ends_with(b"\n") || self.held.len() >= LONGEST_LINE {
                let line = std::mem::take(&mut self.held);
                self.tell(&line);
            }
        }
    }

    fn tell(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.witness.output(Piece { run: self.run, stream: self.stream, offset: self.offset, bytes });
            self.offset += bytes.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrub::Scrubber;
    use futures::FutureExt;
    use futures::future::BoxFuture;
    use hostler_model::{Failure, RunResult, Secret};
    use hostler_remote::Progress;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(u64, String)>>);

    impl Witness for Heard {
        fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>> {
            async { Ok(()) }.boxed()
        }

        fn output(&self, piece: Piece<'_>) {
            let text = String::from_utf8_lossy(piece.bytes).into_owned();
            self.0.lock().expect("unpoisoned").push((piece.offset, text));
        }

        fn progress(&self, _: u32, _: &Progress) {
            unreachable!("nothing is moved here")
        }

        fn ran(&self, _: u32, _: &RunResult) {
            unreachable!("nothing ends here")
        }
    }

    fn heard(size: u32, pieces: &[&str]) -> Vec<(u64, String)> {
        let secret = [("connection_args.password".into(), Secret::new("hunter22".into()))];
        let (scrubber, _) = Scrubber::new(&secret.into());
        let heard = Arc::new(Heard::default());
        let mut tap = Tap::new(Capture::new(1 << 20, &scrubber), heard.clone(), 0, "stdout", size);
        for piece in pieces {
            tap.push(piece.as_bytes());
        }
        tap.finish();
        let heard = heard.0.lock().expect("unpoisoned");
        heard.clone()
    }

    fn told(pieces: &[(u64, &str)]) -> Vec<(u64, String)> {
        pieces.iter().map(|&(offset, text)| (offset, text.into())).collect()
    }

    #[test]
    fn pieces_come_at_once_by_line_or_by_size_without_gap_or_repeat() {
        let pieces = ["one\ntw", "o\n", "three"];
        assert_eq!(heard(0, &pieces), told(&[(0, "one\ntw"), (6, "o\n"), (8, "three")]));
        assert_eq!(heard(1, &pieces), told(&[(0, "one\n"), (4, "two\n"), (8, "three")]));
        assert_eq!(heard(4, &pieces), told(&[(0, "one\n"), (4, "tw"), (6, "o\n"), (8, "thre"), (12, "e")]));
    }

    #[test]
    fn no_piece_shows_a_secret_and_offsets_count_what_is_shown() {
        assert_eq!(heard(0, &["a hunt", "er22 b"]), told(&[(0, "a "), (2, "****** b")]));
    }
}
