//! What is kept of a stream: its head and its tail, scrubbed, under a cap.

use crate::scrub::{Scrubber, Stream};
use hostler_model::Output;
use std::collections::VecDeque;

/// Keeps the first and the last bytes of a stream of any length.
pub(crate) struct Capture {
    stream: Stream,
    /// Bytes to keep of the head, and again of the tail.
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    omitted: u64,
}

impl Capture {
    pub(crate) fn new(cap: usize, scrubber: &Scrubber) -> Self {
        Self { stream: scrubber.stream(), half: cap / 2, head: Vec::new(), tail: VecDeque::new(), omitted: 0 }
    }

    /// Takes what was written; gives what of it is scrubbed by now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let clean = self.stream.push(bytes);
        self.keep(&clean);
        clean
    }

    /// Takes the end of the stream; gives what was held back.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        let rest = self.stream.finish();
        self.keep(&rest);
        rest
    }

    /// What was kept.
    pub(crate) fn output(self) -> Output {
        let (mut head, mut tail) = (self.head, Vec::from(self.tail));
        if self.omitted == 0 {
            head.append(&mut tail);
        }
        Output { head, tail, omitted: self.omitted }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.half.saturating_sub(self.head.len()).min(bytes.len());
        let (head, tail) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        self.tail.extend(tail);
        let excess = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..excess);
        self.omitted += excess as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(cap: usize, pieces: &[&str]) -> Output {
        let mut capture = Capture::new(cap, &Scrubber::default());
        for piece in pieces {
            capture.push(piece.as_bytes());
        }
        capture.end();
        capture.output()
    }

    #[test]
    fn what_fits_is_whole() {
        assert_eq!(capture(8, &["abc", "defgh"]), Output { head: b"abcdefgh".into(), tail: vec![], omitted: 0 });
    }

    #[test]
    fn beyond_the_cap_head_and_tail_are_kept_and_the_cut_is_counted() {
        assert_eq!(capture(4, &["abc", "def", "g"]), Output { head: b"ab".into(), tail: b"fg".into(), omitted: 3 });
    }
}
