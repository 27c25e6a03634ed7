use super::*;
use crate::store::Sqlite;
use crate::{AuditFilter, Recorded};
use jiff::SignedDuration;
use tempfile::TempDir;

async fn opened(folder: &TempDir) -> Keys {
    Keys::load(Arc::new(Sqlite::open(folder.path()).expect("a store"))).await.expect("keys")
}

fn wanted(name: &str) -> NewKey {
    let caller = Caller { name: name.into(), scopes: [Scope::Submit].into(), ..Caller::operator() };
    NewKey { caller, rate: None, expires_at: None }
}

async fn make(keys: &Keys, wanted: NewKey) -> (KeyInfo, KeyDigest) {
    let (info, key) = keys.make(wanted, &Caller::operator()).await.expect("made");
    (info, KeyDigest::of(key.expose().as_bytes()))
}

fn finds(keys: &Keys, digest: &KeyDigest) -> bool {
    keys.find(digest, clock::now()).is_some()
}

async fn audit(keys: &Keys) -> Vec<Recorded> {
    keys.store.audit(AuditFilter::default(), 100).await.expect("audit")
}

#[tokio::test]
async fn a_key_opens_until_it_is_revoked_and_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = opened(&folder).await;
    let rate = Rate { per_second: 3_u32.try_into().expect("not zero"), burst: 5_u32.try_into().expect("not zero") };
    let caller = Caller {
        drivers: Some(vec!["para*".into()]),
        hosts: Some(vec!["*.example".into(), "10.0.0.0/8".into()]),
        ..wanted("portal").caller
    };
    let expires_at = Some(clock::now() + SignedDuration::from_hours(1));
    let (info, digest) = make(&keys, NewKey { caller, rate: Some(rate), expires_at }).await;
    let (_, other) = make(&keys, wanted("other")).await;
    assert!(finds(&keys, &digest) && !finds(&keys, &KeyDigest::of(b"hostler_00")));
    drop(keys);
    let keys = opened(&folder).await;
    let found = keys.find(&digest, clock::now()).expect("it is kept");
    assert_eq!((&*found.caller, found.rate), (&info.caller, info.rate));
    assert_eq!(keys.list().iter().map(|key| key.caller.name.as_str()).collect::<Vec<_>>(), ["other", "portal"]);
    keys.revoke("portal", &Caller::operator()).await.expect("revoked");
    assert!(!finds(&keys, &digest) && finds(&keys, &other));
    let again = keys.revoke("portal", &Caller::operator()).await.expect_err("it is gone");
    assert_eq!(again.kind, ErrorKind::NotFound);
    drop(keys);
    let keys = opened(&folder).await;
    assert!(!finds(&keys, &digest) && finds(&keys, &other));
    make(&keys, wanted("portal")).await;
    assert!(!finds(&keys, &digest), "a key of the same name is another key");
}

#[tokio::test]
async fn a_key_is_random_has_its_prefix_and_is_kept_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = opened(&folder).await;
    let (_, one) = keys.make(wanted("one"), &Caller::operator()).await.expect("made");
    let (_, other) = keys.make(wanted("other"), &Caller::operator()).await.expect("made");
    let digits = one.expose().strip_prefix("hostler_").expect("a prefix");
    assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{}", digits.len());
    assert_ne!(one.expose(), other.expose());
    audit(&keys).await;
    for file in std::fs::read_dir(folder.path()).expect("folder") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("bytes");
        assert!(!bytes.windows(16).any(|window| window == &digits.as_bytes()[..16]));
    }
}

#[tokio::test]
async fn an_expired_key_is_worth_nothing_from_that_moment_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = opened(&folder).await;
    let end = clock::now() + SignedDuration::from_hours(1);
    let (_, digest) = make(&keys, NewKey { expires_at: Some(end), ..wanted("short") }).await;
    assert!(keys.find(&digest, end - SignedDuration::from_micros(1)).is_some());
    assert!(keys.find(&digest, end).is_none());
    assert_eq!(keys.list().len(), 1, "it is still shown, and its name is taken");
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = opened(&folder).await;
    let (_, digest) = make(&keys, wanted("busy")).await;
    let first = clock::now();
    for seconds in [0, 1, 59] {
        keys.find(&digest, first + SignedDuration::from_secs(seconds)).expect("it opens");
        assert_eq!(keys.list()[0].last_used_at, Some(first), "after {seconds} s");
    }
    let later = first + SignedDuration::from_secs(60);
    keys.find(&digest, later).expect("it opens");
    assert_eq!(keys.list()[0].last_used_at, Some(later));
    drop(keys);
    assert_eq!(opened(&folder).await.list()[0].last_used_at, Some(later));
}

#[tokio::test]
async fn what_is_no_sensible_key_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = opened(&folder).await;
    let with = |change: fn(&mut NewKey)| {
        let mut key = wanted("name");
        change(&mut key);
        key
    };
    for (wrong, word) in [
        (wanted(""), "name"),
        (wanted("Portal"), "name"),
        (wanted("a b"), "name"),
        (wanted(&"x".repeat(65)), "name"),
        (wanted("operator"), "operator"),
        (with(|key| key.caller.scopes.clear()), "scopes"),
        (with(|key| key.caller.hosts = Some(vec![])), "hosts"),
        (with(|key| key.caller.hosts = Some(vec!["10.0.0.0/99".into()])), "10.0.0.0/99"),
        (with(|key| key.caller.drivers = Some(vec![])), "drivers"),
        (with(|key| key.caller.drivers = Some(vec![String::new()])), "drivers"),
        (with(|key| key.expires_at = Some(Timestamp::UNIX_EPOCH)), "expired"),
        (
            with(|key| {
                key.caller.scopes = [Scope::Admin].into();
                key.caller.hosts = Some(vec!["*.example".into()]);
            }),
            "admin",
        ),
    ] {
        let refused = keys.make(wrong, &Caller::operator()).await.map(drop).expect_err(word);
        assert_eq!(refused.kind, ErrorKind::InvalidRequest, "{word}");
        assert!(refused.message.contains(word), "{word}: {}", refused.message);
    }
    make(&keys, wanted("name")).await;
    let taken = keys.make(wanted("name"), &Caller::operator()).await.map(drop).expect_err("taken");
    assert_eq!(taken.kind, ErrorKind::InUse);
    assert_eq!(keys.list().len(), 1);
}

#[tokio::test]
async fn the_audit_tells_who_made_and_revoked_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = opened(&folder).await;
    make(&keys, wanted("portal")).await;
    let boss = Caller { name: "boss".into(), ..Caller::operator() };
    keys.revoke("portal", &boss).await.expect("revoked");
    let lines = audit(&keys).await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.entry.event, line.entry.caller.as_deref(), line.entry.target.as_deref()))
        .collect();
    let wanted = [(AuditEvent::KeyRevoked, "boss"), (AuditEvent::KeyCreated, "operator")];
    assert_eq!(told, wanted.map(|(event, by)| (event, Some(by), Some("portal"))));
}
