//! One line of the file. Each is read by itself, so that a bad one hides no other.

use super::pattern::{is_pattern, matches};
use crate::public_key;
use hostler_model::HostKey;
use russh::keys::ssh_key::known_hosts::{HostPatterns, Marker};
use russh::keys::{HashAlg, PublicKey};

/// What a line says.
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) marker: Option<Marker>,
    pub(super) hosts: HostPatterns,
    pub(super) key: PublicKey,
    /// From the key to the end of the line.
    rest: String,
}

/// All lines that can be read.
pub(super) fn all(text: &str) -> impl Iterator<Item = Line> {
    text.lines().enumerate().filter_map(|(index, line)| Line::parse(index + 1, line))
}

impl Line {
    /// Nothing for an empty line, a comment, and what cannot be read, which the log names.
    pub(super) fn parse(number: usize, text: &str) -> Option<Self> {
        let first = text.split_whitespace().next()?;
        if first.starts_with('#') {
            return None;
        }
        let line = Self::read(number, text);
        if line.is_none() {
            tracing::warn!(line = number, "known_hosts: a line cannot be read and counts for nothing");
        }
        line
    }

    fn read(number: usize, text: &str) -> Option<Self> {
        let mut fields = text.split_whitespace().peekable();
        let marker = fields.next_if(|first| first.starts_with('@')).map(str::parse).transpose().ok()?;
        let hosts = fields.next()?.parse().ok()?;
        let rest = fields.collect::<Vec<_>>().join(" ");
        Some(Self { number, marker, hosts, key: public_key::parse(&rest)?, rest })
    }

    /// Whether it is a plain line that holds this very name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.marker.is_none()
            && match &self.hosts {
                HostPatterns::HashedName { .. } => matches(&self.hosts, name),
                HostPatterns::Patterns(names) => names.iter().any(|own| is_name(own, name)),
            }
    }

    /// The line with its end but without a name; nothing if it names nobody else.
    pub(super) fn without(&self, name: &str) -> String {
        let HostPatterns::Patterns(names) = &self.hosts else { return String::new() };
        let others: Vec<&str> = names.iter().map(String::as_str).filter(|own| !is_name(own, name)).collect();
        if others.iter().all(|other| other.starts_with('!')) {
            return String::new();
        }
        format!("{} {}\n", others.join(","), self.rest)
    }

    /// The line for people.
    pub(super) fn shown(&self) -> HostKey {
        let (hosts, hashed) = match &self.hosts {
            HostPatterns::Patterns(names) => (names.clone(), false),
            HostPatterns::HashedName { .. } => (Vec::new(), true),
        };
        HostKey {
            line: self.number,
            marker: self.marker.map(|marker| marker.as_str().trim_start_matches('@').to_owned()),
            hosts,
            hashed,
            algorithm: self.key.algorithm().to_string(),
            fingerprint: self.key.fingerprint(HashAlg::Sha256).to_string(),
        }
    }
}

fn is_name(own: &str, name: &str) -> bool {
    !is_pattern(own) && own.to_lowercase() == name
}
