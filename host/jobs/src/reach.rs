//! What the jobs of a caller may reach.

use hostler_model::{AuditEntry, AuditEvent, Caller, ErrorKind, Failure, JobId, Phase, Target};
use hostler_patterns::{Host, literal, matches, name};

/// Why a job is beyond the reach of its caller.
#[derive(Debug)]
pub(crate) struct Beyond {
    /// The field of the key that decided.
    rule: &'static str,
    /// One sentence.
    reason: String,
}

/// Whether the caller may use a driver.
pub(crate) fn check_driver(caller: &Caller, driver: &str) -> Result<(), Beyond> {
    let Some(allowed) = &caller.drivers else { return Ok(()) };
    if allowed.iter().any(|pattern| matches(pattern, driver)) {
        return Ok(());
    }
    let reason =
        format!("The API key `{}` is not for the driver {driver}; use one of: {}.", caller.name, allowed.join(", "));
    Err(Beyond { rule: "drivers", reason })
}

/// Whether the caller may send jobs to a target, and over each of its jump hosts. No name is looked up, so ranges of
/// addresses hold for literal addresses only.
pub(crate) fn check_target(caller: &Caller, target: &Target) -> Result<(), Beyond> {
    let Some(allowed) = &caller.hosts else { return Ok(()) };
    let beyond = |what: String| Beyond { rule: "hosts", reason: format!("The API key `{}` {what}", caller.name) };
    let patterns = patterns(allowed).map_err(|sentence| beyond(format!("cannot be judged by: {sentence}")))?;
    let hops = target.jumps.iter().map(|hop| &hop.host);
    match hops.chain([&target.host]).find(|host| !patterns.iter().any(|pattern| means(pattern, host))) {
        None => Ok(()),
        Some(host) => {
            let ranges = if literal(host).is_none() && patterns.iter().any(Host::is_range) {
                " (a range of addresses does not hold for a name)"
            } else {
                ""
            };
            Err(beyond(format!("is not for the host {host}{ranges}; use one of: {}.", allowed.join(", "))))
        }
    }
}

/// Reads patterns of hosts. A sentence says what is wrong.
pub(crate) fn patterns<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<Vec<Host>, String> {
    texts.into_iter().map(|text| Host::read(text).map_err(|sentence| format!("{text:?}: {sentence}"))).collect()
}

/// Whether a pattern means a host: an address by its one spelling, or a name.
fn means(pattern: &Host, host: &str) -> bool {
    match literal(host) {
        Some(address) => pattern.holds(address) || pattern.names(&address.to_string()),
        None => pattern.names(&name(host)),
    }
}

impl Beyond {
    /// The line that the audit gets.
    pub(crate) fn entry(&self, caller: &Caller, job: JobId, driver: &str, target: Option<&Target>) -> AuditEntry {
        AuditEntry {
            caller: Some(caller.name.clone()),
            job: Some(job),
            plugin: driver.into(),
            target: target.map(ToString::to_string),
            by: "key".into(),
            rule: self.rule.into(),
            reason: self.reason.clone(),
            ..AuditEntry::new(AuditEvent::Denied, "job")
        }
    }
}

impl From<Beyond> for Failure {
    fn from(beyond: Beyond) -> Self {
        Self::new(ErrorKind::Denied, Phase::Policy, beyond.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_model::Hop;

    fn caller(drivers: Option<&[&str]>, hosts: Option<&[&str]>) -> Caller {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Caller { drivers: drivers.map(own), hosts: hosts.map(own), ..Caller::operator() }
    }

    fn reaches(hosts: &[&str], target: &str, jumps: &[&str]) -> bool {
        let hop = |host: &&str| Hop { host: (*host).into(), port: 22, user: "jump".into() };
        let jumps = jumps.iter().map(hop).collect();
        let target = Target { host: target.into(), port: 22, user: "admin".into(), jumps };
        check_target(&caller(None, Some(hosts)), &target).is_ok()
    }

    #[test]
    fn a_driver_must_match_a_pattern() {
        assert!(check_driver(&caller(None, None), "anything").is_ok());
        let some = caller(Some(&["para*", "appliance"]), None);
        assert!(check_driver(&some, "paramiko").is_ok() && check_driver(&some, "appliance").is_ok());
        let beyond = check_driver(&some, "appliances").expect_err("beyond");
        assert!(beyond.reason.contains("appliances") && beyond.reason.contains("para*"), "{}", beyond.reason);
    }

    #[test]
    fn names_match_in_any_case_and_ranges_hold_for_literal_addresses_only() {
        let lab = ["*.lab.example", "10.1.0.0/16", "2001:db8::1"];
        for host in ["Web1.LAB.example", "web1.lab.example.", "10.1.2.3", "::ffff:10.1.2.3", "[2001:db8:0::1]"] {
            assert!(reaches(&lab, host, &[]), "{host}");
        }
        for host in ["lab.example", "web1.lab.example.org", "10.2.0.1", "2001:db8::2", "localhost"] {
            assert!(!reaches(&lab, host, &[]), "{host}");
        }
        assert!(!reaches(&["0.0.0.0/0", "::/0"], "web1.lab.example", &[]), "nobody knows what it resolves to");
    }

    #[test]
    fn every_jump_host_must_match_too() {
        let lab = ["*.lab.example"];
        assert!(reaches(&lab, "a.lab.example", &["b.lab.example", "c.lab.example"]));
        assert!(!reaches(&lab, "a.lab.example", &["b.lab.example", "elsewhere.example"]));
        assert!(!reaches(&lab, "a.lab.example", &["elsewhere.example", "b.lab.example"]));
    }
}
