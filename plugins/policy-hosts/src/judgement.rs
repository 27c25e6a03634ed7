//! Whether a target may be reached.

use crate::settings::{Rule, Settings};
use hostler_patterns::{literal, name};
use hostler_sdk::policy::Verdict;
use hostler_sdk::{Hop, Target};
use std::net::IpAddr;

/// Judges a job: its target, and each jump host on the way, which is a server that it logs in to as well.
pub(crate) fn of_job(settings: &Settings, target: &Target) -> Verdict {
    let jump = |hop: &Hop| Target { host: hop.host.clone(), port: hop.port, user: hop.user.clone(), jumps: vec![] };
    let mut verdicts = target.jumps.iter().map(jump).chain([target.clone()]).map(|place| of_place(settings, &place));
    verdicts.find(|verdict| matches!(verdict, Verdict::Deny(_))).unwrap_or(Verdict::Allow)
}

/// Judges one server. A name that a range of addresses might allow passes: its connection is judged.
fn of_place(settings: &Settings, target: &Target) -> Verdict {
    if let Some(address) = literal(&target.host) {
        return of_connection(settings, target, &[address]);
    }
    let name = name(&target.host);
    judge(
        settings,
        target,
        |rule| rule.host.names(&name),
        |rules| rules.iter().any(|rule| rule.host.names(&name) || rule.host.is_range()),
    )
}

/// Judges a connection: `addresses` are all that the target's name stands for. One denied address
/// denies it, and every address must be allowed, unless the name is.
pub(crate) fn of_connection(settings: &Settings, target: &Target, addresses: &[IpAddr]) -> Verdict {
    let name = literal(&target.host).map_or_else(|| name(&target.host), |address| address.to_string());
    let addresses: Vec<IpAddr> = addresses.iter().map(IpAddr::to_canonical).collect();
    judge(
        settings,
        target,
        |rule| {
            let means = |address: &IpAddr| rule.host.holds(*address) || rule.host.names(&address.to_string());
            rule.host.names(&name) || addresses.iter().any(means)
        },
        |rules| {
            let is_allowed = |address: &IpAddr| rules.iter().any(|rule| rule.host.holds(*address));
            rules.iter().any(|rule| rule.host.names(&name)) || !addresses.is_empty() && addresses.iter().all(is_allowed)
        },
    )
}

/// `denies` judges by one rule, `allows` by all that are about the target's port and user.
fn judge(
    settings: &Settings,
    target: &Target,
    denies: impl Fn(&Rule) -> bool,
    allows: impl Fn(&[&Rule]) -> bool,
) -> Verdict {
    let who = format!("{} port {} as {} may not be reached", target.host, target.port, target.user);
    if settings.deny.iter().any(|rule| rule.concerns(target) && denies(rule)) {
        return Verdict::denied("host-denied", format!("{who}: a rule of the list `deny` names it."));
    }
    let Some(rules) = &settings.allow else { return Verdict::Allow };
    let concerned: Vec<&Rule> = rules.iter().filter(|rule| rule.concerns(target)).collect();
    if allows(&concerned) {
        return Verdict::Allow;
    }
    Verdict::denied("host-not-allowed", format!("{who}: no rule of the list `allow` names it."))
}

#[cfg(test)]
mod tests {
    use crate::Hosts;
    use hostler_sdk::policy::{Action, Context, Judgement, Policy, Verdict};
    use hostler_sdk::{Hop, Job, Request, Target};
    use serde_json::json;

    fn target(host: &str) -> Target {
        Target { host: host.into(), port: 22, user: "admin".into(), jumps: vec![] }
    }

    /// The code of the denial, or `allow`.
    fn word(judgement: impl Into<Judgement>) -> String {
        match judgement.into() {
            Judgement::Allow => "allow".into(),
            Judgement::Deny(denial) => denial.code,
            Judgement::Amend(_) => "amend".into(),
        }
    }

    fn policy(settings: &str) -> Hosts {
        Hosts::new(settings).expect("settings")
    }

    fn context() -> Context {
        Context { settings: "{}".into(), now_ms: 0, may_amend: true }
    }

    fn action(kind: &str, host: &str, details: &str) -> Action {
        let (job, driver) = ("1".into(), "paramiko".into());
        Action { job, driver, kind: kind.into(), target: target(host), details: details.into() }
    }

    fn review(settings: &str, target: Target) -> String {
        let request = Request {
            command: None,
            config: None,
            connection_args: "{}".into(),
            driver_args: "{}".into(),
            secrets: vec![],
        };
        word(policy(settings).review(&context(), &Job { id: "1".into(), driver: "paramiko".into(), target, request }))
    }

    fn authorize(settings: &str, kind: &str, host: &str, details: &str) -> String {
        word(policy(settings).authorize(&context(), &action(kind, host, details)))
    }

    fn connect(settings: &str, host: &str, addresses: &[&str]) -> String {
        authorize(settings, "connect", host, &json!({"addresses": addresses}).to_string())
    }

    #[test]
    fn empty_settings_allow_all() {
        assert_eq!(review("{}", target("anything")), "allow");
        assert_eq!(connect("{}", "anything", &["192.0.2.1"]), "allow");
    }

    #[test]
    fn deny_wins_over_allow() {
        let settings = r#"{"allow": ["*.example.com"], "deny": ["db.*"]}"#;
        assert_eq!(review(settings, target("Web.Example.COM.")), "allow");
        assert_eq!(review(settings, target("DB.example.com")), "host-denied");
        assert_eq!(review(settings, target("example.org")), "host-not-allowed");
    }

    #[test]
    fn a_denial_names_the_target() {
        let connect = action("connect", "db", r#"{"addresses": []}"#);
        let Verdict::Deny(denial) = policy(r#"{"deny": ["db"]}"#).authorize(&context(), &connect) else {
            panic!("denied")
        };
        assert!(denial.reason.contains("db port 22 as admin"), "{}", denial.reason);
    }

    #[test]
    fn ports_and_users_narrow_a_rule() {
        let settings = r#"{"deny": [{"host": "*", "users": ["root"]}], "allow": [{"host": "*", "ports": [22, 2222]}]}"#;
        assert_eq!(review(settings, target("a")), "allow");
        assert_eq!(review(settings, Target { user: "root".into(), ..target("a") }), "host-denied");
        assert_eq!(review(settings, Target { port: 23, ..target("a") }), "host-not-allowed");
    }

    #[test]
    fn a_name_is_left_to_its_addresses_only_if_a_range_might_allow_it() {
        let settings = r#"{"allow": [{"host": "10.0.0.0/8", "ports": [22]}]}"#;
        assert_eq!(review(settings, target("db")), "allow");
        assert_eq!(review(settings, Target { port: 23, ..target("db") }), "host-not-allowed");
        assert_eq!(connect(settings, "db", &["10.1.2.3", "::ffff:10.1.2.4"]), "allow");
        assert_eq!(connect(settings, "db", &["10.1.2.3", "192.0.2.1"]), "host-not-allowed");
        assert_eq!(connect(settings, "db", &[]), "host-not-allowed");
    }

    #[test]
    fn a_literal_address_is_judged_at_once_in_every_spelling() {
        let settings = r#"{"deny": ["127.0.0.0/8", "::1"]}"#;
        for host in ["127.0.0.1", "::ffff:127.0.0.1", "[::1]", "0:0:0:0:0:0:0:1"] {
            assert_eq!(review(settings, target(host)), "host-denied", "{host}");
        }
        assert_eq!(review(settings, target("128.0.0.1")), "allow");
    }

    #[test]
    fn one_denied_address_denies_the_connection() {
        assert_eq!(review(r#"{"deny": ["127.0.0.0/8"]}"#, target("localhost")), "allow");
        for deny in ["127.0.0.0/8", "127.*"] {
            let settings = json!({"allow": ["localhost"], "deny": [deny]}).to_string();
            assert_eq!(connect(&settings, "localhost", &["::1", "127.0.0.1"]), "host-denied");
            assert_eq!(connect(&settings, "localhost", &["::1"]), "allow");
        }
    }

    #[test]
    fn a_jump_host_is_judged_like_a_target() {
        let jumps = vec![Hop { host: "bastion".into(), port: 22, user: "hop".into() }];
        let behind = Target { jumps, ..target("db") };
        assert_eq!(review(r#"{"allow": ["db"]}"#, behind.clone()), "host-not-allowed");
        assert_eq!(review(r#"{"deny": [{"host": "*", "users": ["hop"]}]}"#, behind.clone()), "host-denied");
        assert_eq!(review(r#"{"allow": ["db", "bastion"]}"#, behind), "allow");
    }

    #[test]
    fn what_cannot_be_judged_is_denied() {
        assert_eq!(authorize("{}", "exec", "a", "{}"), "allow");
        assert_eq!(authorize("{}", "connect", "a", "{}"), "cannot-judge");
    }
}
