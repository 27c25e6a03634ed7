//! Cuts a job's secrets out of what servers and plugins say.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_model::Secret;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands where a secret stood.
pub(crate) const MASK: &[u8] = b"******";

/// A shorter value is not cut out: it would match everywhere.
const SHORTEST: usize = 6;

/// Finds this job's secrets in every form that is looked for: the exact value, with CRLF line ends,
/// in base64, and each line of a value of several lines. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Scrubber(Option<Arc<Forms>>);

struct Forms {
    searcher: AhoCorasick,
    /// Kept to find partial matches at the end of a chunk.
    needles: Vec<Vec<u8>>,
}

impl Drop for Forms {
    fn drop(&mut self) {
        for needle in &mut self.needles {
            zeroize::Zeroize::zeroize(needle);
        }
    }
}

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
        if needles.is_empty() {
            return (Self(None), warnings);
        }
        let searcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&needles);
        let searcher = searcher.expect("needles below 4 MiB build an automaton");
        (Self(Some(Arc::new(Forms { searcher, needles }))), warnings)
    }

    /// A whole text, scrubbed.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut stream = self.stream();
        let mut scrubbed = stream.push(text.as_bytes());
        scrubbed.extend(stream.finish());
        String::from_utf8_lossy(&scrubbed).into_owned()
    }

    /// A stream of bytes that comes in pieces.
    pub(crate) fn stream(&self) -> Stream {
        Stream { forms: self.0.clone(), held: Vec::new() }
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

/// A stream being scrubbed. It holds back nothing but what may be the beginning of a secret.
pub(crate) struct Stream {
    forms: Option<Arc<Forms>>,
    held: Vec<u8>,
}

impl Stream {
    /// Takes the next piece; gives what is certain to hold no part of a secret.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(forms) = &self.forms else { return bytes.to_vec() };
        self.held.extend_from_slice(bytes);
        let mut clean = Vec::with_capacity(self.held.len());
        let mut from = 0;
        for found in forms.searcher.find_iter(&self.held) {
            clean.extend_from_slice(&self.held[from..found.start()]);
            clean.extend_from_slice(MASK);
            from = found.end();
        }
        let partial = from + forms.partial_match(&self.held[from..]);
        clean.extend_from_slice(&self.held[from..partial]);
        self.held.drain(..partial);
        clean
    }

    /// The end of the stream: what was held back is no secret after all.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

impl Forms {
    /// Where the longest tail of `bytes` begins that a needle begins with; the end if there is none.
    fn partial_match(&self, bytes: &[u8]) -> usize {
        let longest = self.needles.iter().map(Vec::len).max().unwrap_or(0);
        let first = (bytes.len() + 1).saturating_sub(longest);
        (first..bytes.len())
            .find(|&start| self.needles.iter().any(|needle| needle.starts_with(&bytes[start..])))
            .unwrap_or(bytes.len())
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

    proptest! {
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
