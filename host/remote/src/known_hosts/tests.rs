use super::*;
use hostler_model::{Hop, Target};
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey};
use std::os::unix::fs::PermissionsExt;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINPheg0wRfgea1/UnmFcccA6enbPbWgLc9NF5GRDcIBv";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuIOeRLv4qHxwQJN6usEcTi8lHO/JNOk8TqB/UdfuA3";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHkiy27YywbiVbuFYGDSNj9F3ec9LstEn8fPdUSLVh22jWrazxyi1ToDnnUzFIn56BLzR4r0LBg+cNaonLCGDPc=";

fn key(text: &str) -> PublicKey {
    text.parse().expect("a public key")
}

fn name(host: &str, port: u16) -> Name {
    through(host, port, &[])
}

fn through(host: &str, port: u16, jumps: &[(&str, u16)]) -> Name {
    let hop = |&(host, port): &(&str, u16)| Hop { host: host.into(), port, user: "user".into() };
    let jumps = jumps.iter().map(hop).collect();
    Name::of(&Target { host: host.into(), port, user: "user".into(), jumps }).expect("host names")
}

fn judge(text: &str, host: &str, port: u16, presented: &str) -> Verdict {
    Record::parse(text, &name(host, port)).judge(&key(presented))
}

#[test]
fn a_key_is_known_under_its_name_and_port_only() {
    let text = format!("# comment\n\nhost.example\t {KEY} somebody@somewhere\n");
    assert_eq!(judge(&text, "Host.Example", 22, KEY), Verdict::Known);
    assert_eq!(judge(&text, "host.example", 2222, KEY), Verdict::Unknown);
    assert_eq!(judge(&text, "other.example", 22, KEY), Verdict::Unknown);
    let text = format!("[host.example]:2222 {KEY}");
    assert_eq!(judge(&text, "host.example", 2222, KEY), Verdict::Known);
    assert_eq!(judge(&text, "host.example", 22, KEY), Verdict::Unknown);
}

#[test]
fn any_of_several_keys_will_do() {
    let text = format!("h {OTHER}\nh {ECDSA}\nh {KEY}");
    for presented in [KEY, OTHER, ECDSA] {
        assert_eq!(judge(&text, "h", 22, presented), Verdict::Known);
    }
}

#[test]
fn a_changed_key_names_the_line_on_record() {
    let text = format!("# first\nh {ECDSA}\nh {OTHER}\n");
    let fingerprint = key(OTHER).fingerprint(HashAlg::Sha256).to_string();
    assert_eq!(judge(&text, "h", 22, KEY), Verdict::Changed { line: 3, fingerprint });
}

#[test]
fn a_key_of_another_type_is_a_changed_key() {
    assert!(matches!(judge(&format!("h {KEY}"), "h", 22, ECDSA), Verdict::Changed { line: 1, .. }));
}

#[test]
fn a_revoked_key_loses_whatever_else_is_written() {
    let text = format!("h {KEY}\n@revoked * {KEY}\n");
    assert_eq!(judge(&text, "h", 22, KEY), Verdict::Revoked { line: 2 });
    assert_eq!(judge(&format!("@revoked h {KEY}"), "h", 2222, KEY), Verdict::Revoked { line: 1 });
    assert_eq!(judge(&format!("@revoked h {KEY}"), "h", 22, OTHER), Verdict::Unknown);
}

#[test]
fn an_authority_vouches_for_no_plain_key() {
    assert!(matches!(judge(&format!("@cert-authority * {KEY}"), "h", 22, KEY), Verdict::Uncertified { .. }));
    assert_eq!(judge(&format!("@cert-authority other {KEY}"), "h", 22, KEY), Verdict::Unknown);
}

#[test]
fn a_bad_line_hides_no_other() {
    let text = format!("h ssh-future AAAA\nnonsense\n@nobody h {OTHER}\nh ssh-ed25519 !!!\nh {KEY}");
    assert_eq!(judge(&text, "h", 22, KEY), Verdict::Known);
}

#[test]
fn the_record_tells_which_types_to_ask_for() {
    let record = Record::parse(&format!("h {KEY}\n@revoked h {ECDSA}"), &name("h", 22));
    assert!(record.has(&Algorithm::Ed25519));
    assert!(!record.has(&key(ECDSA).algorithm()));
}

#[test]
fn recording_keeps_what_is_there_and_asks_again_under_the_lock() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("known_hosts");
    fs::write(&path, format!("# by hand\nold.example {OTHER}")).expect("write");
    let known = KnownHosts::new(path.clone());
    assert_eq!(known.record(&name("h", 2222), &key(KEY)).expect("record"), Verdict::Unknown);
    assert_eq!(known.record(&name("h", 2222), &key(KEY)).expect("record"), Verdict::Known);
    assert!(matches!(known.record(&name("h", 2222), &key(OTHER)).expect("record"), Verdict::Changed { line: 3, .. }));
    let expected = format!("# by hand\nold.example {OTHER}\n[h]:2222 {KEY}\n");
    assert_eq!(fs::read_to_string(&path).expect("read"), expected);
    assert_eq!(fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_missing_file_is_empty_and_an_unreadable_one_is_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let missing = KnownHosts::new(folder.path().join("none"));
    assert_eq!(missing.look_up(&name("h", 22)).expect("empty").judge(&key(KEY)), Verdict::Unknown);
    assert!(KnownHosts::new(folder.path().into()).look_up(&name("h", 22)).is_err());
}

#[test]
fn a_server_behind_jump_hosts_has_a_name_of_its_own() {
    let (direct, behind) = (name("10.0.0.5", 22), through("10.0.0.5", 22, &[("Bastion", 22)]));
    let other = through("10.0.0.5", 22, &[("bastion", 2222)]);
    let farther = through("10.0.0.5", 22, &[("bastion", 22), ("second", 22)]);
    assert_eq!(behind.own(), "[10.0.0.5]:22/via/[bastion]:22");
    assert_eq!(farther.own(), "[10.0.0.5]:22/via/[bastion]:22/[second]:22");
    let text = format!("{} {KEY}\n", behind.own());
    let judge = |name: &Name, presented| Record::parse(&text, name).judge(&key(presented));
    assert_eq!(judge(&behind, KEY), Verdict::Known);
    assert!(matches!(judge(&behind, OTHER), Verdict::Changed { line: 1, .. }));
    for another in [direct, other, farther] {
        assert_eq!(judge(&another, KEY), Verdict::Unknown);
        assert_eq!(judge(&another, OTHER), Verdict::Unknown);
    }
}

#[test]
fn behind_jump_hosts_a_direct_name_may_know_a_key_but_never_contradicts_one() {
    let behind = through("10.0.0.5", 2222, &[("bastion", 22)]);
    for hosts in ["[10.0.0.5]:2222", "*", "[10.0.0.*]:2222,!nothing"] {
        let record = Record::parse(&format!("{hosts} {KEY}\n"), &behind);
        assert_eq!(record.judge(&key(KEY)), Verdict::Known, "{hosts}");
        assert_eq!(record.judge(&key(OTHER)), Verdict::Unknown, "{hosts}");
    }
    let revoked = Record::parse(&format!("@revoked 10.0.0.5 {KEY}"), &behind);
    assert_eq!(revoked.judge(&key(KEY)), Verdict::Revoked { line: 1 });
}

#[test]
fn the_name_of_a_way_is_read_back() {
    let behind = through("10.0.0.5", 2222, &[("bastion", 22), ("fe80::1", 23)]);
    assert_eq!(Name::parse(behind.own(), 22).expect("a name").own(), behind.own());
    assert_eq!(Name::parse("Host", 2222).expect("a name").own(), "[host]:2222");
    for bad in ["h/via/[b]:22", "[h]:22/via/b", "[h]:22/via/", "[h]:22/via/[b]:x", "[h]:22/via/[b c]:22", "a/b", ""] {
        assert!(Name::parse(bad, 22).is_err(), "{bad}");
    }
}

#[test]
fn no_host_name_can_be_taken_for_a_way() {
    for bad in ["a/via/b", "a b", "a,b", "*", "[a]:22/via/[b]:22", "a\n"] {
        let target = |host: &str| Target { host: host.into(), port: 22, ..Target::default() };
        assert!(Name::of(&target(bad)).is_err(), "{bad}");
        let jumps = vec![Hop { host: bad.into(), port: 22, user: String::new() }];
        assert!(Name::of(&Target { jumps, ..target("a") }).is_err(), "{bad}");
    }
}

fn file(text: &str) -> (tempfile::TempDir, KnownHosts) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("known_hosts");
    fs::write(&path, text).expect("write");
    (folder, KnownHosts::new(path))
}

#[test]
fn removing_takes_the_name_and_leaves_all_else_as_it_was() {
    // Hashed by `ssh-keygen -H` from `github.com`.
    let hashed = "|1|6/fajQt+ZYOTXSZKzBy25namkbg=|anmzKpJ/uptxsBrI7oIE1ZTAHU8=";
    let kept = format!(
        "# github.com\n\nnonsense\n@revoked github.com {OTHER}\n@cert-authority github.com {OTHER}\n*.com {OTHER}\n[github.com]:2222 {KEY}\n"
    );
    let (_folder, known) =
        file(&format!("{kept}GitHub.com {KEY} old\n{hashed} {ECDSA}\nmirror,github.com,third {KEY} a  comment"));
    let lines: Vec<usize> = known.remove("github.com").expect("remove").iter().map(|key| key.line).collect();
    assert_eq!(lines, [8, 9, 10]);
    let left = fs::read_to_string(known.path()).expect("read");
    assert_eq!(left, format!("{kept}mirror,third {KEY} a  comment\n"));
    assert!(known.remove("github.com").expect("remove").is_empty());
    assert_eq!(fs::metadata(known.path()).expect("metadata").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_list_shows_every_line_that_counts() {
    let (_folder, known) =
        file(&format!("# a\na,b {KEY}\nbad\n@revoked * {OTHER}\n|1|AA==|6/fajQt+ZYOTXSZKzBy25namkbg= {ECDSA}\n"));
    let list = known.list().expect("list");
    let shown: Vec<_> = list
        .iter()
        .map(|key| (key.line, key.marker.as_deref(), key.hosts.join(" "), key.hashed, key.algorithm.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (2, None, "a b".into(), false, "ssh-ed25519"),
            (4, Some("revoked"), "*".into(), false, "ssh-ed25519"),
            (5, None, String::new(), true, "ecdsa-sha2-nistp256"),
        ]
    );
    assert_eq!(list[0].fingerprint, key(KEY).fingerprint(HashAlg::Sha256).to_string());
}

#[test]
fn a_second_key_is_added_once_and_a_revoked_one_never() {
    let (_folder, known) = file(&format!("h {KEY}\n@revoked * {ECDSA}\n"));
    let name = name("h", 22);
    assert!(matches!(known.add(&name, &key(OTHER)).expect("add"), Verdict::Changed { .. }));
    assert_eq!(known.add(&name, &key(OTHER)).expect("add"), Verdict::Known);
    assert_eq!(known.add(&name, &key(ECDSA)).expect("add"), Verdict::Revoked { line: 2 });
    assert_eq!(fs::read_to_string(known.path()).expect("read"), format!("h {KEY}\n@revoked * {ECDSA}\nh {OTHER}\n"));
}

#[test]
fn changes_at_the_same_time_lose_nothing() {
    let (_folder, known) = file("");
    std::thread::scope(|scope| {
        for n in 0..16 {
            // Each has its own view of the file, as another process would.
            let other = KnownHosts::new(known.path().into());
            scope.spawn(move || other.add(&name(&format!("host{n}"), 22), &key(KEY)).expect("add"));
        }
    });
    assert_eq!(known.list().expect("list").len(), 16);
}

const NOW: u64 = 1_000_000;

/// What differs from a good certificate for `host.example`.
struct Made<'a> {
    subject: &'a PrivateKey,
    kind: CertType,
    names: &'a [&'a str],
    valid: (u64, u64),
    option: bool,
}

fn certificate(authority: &PrivateKey, made: &Made) -> Certificate {
    let (from, until) = made.valid;
    let mut builder =
        Builder::new_with_random_nonce(&mut safe_rng(), made.subject.public_key(), from, until).expect("times");
    builder.cert_type(made.kind).expect("once");
    if made.names.is_empty() {
        builder.all_principals_valid().expect("once");
    }
    for name in made.names {
        builder.valid_principal(*name).expect("a name");
    }
    if made.option {
        builder.critical_option("force-command", "true").expect("once");
    }
    builder.sign(authority).expect("signed")
}

#[test]
fn an_authority_vouches_only_for_what_it_signed() {
    let pair = || PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("key");
    let (authority, stranger, subject) = (pair(), pair(), pair());
    let text = |key: &PrivateKey| key.public_key().to_openssh().expect("text");
    let good = || Made {
        subject: &subject,
        kind: CertType::Host,
        names: &["other", "host.example"],
        valid: (NOW, NOW + 1),
        option: false,
    };
    let trust = format!("@cert-authority *.example {}", text(&authority));
    let judge = |file: &str, by: &PrivateKey, made: &Made| {
        Record::parse(file, &name("host.example", 2222)).judge_certificate(&certificate(by, made), NOW)
    };
    assert_eq!(judge(&trust, &authority, &good()), Verdict::Known);
    assert_eq!(judge(&trust, &authority, &Made { names: &["*.EXAMPLE"], ..good() }), Verdict::Known);
    for (bad, words) in [
        (Made { kind: CertType::User, ..good() }, "for a user"),
        (Made { names: &["other"], ..good() }, "other names"),
        (Made { names: &[], ..good() }, "other names"),
        (Made { valid: (NOW + 1, NOW + 2), ..good() }, "not valid at this time"),
        (Made { valid: (NOW - 2, NOW), ..good() }, "not valid at this time"),
        (Made { option: true, ..good() }, "options that are not known"),
    ] {
        let Verdict::Uncertified { why } = judge(&trust, &authority, &bad) else { panic!("{words}: it was trusted") };
        assert!(why.contains(words), "{why}");
    }
    assert!(
        matches!(judge(&trust, &stranger, &good()), Verdict::Uncertified { why } if why.contains("another authority"))
    );
    let mut forged = certificate(&authority, &good()).to_bytes().expect("bytes");
    *forged.last_mut().expect("a signature") ^= 1;
    let forged = Certificate::from_bytes(&forged).expect("a certificate");
    let verdict = Record::parse(&trust, &name("host.example", 22)).judge_certificate(&forged, NOW);
    assert!(matches!(verdict, Verdict::Uncertified { why } if why.contains("signature is wrong")));
    for revoked in [&authority, &subject] {
        let file = format!("{trust}\n@revoked * {}", text(revoked));
        assert_eq!(judge(&file, &authority, &good()), Verdict::Revoked { line: 2 });
    }
    // A bad certificate is worth as much as its key.
    let known = format!("{trust}\n[host.example]:2222 {}", text(&subject));
    assert_eq!(judge(&known, &stranger, &good()), Verdict::Known);
    let changed = format!("{trust}\n[host.example]:2222 {}", text(&stranger));
    assert!(matches!(judge(&changed, &stranger, &good()), Verdict::Changed { line: 2, .. }));
}
