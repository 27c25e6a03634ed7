//! The policy `policy-host-keys`: which host key policies jobs may use.
//!
//! ```json
//! {"policies": ["reject"], "pins": true}
//! ```
//!
//! A job that asks for another one is amended, where the operator allows that, else denied. Without `pins`, only keys on
//! record count: neither a client nor a driver can bring another.

use hostler_sdk::policy::{Action, Amendment, Context, Denial, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use serde::Deserialize;
use serde_json::json;

/// The policy, as the operator sets it.
#[derive(Deserialize)]
pub struct HostKeys {
    #[serde(default = "known_only")]
    policies: Vec<String>,
    #[serde(default = "accepted")]
    pins: bool,
}

/// What it is about in the arguments of a connection.
#[derive(Deserialize)]
struct ConnectionArgs {
    /// `None`: the driver decides by itself, and its connections are judged.
    host_key_policy: Option<String>,
}

/// The details of a connection.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Connect {
    host_key_policy: String,
    #[serde(default)]
    host_keys: Vec<String>,
}

fn accepted() -> bool {
    true
}

fn known_only() -> Vec<String> {
    vec!["reject".into()]
}

impl HostKeys {
    fn check(&self, asked: &str) -> Result<(), Denial> {
        if self.policies.iter().any(|policy| policy == asked) {
            return Ok(());
        }
        let accepted = self.policies.join("`, `");
        let reason = format!("The host key policy `{asked}` is not accepted: set `host_key_policy` to `{accepted}`.");
        Err(Denial::new("host-key-policy-not-accepted", reason))
    }

    fn check_connect(&self, connect: &Connect) -> Result<(), Denial> {
        self.check(&connect.host_key_policy)?;
        if self.pins || connect.host_keys.is_empty() {
            return Ok(());
        }
        let reason = "Only host keys on record are accepted: leave `host_keys` out, and have the key put on record.";
        Err(Denial::new("pinned-host-key-not-accepted", reason))
    }
}

impl Policy for HostKeys {
    fn describe() -> Description {
        Description {
            name: "policy-host-keys".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Demands that host keys are verified.".into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn new(settings: &str) -> Result<Self, Vec<Problem>> {
        serde_json::from_str(settings).map_err(|error| vec![Problem::value(error.to_string())])
    }

    fn review(&self, context: &Context, job: &Job) -> Judgement {
        let args: ConnectionArgs = match serde_json::from_str(&job.request.connection_args) {
            Ok(args) => args,
            Err(error) => return Judgement::Deny(Denial::unreadable(error)),
        };
        let Some(asked) = args.host_key_policy else { return Judgement::Allow };
        match (self.check(&asked), self.policies.first()) {
            (Err(_), Some(first)) if context.may_amend => Judgement::Amend(Amendment {
                patch: json!([{"op": "replace", "path": "/connection_args/host_key_policy", "value": first}])
                    .to_string(),
                reason: format!("The host key policy `{asked}` is not accepted: `{first}` is used."),
            }),
            (result, _) => result.into(),
        }
    }

    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        // Whatever else happens is done over a connection that was judged.
        if action.kind != "connect" {
            return Verdict::Allow;
        }
        let connect = serde_json::from_str(&action.details).map_err(Denial::unreadable);
        connect.and_then(|connect| self.check_connect(&connect)).into()
    }
}

hostler_sdk::policy!(HostKeys);

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_sdk::{Request, Target};
    use serde_json::Value;

    fn target() -> Target {
        Target { host: "a".into(), port: 22, user: "admin".into(), jumps: vec![] }
    }

    fn review(settings: &str, connection_args: &Value, may_amend: bool) -> Judgement {
        let context = Context { settings: settings.into(), now_ms: 0, may_amend };
        let policy = HostKeys::new(settings).expect("settings");
        let (connection_args, driver_args) = (connection_args.to_string(), "{}".into());
        let request = Request { command: None, config: None, connection_args, driver_args, secrets: vec![] };
        policy.review(&context, &Job { id: "1".into(), driver: "paramiko".into(), target: target(), request })
    }

    fn authorize(settings: &str, kind: &str, details: &Value) -> Judgement {
        let context = Context { settings: settings.into(), now_ms: 0, may_amend: true };
        let policy = HostKeys::new(settings).expect("settings");
        let (job, driver, kind) = ("1".into(), "paramiko".into(), kind.into());
        let action = Action { job, driver, kind, target: target(), details: details.to_string() };
        policy.authorize(&context, &action).into()
    }

    /// The code of the denial, the patch, or `allow`.
    fn word(judgement: Judgement) -> String {
        match judgement {
            Judgement::Allow => "allow".into(),
            Judgement::Deny(denial) => denial.code,
            Judgement::Amend(amendment) => amendment.patch,
        }
    }

    const REFUSED: &str = "host-key-policy-not-accepted";

    #[test]
    fn only_known_keys_are_accepted_by_default() {
        let asked = |policy: &str| word(review("{}", &json!({"host_key_policy": policy}), false));
        assert_eq!(asked("reject"), "allow");
        assert_eq!(asked("auto_add"), REFUSED);
        assert_eq!(asked("warning"), REFUSED);
        let settings = r#"{"policies": ["reject", "auto_add"]}"#;
        assert_eq!(word(review(settings, &json!({"host_key_policy": "auto_add"}), false)), "allow");
    }

    #[test]
    fn a_job_is_amended_where_that_is_allowed() {
        let judgement = review("{}", &json!({"host_key_policy": "auto_add"}), true);
        let Judgement::Amend(amendment) = judgement else { panic!("it is amended") };
        let patch: Value = serde_json::from_str(&amendment.patch).expect("JSON");
        assert_eq!(patch, json!([{"op": "replace", "path": "/connection_args/host_key_policy", "value": "reject"}]));
        assert!(amendment.reason.contains("auto_add") && amendment.reason.contains("reject"), "{}", amendment.reason);
    }

    #[test]
    fn a_job_that_does_not_say_is_judged_when_it_connects() {
        assert_eq!(word(review("{}", &json!({}), true)), "allow");
        assert_eq!(word(authorize("{}", "connect", &json!({"host-key-policy": "warning"}))), REFUSED);
        assert_eq!(word(authorize("{}", "connect", &json!({"host-key-policy": "reject"}))), "allow");
    }

    #[test]
    fn keys_are_pinned_unless_only_those_on_record_count() {
        let pinned = json!({"host-key-policy": "reject", "host-keys": ["SHA256:x"]});
        assert_eq!(word(authorize("{}", "connect", &pinned)), "allow");
        assert_eq!(word(authorize(r#"{"pins": false}"#, "connect", &pinned)), "pinned-host-key-not-accepted");
        let recorded = json!({"host-key-policy": "reject", "host-keys": []});
        assert_eq!(word(authorize(r#"{"pins": false}"#, "connect", &recorded)), "allow");
    }

    #[test]
    fn what_cannot_be_judged_is_denied() {
        assert_eq!(word(authorize("{}", "connect", &json!({}))), "cannot-judge");
        assert!(HostKeys::new("7").is_err());
        assert_eq!(word(review("{}", &json!({"host_key_policy": 7}), true)), "cannot-judge");
    }
}
