//! The matrix of grants and actions, each with the rule that decides.

use super::*;
use crate::grant::Access::{Read, Write};
use proptest::prelude::*;
use std::net::IpAddr;

const WEB: (&str, u16, &str) = ("web1.example.com", 22, "admin");
const READ: Need<'_> = Need::File { path: "/etc/motd", access: Read, size: 0 };
const LOCAL: Need<'_> = Need::LocalFile { path: "/srv/files/x", access: Write, size: 10 };
const WRITE: Need<'_> = Need::File { path: "/srv/app/x", access: Write, size: 10 };

fn lines(toml: &str) -> Vec<Grant> {
    #[derive(serde::Deserialize)]
    struct File {
        grants: Vec<Grant>,
    }
    toml::from_str::<File>(&format!("grants = {toml}")).unwrap_or_else(|error| panic!("{toml}: {error}")).grants
}

fn wrong(toml: &str) -> String {
    toml::from_str::<std::collections::BTreeMap<String, Vec<Grant>>>(&format!("grants = {toml}"))
        .expect_err("it is wrong")
        .to_string()
}

/// `ok`, or the rule that refused.
fn judged(asked: &str, granted: &str, need: &Need<'_>, place: (&str, u16, &str), addresses: &[&str]) -> String {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    let (host, port, user) = place;
    let powers = Powers::new("x", lines(asked), lines(granted));
    match powers.check(need, &Place::new(host, port, user, &addresses)) {
        Ok(()) => "ok".into(),
        Err(refusal) => refusal.rule,
    }
}

/// With a manifest that asks for everything.
fn granted(grants: &str, need: &Need<'_>) -> String {
    let all =
        r#"["connect", "exec", "elevation", "stdin", "pty", "shell", "secret-input", "remote-files", "local-files"]"#;
    judged(all, grants, need, WEB, &["192.0.2.7"])
}

#[test]
fn each_capability_gives_its_own_actions_and_no_other() {
    let needs = [
        ("connect", Need::Connect),
        ("exec", Need::Exec("ls", &[])),
        ("elevation", Need::Elevation("root")),
        ("stdin", Need::Stdin),
        ("pty", Need::Pty),
        ("shell", Need::Shell),
        ("secret-input", Need::SecretInput("driver_args.enable_password")),
        ("remote-files", READ),
        ("remote-files", WRITE),
        ("remote-files", Need::Link { path: "/a", to: "b", access: Write }),
        ("local-files", LOCAL),
    ];
    for (capability, _) in &needs {
        for (wanted, need) in &needs {
            let rule = if capability == wanted { "ok" } else { "plugin.x.grants" };
            assert_eq!(granted(&format!("[{capability:?}]"), need), rule, "{capability} for {wanted}");
        }
    }
    assert_eq!(granted("[]", &Need::Connect), "plugin.x.grants");
}

#[test]
fn what_narrows_a_grant_decides_and_is_named() {
    let none = "plugin.x.grants[0]";
    let link = |path, to| Need::Link { path, to, access: Read };
    let rows: [(&str, Need<'_>, &str); 34] = [
        (
            r#"[{capability = "exec", commands = ["systemctl status *"]}]"#,
            Need::Exec("systemctl status nginx", &[]),
            "ok",
        ),
        (
            r#"[{capability = "exec", commands = ["systemctl status *"]}]"#,
            Need::Exec("systemctl stop nginx", &[]),
            none,
        ),
        (r#"[{capability = "exec", commands = ["ls *"]}]"#, Need::Exec("ls / && rm -rf /", &[]), none),
        (r#"[{capability = "exec", commands = ["ls *"]}]"#, Need::Exec("ls $(rm -rf /)", &[]), none),
        (r#"[{capability = "exec", commands = ["*"]}]"#, Need::Exec("ls $(rm -rf /)", &[]), "ok"),
        (r#"[{capability = "exec", hosts = ["*.example.com"]}]"#, Need::Exec("ls", &[]), "ok"),
        (r#"[{capability = "exec", hosts = ["*.example.org"]}]"#, Need::Exec("ls", &[]), none),
        (r#"[{capability = "exec", hosts = ["192.0.2.0/24"]}]"#, Need::Exec("ls", &[]), "ok"),
        (r#"[{capability = "exec", hosts = ["198.51.100.0/24"]}]"#, Need::Exec("ls", &[]), none),
        (r#"[{capability = "exec", ports = [22]}]"#, Need::Exec("ls", &[]), "ok"),
        (r#"[{capability = "exec", ports = [2222]}]"#, Need::Exec("ls", &[]), none),
        (r#"[{capability = "exec", users = ["adm*"]}]"#, Need::Exec("ls", &[]), "ok"),
        (r#"[{capability = "exec", users = ["root"]}]"#, Need::Exec("ls", &[]), none),
        (r#"[{capability = "elevation", to = ["postgres"]}]"#, Need::Elevation("postgres"), "ok"),
        (r#"[{capability = "elevation", to = ["postgres"]}]"#, Need::Elevation("root"), none),
        (r#"[{capability = "secret-input", secrets = ["driver_args.*"]}]"#, Need::SecretInput("driver_args.pin"), "ok"),
        (
            r#"[{capability = "secret-input", secrets = ["driver_args.*"]}]"#,
            Need::SecretInput("connection_args.password"),
            none,
        ),
        (r#"[{capability = "remote-files", access = "read"}]"#, READ, "ok"),
        (r#"[{capability = "remote-files", access = "read"}]"#, WRITE, none),
        (r#"[{capability = "remote-files", paths = ["/srv/**"]}]"#, WRITE, "ok"),
        (r#"[{capability = "remote-files", paths = ["/srv/**"]}]"#, READ, none),
        (r#"[{capability = "remote-files", paths = ["/srv/**"], max_size = 9}]"#, WRITE, none),
        (r#"[{capability = "remote-files", paths = ["/srv/**"]}]"#, link("/srv/a", "/srv/b"), "ok"),
        (r#"[{capability = "remote-files", paths = ["/srv/**"]}]"#, link("/srv/a", "b/c"), "ok"),
        (r#"[{capability = "remote-files", paths = ["/srv/**"]}]"#, link("/srv/a", "/etc/shadow"), none),
        (r#"[{capability = "remote-files", paths = ["/srv/**"]}]"#, link("/srv/a", "../etc/shadow"), none),
        (r#"[{capability = "remote-files", paths = ["/srv/**"]}]"#, link("a", "/srv/b"), none),
        (r#"[{capability = "remote-files", access = "write"}]"#, link("/srv/a", "/srv/b"), none),
        (r#"[{capability = "local-files", paths = ["/srv/files/**"], max_size = 10}]"#, LOCAL, "ok"),
        (r#"[{capability = "local-files", paths = ["/srv/files/in/**"]}]"#, LOCAL, none),
        (r#"[{capability = "local-files", max_size = 9}]"#, LOCAL, none),
        (r#"[{capability = "local-files", access = "read"}]"#, LOCAL, none),
        (r#"[{capability = "local-files", access = "write"}]"#, LOCAL, "ok"),
        (r#"["local-files"]"#, LOCAL, "ok"),
    ];
    for (grants, need, rule) in rows {
        assert_eq!(granted(grants, &need), rule, "{grants} for {need:?}");
    }
}

/// `/srv/app/x`, a link to `shadow`, must not become `/etc/motd`.
#[test]
fn a_relative_link_is_granted_where_no_rename_can_make_it_lead_elsewhere() {
    let files = |paths: &str| format!(r#"{{capability = "remote-files", paths = {paths}}}"#);
    let read = |paths: &str| format!(r#"{{capability = "remote-files", access = "read", paths = {paths}}}"#);
    let write = |paths: &str| format!(r#"{{capability = "remote-files", access = "write", paths = {paths}}}"#);
    let app = || files(r#"["/srv/app/**"]"#);
    let rows = [
        (vec![app()], true),
        (vec![app(), read(r#"["/etc/**"]"#)], true),
        (vec![files(r#"["/srv/app/**", "/srv/app/*/conf"]"#)], true),
        (vec![files(r#"["/**"]"#)], true),
        (vec![r#""remote-files""#.into()], true),
        (vec![files(r#"["/srv/app/**", "/etc/motd"]"#)], false),
        (vec![app(), write(r#"["/etc/motd"]"#)], false),
        (vec![app(), files(r#"["/www/**"]"#)], false),
        (vec![files(r#"["/srv/*/**"]"#)], false),
        (vec![files(r#"["/srv/app/*"]"#)], false),
        (vec![app(), r#"{capability = "remote-files", access = "write"}"#.into()], false),
        (vec![app(), r#"{capability = "remote-files", hosts = ["elsewhere"], paths = ["/etc/motd"]}"#.into()], true),
        (vec![write(r#"["/srv/app/**"]"#), read(r#"["/srv/app/a", "/srv/app/b"]"#)], false),
    ];
    for (lines, is_relative_granted) in rows {
        let grants = format!("[{}]", lines.join(", "));
        let link = |to| {
            let judge = |access| granted(&grants, &Need::Link { path: "/srv/app/a", to, access });
            judge(Read) == "ok" && judge(Write) == "ok"
        };
        assert_eq!(link("b"), is_relative_granted, "{grants}");
        assert!(link("/srv/app/b"), "{grants}");
    }
}

#[test]
fn a_variable_must_be_allowed_by_the_line_that_allows_the_command() {
    let run = |grants, line, variable: &str| granted(grants, &Need::Exec(line, &[(variable.into(), "x".into())]));
    let none = "plugin.x.grants[0]";
    for (grants, variable, rule) in [
        (r#"["exec"]"#, "PATH", "ok"),
        (r#"[{capability = "exec", commands = ["*"]}]"#, "PATH", "ok"),
        (r#"[{capability = "exec", commands = ["ls *"]}]"#, "PATH", none),
        (r#"[{capability = "exec", commands = ["ls *"]}]"#, "LC_ALL", "ok"),
        (r#"[{capability = "exec", commands = ["ls *"], environment = ["V*"]}]"#, "VERBOSE", "ok"),
        (r#"[{capability = "exec", environment = ["V*"]}]"#, "PATH", none),
    ] {
        assert_eq!(run(grants, "ls", variable), rule, "{variable} {grants}");
    }
    let two = r#"[{capability = "exec", commands = ["ls"]}, {capability = "exec", commands = ["id"], environment = ["PATH"]}]"#;
    assert_eq!(run(two, "id", "PATH"), "ok");
    assert_eq!(run(two, "ls", "PATH"), "plugin.x.grants[0], plugin.x.grants[1]");
}

#[test]
fn one_line_that_covers_is_enough_and_all_that_come_near_are_named() {
    let grants = r#"["connect", {capability = "exec", users = ["root"]}, {capability = "exec", commands = ["ls"]}]"#;
    assert_eq!(granted(grants, &Need::Exec("ls", &[])), "ok");
    assert_eq!(granted(grants, &Need::Exec("rm", &[])), "plugin.x.grants[1], plugin.x.grants[2]");
}

#[test]
fn what_is_optional_is_linked_without_being_given() {
    let asked = r#"["connect", {capability = "remote-files", optional = true, reason = "It looks."}]"#;
    let powers = Powers::new("x", lines(asked), lines(r#"["exec"]"#));
    let links = [Capability::Connect, Capability::RemoteFiles, Capability::Exec].map(|it| powers.links(it));
    assert_eq!(links, [false, true, false]);
    assert_eq!(judged(asked, r#"["exec"]"#, &READ, WEB, &[]), "plugin.x.grants");
}

#[test]
fn what_the_manifest_does_not_ask_for_is_not_given() {
    let ask = r#"[{capability = "exec", commands = ["show *"], reason = "It shows."}]"#;
    assert_eq!(judged(ask, r#"["exec"]"#, &Need::Exec("show version", &[]), WEB, &[]), "ok");
    assert_eq!(judged(ask, r#"["exec"]"#, &Need::Exec("reload", &[]), WEB, &[]), "plugin.x.request[0]");
    assert_eq!(judged("[]", r#"["exec"]"#, &Need::Exec("ls", &[]), WEB, &[]), "plugin.x.request");
}

#[test]
fn a_range_holds_for_a_name_only_if_it_holds_all_its_addresses() {
    let grants = r#"[{capability = "connect", hosts = ["10.0.0.0/8"]}]"#;
    let at = |host, addresses: &[&str]| judged(r#"["connect"]"#, grants, &Need::Connect, (host, 22, "a"), addresses);
    assert_eq!(at("db", &["10.1.1.1", "::ffff:10.1.1.2"]), "ok");
    assert_eq!(at("db", &["10.1.1.1", "192.0.2.1"]), "plugin.x.grants[0]");
    assert_eq!(at("db", &[]), "plugin.x.grants[0]", "a name behind a jump host");
    assert_eq!(at("10.1.1.1", &[]), "ok", "a literal address behind one");
    assert_eq!(at("[::ffff:10.1.1.1]", &[]), "ok");
}

#[test]
fn hostile_paths_are_below_nothing() {
    for path in ["/srv/../etc/shadow", "srv/x", "", "/srv/\0", "/srv/a/../../etc", "/srvx/y"] {
        let need = Need::File { path, access: Read, size: 0 };
        assert_ne!(granted(r#"[{capability = "remote-files", paths = ["/srv/**"]}]"#, &need), "ok", "{path:?}");
    }
}

#[test]
fn a_wrong_line_says_what_is_wrong_with_it() {
    assert!(wrong(r#"["ssh"]"#).contains("unknown variant `ssh`"));
    assert!(wrong(r#"[{capability = "exec", comands = ["ls"]}]"#).contains("unknown field `comands`"));
    assert!(wrong(r#"[{capability = "connect", commands = ["ls"]}]"#).contains("commands cannot narrow"));
    assert!(wrong(r#"[{capability = "wasi", hosts = ["a"]}]"#).contains("cannot narrow"));
    assert!(wrong(r#"[{capability = "local-files", hosts = ["a"]}]"#).contains("cannot narrow"));
    assert!(wrong(r#"[{capability = "local-files", commands = ["a"]}]"#).contains("cannot narrow"));
    assert!(wrong(r#"[{capability = "exec", commands = []}]"#).contains("empty list"));
    assert!(wrong(r#"[{capability = "connect", hosts = ["10.0.0.0/99"]}]"#).contains("10.0.0.0/99"));
    assert!(wrong("[7]").contains("capability"));
}

proptest! {
    #[test]
    fn no_command_passes_a_list_that_names_none_of_its_programs(line in ".{0,60}") {
        let rule = granted(r#"[{capability = "exec", commands = ["no-such-program-here *"]}]"#, &Need::Exec(&line, &[]));
        prop_assert!(rule != "ok" || line.contains("no-such-program-here"), "{}", line);
    }
}
