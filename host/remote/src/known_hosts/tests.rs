use super::*;
use std::os::unix::fs::PermissionsExt;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINPheg0wRfgea1/UnmFcccA6enbPbWgLc9NF5GRDcIBv";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuIOeRLv4qHxwQJN6usEcTi8lHO/JNOk8TqB/UdfuA3";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHkiy27YywbiVbuFYGDSNj9F3ec9LstEn8fPdUSLVh22jWrazxyi1ToDnnUzFIn56BLzR4r0LBg+cNaonLCGDPc=";

fn key(text: &str) -> PublicKey {
    text.parse().expect("a public key")
}

fn judge(text: &str, host: &str, port: u16, presented: &str) -> Verdict {
    Record::parse(text, host, port).judge(&key(presented))
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
    assert_eq!(judge(&format!("@cert-authority * {KEY}"), "h", 22, KEY), Verdict::Unknown);
}

#[test]
fn a_bad_line_hides_no_other() {
    let text = format!("h ssh-future AAAA\nnonsense\n@nobody h {OTHER}\nh ssh-ed25519 !!!\nh {KEY}");
    assert_eq!(judge(&text, "h", 22, KEY), Verdict::Known);
}

#[test]
fn the_record_tells_which_types_to_ask_for() {
    let record = Record::parse(&format!("h {KEY}\n@revoked h {ECDSA}"), "h", 22);
    assert!(record.has(&Algorithm::Ed25519));
    assert!(!record.has(&key(ECDSA).algorithm()));
}

#[test]
fn recording_keeps_what_is_there_and_asks_again_under_the_lock() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("known_hosts");
    fs::write(&path, format!("# by hand\nold.example {OTHER}")).expect("write");
    let known = KnownHosts::new(path.clone());
    assert_eq!(known.record("h", 2222, &key(KEY)).expect("record"), Verdict::Unknown);
    assert_eq!(known.record("h", 2222, &key(KEY)).expect("record"), Verdict::Known);
    assert!(matches!(known.record("h", 2222, &key(OTHER)).expect("record"), Verdict::Changed { line: 3, .. }));
    let expected = format!("# by hand\nold.example {OTHER}\n[h]:2222 {KEY}\n");
    assert_eq!(fs::read_to_string(&path).expect("read"), expected);
    assert_eq!(fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_missing_file_is_empty_and_an_unreadable_one_is_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let missing = KnownHosts::new(folder.path().join("none"));
    assert_eq!(missing.look_up("h", 22).expect("empty").judge(&key(KEY)), Verdict::Unknown);
    assert!(KnownHosts::new(folder.path().into()).look_up("h", 22).is_err());
}
