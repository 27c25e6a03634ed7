//! W3C Trace Context: which trace something is part of.

use std::fmt;

/// What the header `traceparent` says (W3C Trace Context, section 3.2), in the form of version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub id: u128,
    /// The step of it that asked.
    pub parent: u64,
    /// Bit 0: whether somebody records it.
    pub flags: u8,
}

impl Trace {
    /// Reads a header's value. `None` if it keeps not to the form; such a value is to be ignored.
    pub fn read(text: &str) -> Option<Self> {
        let mut fields = text.trim_matches([' ', '\t']).split('-');
        let version = hex(fields.next()?, 2)?;
        let trace = Self {
            id: hex(fields.next()?, 32)?,
            parent: u64::try_from(hex(fields.next()?, 16)?).ok()?,
            flags: u8::try_from(hex(fields.next()?, 2)?).ok()?,
        };
        // Later versions may say more behind these fields.
        let complete = version != 0xff && (version != 0 || fields.next().is_none());
        (complete && trace.id != 0 && trace.parent != 0).then_some(trace)
    }

    /// The trace's id in 32 hexadecimal digits, as logs and trace viewers show it.
    pub fn id(&self) -> String {
        format!("{:032x}", self.id)
    }

    /// The same trace with another step as the one that asks.
    #[must_use]
    pub fn continued(self, parent: u64) -> Self {
        Self { parent, ..self }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of the flags of later versions nothing is known.
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.id, self.parent, self.flags & 1)
    }
}

/// Exactly so many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let right = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    right.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_read_is_written_again() {
        let trace = Trace::read(GOOD).expect("it is right");
        assert_eq!(trace.to_string(), GOOD);
        assert_eq!(trace.id(), "0af7651916cd43dd8448eb211c80319c");
        let next = trace.continued(1).to_string();
        assert_eq!(next, "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01");
    }

    #[test]
    fn later_versions_may_say_more() {
        let later = GOOD.replacen("00", "cc", 1) + "-what-comes-then";
        assert_eq!(Trace::read(&later).map(|trace| trace.to_string()).as_deref(), Some(GOOD));
        assert_eq!(Trace::read(&format!("{GOOD}-more")), None, "version 00 has four fields");
    }

    #[test]
    fn what_is_malformed_is_ignored() {
        for wrong in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        ] {
            assert_eq!(Trace::read(wrong), None, "{wrong}");
        }
    }
}
