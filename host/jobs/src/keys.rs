//! The API keys that the operator gave out.

use crate::reach::patterns;
use crate::store::Store;
use crate::{clock, failures};
use arc_swap::ArcSwap;
use hostler_model::{AuditEntry, AuditEvent, Caller, ErrorKind, Failure, KeyInfo, NewKey, Phase, Rate, Scope, Secret};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::Mutex;

/// By this a key is known for one, by people and by programs that look for keys that got lost.
const PREFIX: &str = "hostler_";
/// How much of a key is random, in bytes.
const RANDOM: usize = 32;
const LONGEST_NAME: usize = 64;
/// A use that comes this soon after the last one that was noted is not noted, in microseconds.
const NOTED_EVERY: i64 = 60_000_000;

/// SHA-256 of a key. Keys are looked up by it, and it need not take constant time: a key is random in 256 bits, so
/// nobody can make one whose digest begins as another's does.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of what somebody presents as a key.
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for KeyDigest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// A key that somebody presented.
pub struct Key {
    /// Who presents it.
    pub caller: Arc<Caller>,
    /// How often it may be used; absent: as the configuration says.
    pub rate: Option<Rate>,
    info: KeyInfo,
    /// When its last use was noted, in microseconds since 1970.
    noted: AtomicI64,
}

impl Key {
    /// A key as it is kept.
    pub fn new(info: KeyInfo) -> Self {
        let noted = info.last_used_at.map_or(i64::MIN, Timestamp::as_microsecond);
        Self { caller: Arc::new(info.caller.clone()), rate: info.rate, info, noted: noted.into() }
    }

    fn info(&self) -> KeyInfo {
        let last_used_at = Timestamp::from_microsecond(self.noted.load(Ordering::Relaxed)).ok();
        KeyInfo { last_used_at, ..self.info.clone() }
    }

    /// Whether this use is to be noted. Of several at once, one is.
    fn notes(&self, now: Timestamp) -> bool {
        let (noted, now) = (self.noted.load(Ordering::Relaxed), now.as_microsecond());
        now.saturating_sub(noted) >= NOTED_EVERY
            && self.noted.compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

type Table = HashMap<KeyDigest, Arc<Key>>;

/// All keys but the operator's. They are looked up in memory, in a table that a change replaces as a whole.
pub(crate) struct Keys {
    store: Arc<dyn Store>,
    table: ArcSwap<Table>,
    /// Held by whoever changes the table.
    changing: Mutex<()>,
}

impl Keys {
    /// The keys that the store has.
    pub(crate) async fn load(store: Arc<dyn Store>) -> Result<Self, Failure> {
        let kept = store.keys().await?;
        let table: Table = kept.into_iter().map(|(digest, info)| (digest, Arc::new(Key::new(info)))).collect();
        Ok(Self { store, table: ArcSwap::from_pointee(table), changing: Mutex::default() })
    }

    /// See [`crate::Jobs::key`].
    pub(crate) fn find(&self, digest: &KeyDigest, now: Timestamp) -> Option<Arc<Key>> {
        let table = self.table.load();
        let key = table.get(digest).filter(|key| !key.info.has_expired(now))?;
        if key.notes(now) {
            self.store.note_use(&key.caller.name, now);
        }
        Some(Arc::clone(key))
    }

    /// See [`crate::Jobs::keys`].
    pub(crate) fn list(&self) -> Vec<KeyInfo> {
        let mut all: Vec<_> = self.table.load().values().map(|key| key.info()).collect();
        all.sort_by(|one, other| one.caller.name.cmp(&other.caller.name));
        all
    }

    /// See [`crate::Jobs::make_key`].
    pub(crate) async fn make(&self, wanted: NewKey, by: &Caller) -> Result<(KeyInfo, Secret), Failure> {
        let now = clock::now();
        check(&wanted, now)?;
        let NewKey { caller, rate, expires_at } = wanted;
        let created_by = by.name.clone();
        let info = KeyInfo { caller, rate, created_at: now, created_by, expires_at, last_used_at: None };
        let key = random()?;
        let digest = KeyDigest::of(key.expose().as_bytes());
        let _alone = self.changing.lock().await;
        if !self.store.add_key(digest, &info).await? {
            let message = format!("There is a key `{}` already: choose another name, or revoke it.", info.caller.name);
            return Err(Failure::new(ErrorKind::InUse, Phase::Validate, message));
        }
        let mut table = Table::clone(&self.table.load());
        table.insert(digest, Arc::new(Key::new(info.clone())));
        self.table.store(Arc::new(table));
        self.record(AuditEvent::KeyCreated, &info, by);
        Ok((info, key))
    }

    /// See [`crate::Jobs::revoke_key`].
    pub(crate) async fn revoke(&self, name: &str, by: &Caller) -> Result<(), Failure> {
        let _alone = self.changing.lock().await;
        if !self.store.remove_key(name).await? {
            let message = "There is no key of this name; GET /v1/keys lists the keys.";
            return Err(Failure::new(ErrorKind::NotFound, Phase::Store, message));
        }
        let (gone, left): (Table, Table) =
            Table::clone(&self.table.load()).into_iter().partition(|(_, key)| key.caller.name == name);
        self.table.store(Arc::new(left));
        for key in gone.values() {
            self.record(AuditEvent::KeyRevoked, &key.info, by);
        }
        Ok(())
    }

    fn record(&self, event: AuditEvent, KeyInfo { caller, rate, expires_at, .. }: &KeyInfo, by: &Caller) {
        let entry = AuditEntry {
            caller: Some(by.name.clone()),
            target: Some(caller.name.clone()),
            details: serde_json::json!({"caller": caller, "rate": rate, "expires_at": expires_at}),
            ..AuditEntry::new(event, "key")
        };
        self.store.record(&entry, clock::now());
        tracing::info!(key = caller.name, by = by.name, %event, "API keys changed");
    }
}

fn random() -> Result<Secret, Failure> {
    let mut bytes = [0; RANDOM];
    getrandom::fill(&mut bytes).map_err(failures::store)?;
    let mut text = String::with_capacity(PREFIX.len() + 2 * RANDOM);
    text += PREFIX;
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a text takes all that is written");
    }
    Ok(Secret::new(text))
}

/// Whether such a key can be.
fn check(wanted: &NewKey, now: Timestamp) -> Result<(), Failure> {
    let wrong = |message: String| Err(Failure::new(ErrorKind::InvalidRequest, Phase::Validate, message));
    let Caller { name, scopes, drivers, hosts } = &wanted.caller;
    let letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_.".contains(&letter);
    if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(letter) {
        return wrong(format!("`name` has 1 to {LONGEST_NAME} of the characters a-z, 0-9, `-`, `_` and `.`."));
    }
    if name == Caller::OPERATOR {
        return wrong(format!("`{name}` is who has the daemon's own key; choose another `name`."));
    }
    if scopes.is_empty() {
        return wrong("`scopes` is empty: name what the key is for, such as `submit` and `read`.".into());
    }
    if scopes.contains(&Scope::Admin) && (drivers.is_some() || hosts.is_some()) {
        return wrong(
            "`drivers` and `hosts` cannot hold an `admin`, who can make keys without: leave them out.".into(),
        );
    }
    if wanted.expires_at.is_some_and(|end| end <= now) {
        return wrong("The key would have expired already: give a later end.".into());
    }
    for (field, texts) in [("drivers", drivers), ("hosts", hosts)] {
        if texts.as_ref().is_some_and(Vec::is_empty) {
            return wrong(format!("`{field}` is empty, so the key could do nothing: name some, or leave it out."));
        }
    }
    if drivers.iter().flatten().any(String::is_empty) {
        return wrong("`drivers` has an empty name; write names of drivers, with `*` and `?`.".into());
    }
    match patterns(hosts.iter().flatten()) {
        Ok(_) => Ok(()),
        Err(sentence) => wrong(format!("`hosts` is wrong: {sentence}")),
    }
}

#[cfg(test)]
mod tests;
