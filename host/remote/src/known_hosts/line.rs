//! One line of the file. Each is read by itself, so that a bad one hides no other.

use super::pattern::{is_pattern, matches};
use crate::public_key;
use hostler_model::HostKey;
use russh::keys::ssh_key::known_hosts::{HostPatterns, Marker};
use russh::keys::{HashAlg, PublicKey};

/// What a line says.
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) marker: Option<Marker>,
    pub(super) hosts: HostPatterns,
    /// From the key to the end of the line.
    rest: &'a str,
}

/// All lines that are about some host.
pub(super) fn all(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().enumerate().filter_map(|(index, line)| Line::parse(index + 1, line))
}

impl<'a> Line<'a> {
    /// Nothing for an empty line, a comment, and what names no host, which is told to the log.
    pub(super) fn parse(number: usize, text: &'a str) -> Option<Self> {
        let (first, rest) = split(text.trim());
        if first.is_empty() || first.starts_with('#') {
            return None;
        }
        let read = || {
            let (marker, (hosts, rest)) =
                if first.starts_with('@') { (Some(first.parse().ok()?), split(rest)) } else { (None, (first, rest)) };
            Some(Self { number, marker, hosts: hosts.parse().ok()?, rest })
        };
        read().or_else(|| counts_for_nothing(number))
    }

    /// The key, read only now: most lines are about other hosts. Nothing if it cannot be read, which is told to
    /// the log.
    pub(super) fn key(&self) -> Option<PublicKey> {
        public_key::parse(self.rest).or_else(|| counts_for_nothing(self.number))
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

    /// The line for people. Nothing if its key cannot be read.
    pub(super) fn shown(&self) -> Option<HostKey> {
        let key = self.key()?;
        let (hosts, hashed) = match &self.hosts {
            HostPatterns::Patterns(names) => (names.clone(), false),
            HostPatterns::HashedName { .. } => (Vec::new(), true),
        };
        Some(HostKey {
            line: self.number,
            marker: self.marker.map(|marker| marker.as_str().trim_start_matches('@').to_owned()),
            hosts,
            hashed,
            algorithm: key.algorithm().to_string(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        })
    }
}

fn counts_for_nothing<T>(number: usize) -> Option<T> {
    tracing::warn!(line = number, "known_hosts: a line cannot be read and counts for nothing");
    None
}

/// The first word, and what follows it.
fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn is_name(own: &str, name: &str) -> bool {
    !is_pattern(own) && own.to_lowercase() == name
}
