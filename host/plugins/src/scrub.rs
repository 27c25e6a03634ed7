//! Cuts a job's secrets out of what servers and plugins say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_model::Secret;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroize;

/// What stands where a secret stood.
pub(crate) const MASK: &[u8] = b"******";

/// A shorter value is not cut out: it would match everywhere.
const SHORTEST: usize = 6;

/// Finds this job's secrets in every form that is looked for: the exact value, with CRLF line ends,
/// in base64, and each line of a value of several lines. Cheap to make and to clone.
#[derive(Clone, Default)]
pub(crate) struct Scrubber(Option<Arc<Needles>>);

impl Scrubber {
    /// A scrubber for these secrets, and a warning for each that is too short to be cut out.
    pub(crate) fn new(secrets: &BTreeMap<String, Secret>) -> (Self, Vec<String>) {
        let mut needles = Vec::new();
        let mut warnings = Vec::new();
        for (path, secret) in secrets {
            let text = secret.expose();
            if text.len() < SHORTEST {
                warnings.push(format!("{path} is shorter than {SHORTEST} bytes, so it is not cut out of output"));
                continue;
            }
            needles.extend(forms(text));
        }
        let needles = (!needles.is_empty()).then(|| Arc::new(Needles::new(needles)));
        (Self(needles), warnings)
    }

    /// A whole text, scrubbed.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut stream = self.stream();
        let mut scrubbed = stream.push(text.as_bytes());
        scrubbed.extend(stream.finish());
        String::from_utf8_lossy(&scrubbed).into_owned()
    }

    /// The most bytes that can stand before a place and still be part of a secret that reaches it.
    pub(crate) fn reach(&self) -> usize {
        self.0.as_ref().map_or(0, |needles| needles.sorted.iter().map(Vec::len).max().unwrap_or(1) - 1)
    }

    /// What may be shown of `bytes` from `from` on, and where that ends: before what may become a secret if more
    /// follows, unless nothing does. Whatever of a secret lies in it is cut out, wherever it is begun to be read; for that
    /// [`Scrubber::reach`] bytes must stand before `from`, as far as there are so many.
    pub(crate) fn window(&self, bytes: &[u8], from: usize, is_whole: bool) -> (Vec<u8>, usize) {
        let Some(needles) = &self.0 else { return (bytes[from..].to_vec(), bytes.len()) };
        let mut clean = Vec::with_capacity(bytes.len() - from);
        // Up to where a secret goes that was met.
        let mut covered = 0;
        for at in 0..bytes.len() {
            if !is_whole && needles.may_begin(&bytes[at..]) {
                return (clean, at.max(from));
            }
            let end = needles.whole(&bytes[at..]).map_or(0, |length| at + length);
            let is_new = at >= covered;
            covered = covered.max(end);
            if at < from {
                continue;
            }
            if at >= covered {
                clean.push(bytes[at]);
            } else if is_new || at == from {
                clean.extend_from_slice(MASK);
            }
        }
        (clean, bytes.len())
    }

    /// A stream of bytes that comes in pieces.
    pub(crate) fn stream(&self) -> Stream {
        Stream { needles: self.0.clone(), held: Vec::new(), shown: 0 }
    }
}

fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![text.as_bytes().to_vec(), STANDARD.encode(text).into_bytes()];
    if text.contains('\n') {
        forms.push(text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes());
        let lines = text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST && !line.starts_with("-----"));
        forms.extend(lines.map(|line| line.as_bytes().to_vec()));
    }
    forms
}

/// What is looked for. A library would find the needles too, but not what may still become one.
struct Needles {
    /// By first byte; of one first byte the longest comes first.
    sorted: Vec<Vec<u8>>,
    /// Where those with a first byte begin in `sorted`.
    begin: [usize; 257],
}

/// What is at one place of a text.
enum Here {
    /// A needle of this length.
    Needle(usize),
    /// What may become a needle, or a longer one, if the text goes on.
    Beginning,
    /// Nothing.
    Nothing,
}

impl Needles {
    fn new(mut sorted: Vec<Vec<u8>>) -> Self {
        sorted.sort_unstable_by_key(|needle| (needle[0], Reverse(needle.len())));
        let mut begin = [0; 257];
        for needle in &sorted {
            begin[usize::from(needle[0]) + 1] += 1;
        }
        for byte in 0..256 {
            begin[byte + 1] += begin[byte];
        }
        Self { sorted, begin }
    }

    /// The needles that begin as `text` does.
    fn candidates(&self, text: &[u8]) -> &[Vec<u8>] {
        let first = usize::from(text[0]);
        &self.sorted[self.begin[first]..self.begin[first + 1]]
    }

    fn look(&self, text: &[u8]) -> Here {
        for needle in self.candidates(text) {
            if text.starts_with(needle) {
                return Here::Needle(needle.len());
            }
            if needle.starts_with(text) {
                return Here::Beginning;
            }
        }
        Here::Nothing
    }

    /// Whether the text is the beginning of a needle, and no more than that.
    fn may_begin(&self, text: &[u8]) -> bool {
        self.candidates(text).iter().any(|needle| needle.len() > text.len() && needle.starts_with(text))
    }

    /// The length of the longest needle that the text begins with.
    fn whole(&self, text: &[u8]) -> Option<usize> {
        self.candidates(text).iter().find(|needle| text.starts_with(needle)).map(Vec::len)
    }
}

impl Drop for Needles {
    fn drop(&mut self) {
        self.sorted.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// A stream being scrubbed. It holds back nothing but what may be the beginning of a secret.
pub(crate) struct Stream {
    needles: Option<Arc<Needles>>,
    held: Vec<u8>,
    /// Of these, so many were given out already.
    shown: usize,
}

impl Stream {
    /// Takes the next piece; gives what is certain to hold no part of a secret.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(needles) = &self.needles else { return bytes.to_vec() };
        self.held.extend_from_slice(bytes);
        let mut clean = Vec::with_capacity(self.held.len());
        let (mut kept, mut at) = (self.shown, 0);
        while at < self.held.len() {
            match needles.look(&self.held[at..]) {
                Here::Needle(length) => {
                    clean.extend_from_slice(&self.held[kept.min(at)..at]);
                    clean.extend_from_slice(MASK);
                    at += length;
                    kept = at;
                }
                Here::Beginning => break,
                Here::Nothing => at += 1,
            }
        }
        clean.extend_from_slice(&self.held[kept.min(at)..at]);
        self.held.drain(..at);
        self.shown = self.shown.saturating_sub(at);
        clean
    }

    /// What is held back, if it is no more than `most` bytes and was not given out yet.
    pub(crate) fn ending(&self, most: usize) -> Option<&[u8]> {
        Some(&self.held[self.shown..]).filter(|ending| !ending.is_empty() && self.held.len() <= most)
    }

    /// Gives that out. If it turns out to begin a secret, what follows is cut out all the same.
    pub(crate) fn show_ending(&mut self, most: usize) -> Vec<u8> {
        let ending = self.ending(most).unwrap_or_default().to_vec();
        self.shown += ending.len();
        ending
    }

    /// The end of the stream: what was held back is no secret, but a shorter one may be in it.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let mut clean = Vec::new();
        while let (Some(needles), Some(first)) = (&self.needles, self.held.first().copied()) {
            let whole = needles.whole(&self.held);
            match whole {
                Some(_) => clean.extend_from_slice(MASK),
                None if self.shown > 0 => {}
                None => clean.push(first),
            }
            self.held.drain(..whole.unwrap_or(1));
            self.shown = self.shown.saturating_sub(whole.unwrap_or(1));
        }
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scrubber(values: &[&str]) -> Scrubber {
        let secret = |(index, value): (usize, &&str)| (format!("s{index}"), Secret::new((*value).to_owned()));
        Scrubber::new(&values.iter().enumerate().map(secret).collect()).0
    }

    #[test]
    fn every_form_is_cut_out() {
        let key = "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----";
        let scrubber = scrubber(&["hunter22", key]);
        for text in ["hunter22", &STANDARD.encode("hunter22"), key, &key.replace('\n', "\r\n"), "DDDDEEEEFFFF"] {
            assert_eq!(scrubber.text(&format!("<{text}>")), "<******>", "{text}");
        }
    }

    #[test]
    fn a_short_secret_is_named_in_a_warning() {
        let (scrubber, warnings) = Scrubber::new(&BTreeMap::from([("a.pin".to_owned(), Secret::new("1234".into()))]));
        assert_eq!(scrubber.text("1234"), "1234");
        assert!(warnings[0].starts_with("a.pin is shorter"));
    }

    #[test]
    fn what_cannot_be_a_secret_is_not_held_back() {
        let mut stream = scrubber(&["hunter22"]).stream();
        assert_eq!(stream.push(b"prompt> "), b"prompt> ");
        assert_eq!(stream.push(b"hunt"), b"");
        assert_eq!(stream.push(b"ing"), b"hunting");
    }

    #[test]
    fn a_prompt_that_ends_as_a_secret_begins_can_be_shown_without_giving_the_secret_away() {
        let scrubber = scrubber(&["#hunter22"]);
        let shown = |after: &str| {
            let mut stream = scrubber.stream();
            let mut clean = stream.push(b"switch#");
            assert_eq!(clean, b"switch");
            clean.extend(stream.show_ending(3));
            assert_eq!(stream.ending(3), None, "it is shown once");
            clean.extend(stream.push(after.as_bytes()));
            clean.extend(stream.finish());
            String::from_utf8_lossy(&clean).into_owned()
        };
        assert_eq!(shown(" reload"), "switch# reload");
        assert_eq!(shown("##hunter22"), "switch##******");
        assert_eq!(shown("hunter22"), "switch#******");
        assert_eq!(shown("hunt"), "switch#hunt");
        let mut stream = scrubber.stream();
        stream.push(b"#hunter2");
        assert_eq!(stream.ending(3), None, "most of a secret is no prompt");
    }

    #[test]
    fn a_secret_that_begins_like_a_shorter_one_is_cut_out_whole() {
        let scrubber = scrubber(&["hunter22", "hunter22-and-more"]);
        let mut stream = scrubber.stream();
        let mut clean = stream.push(b"hunter22");
        clean.extend(stream.push(b"-and-more, hunter22-and-"));
        clean.extend(stream.finish());
        assert_eq!(String::from_utf8_lossy(&clean), "******, ******-and-");
    }

    #[test]
    fn a_window_shows_no_part_of_a_secret_wherever_it_is_opened() {
        let scrubber = scrubber(&["hunter22"]);
        let log = b"say hunter22 and hunt";
        let window = |from: usize, to: usize, is_whole| {
            let before = from.saturating_sub(scrubber.reach());
            let (clean, end) = scrubber.window(&log[before..to], from - before, is_whole);
            (String::from_utf8(clean).expect("text"), before + end)
        };
        assert_eq!(window(0, 21, true), ("say ****** and hunt".into(), 21));
        assert_eq!(window(0, 21, false), ("say ****** and ".into(), 17), "it may become one");
        assert_eq!(window(0, 8, false), ("say ".into(), 4), "half of it has come");
        assert_eq!(window(4, 12, false), ("******".into(), 12));
        assert_eq!(window(9, 17, false), ("****** and ".into(), 17), "opened in its middle");
        assert_eq!(window(12, 17, false), (" and ".into(), 17));
    }

    proptest! {
        #[test]
        fn windows_give_no_more_away_than_the_whole(text in "[a-c]{0,30}", from in 0usize..30, to in 0usize..30) {
            let scrubber = scrubber(&["abcabcab", "cccccc"]);
            let text = text.into_bytes();
            let (from, to) = (from.min(text.len()), to.min(text.len()));
            if from <= to {
                let before = from.saturating_sub(scrubber.reach());
                let (clean, end) = scrubber.window(&text[before..to], from - before, false);
                let end = before + end;
                prop_assert!((from..=to).contains(&end));
                for needle in [&b"abcabcab"[..], b"cccccc"] {
                    for (at, _) in text.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle) {
                        // What is shown of it, if anything is, is covered by a mask.
                        let met = at.max(from) < (at + needle.len()).min(end);
                        prop_assert!(!met || clean.windows(MASK.len()).any(|window| window == MASK));
                    }
                }
            }
        }

        #[test]
        fn pieces_make_no_difference(before in "[a-c]{0,12}", after in "[a-c]{0,12}", cuts in prop::collection::vec(1usize..5, 0..12)) {
            let scrubber = scrubber(&["abcabcab", "cccccc"]);
            let text = format!("{before}abcabcab{after}");
            let mut stream = scrubber.stream();
            let mut rest = text.as_bytes();
            let mut scrubbed = Vec::new();
            for cut in cuts {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                scrubbed.extend(stream.push(piece));
                rest = more;
            }
            scrubbed.extend(stream.push(rest));
            scrubbed.extend(stream.finish());
            prop_assert!(!String::from_utf8_lossy(&scrubbed).contains("abcabcab"));
            prop_assert!(!String::from_utf8_lossy(&scrubbed).contains("cccccc"));
        }
    }
}
