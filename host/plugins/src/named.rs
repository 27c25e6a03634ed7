//! Which servers a request names. A driver that could choose others would send them its secrets.

use crate::plugin::Plugin;
use hostler_model::{ErrorKind, Failure, Phase, Plan, Request, Target};
use serde_json::Value;

/// The field of `connection_args` that names the target, where a request has it.
const HOST: &str = "host";

/// Lets a plan pass whose servers the request names.
///
/// The target is what `connection_args.host` says. Jump hosts, and the target where there is no such field, are named by any
/// text of `connection_args`. A driver may find them otherwise, as an inventory does, only for a request with neither
/// that field nor a secret.
pub(crate) fn check<E>(driver: &Plugin, request: &Request, plan: Result<Plan, E>) -> Result<Result<Plan, E>, Failure> {
    let Ok(accepted) = &plan else { return Ok(plan) };
    let Some(stranger) = stranger(request, &accepted.target) else { return Ok(plan) };
    let message =
        format!("plugin {}: it goes to {stranger}, which the request's connection_args do not name", driver.terms.name);
    Err(Failure::new(ErrorKind::InvalidOutput, Phase::Plugin, message))
}

/// The first server on the way to the target, or that itself, that the request does not name.
fn stranger<'a>(request: &Request, target: &'a Target) -> Option<&'a str> {
    let args = request.connection_args.public();
    let host = args.get(HOST).and_then(Value::as_str);
    let has_secret = [&request.connection_args, &request.driver_args].iter().any(|args| !args.secrets().is_empty());
    if host.is_none() && !has_secret {
        return None;
    }
    let is_named = |name: &str| args.values().any(|value| names(value, &plain(name)));
    let is_target = host.map_or_else(|| is_named(&target.host), |host| plain(host) == plain(&target.host));
    let jump = target.jumps.iter().map(|jump| jump.host.as_str()).find(|jump| !is_named(jump));
    jump.or_else(|| (!is_target).then_some(&target.host))
}

/// Whether a server is named in it: as a text, or in a list such as `me@gate:22, [2001:db8::1]:2222`.
fn names(value: &Value, server: &str) -> bool {
    match value {
        Value::String(text) => plain(text) == server || text.split(',').any(|place| is_place(place, server)),
        Value::Array(items) => items.iter().any(|item| names(item, server)),
        Value::Object(fields) => fields.values().any(|field| names(field, server)),
        _ => false,
    }
}

fn is_place(place: &str, server: &str) -> bool {
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let without_port = place.rsplit_once(':').map_or(place, |(host, _)| host);
    [place, without_port].iter().any(|host| plain(host) == server)
}

/// A name as it is compared: resolvers mind neither case nor the last dot.
fn plain(host: &str) -> String {
    let host = host.trim();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_model::{Args, Hop};
    use serde_json::json;

    /// Who is not named, where the driver goes to `target` through `jumps`.
    fn not_named(args: Value, target: &str, jumps: &[&str]) -> Option<String> {
        let Value::Object(args) = args else { panic!("an object is needed") };
        let request = Request { connection_args: Args::seal("connection_args", args), ..Request::default() };
        let hop = |host: &&str| Hop { host: (*host).into(), port: 22, user: "me".into() };
        let (host, jumps) = (target.into(), jumps.iter().map(hop).collect());
        stranger(&request, &Target { host, port: 22, user: "me".into(), jumps }).map(str::to_owned)
    }

    #[test]
    fn the_target_is_the_host_that_the_request_names() {
        for host in ["web1.example", "WEB1.example.", " web1.example"] {
            assert_eq!(not_named(json!({"host": host, "password": "p"}), "web1.example", &[]), None, "{host}");
        }
        assert_eq!(not_named(json!({"host": "[2001:DB8::1]", "password": "p"}), "2001:db8::1", &[]), None);
        let args = json!({"host": "web1", "proxy_host": "gate", "note": "evil"});
        for other in ["evil", "gate", "web10", "web"] {
            assert_eq!(not_named(args.clone(), other, &[]).as_deref(), Some(other), "also without a secret");
        }
    }

    #[test]
    fn so_is_each_jump_host() {
        let args =
            json!({"host": "web1", "proxy_host": "Gate", "proxy_jump": "a, me@b:2222,[2001:db8::1]:22, 2001:db8::2"});
        assert_eq!(not_named(args.clone(), "web1", &["a", "b", "2001:db8::1", "2001:db8::2", "gate"]), None);
        for other in ["evil", "me", "2001:db8::3"] {
            assert_eq!(not_named(args.clone(), "web1", &["a", other]).as_deref(), Some(other));
        }
        assert_eq!(not_named(json!({"host": "web1", "via": [{"gate": "b"}]}), "web1", &["b"]), None);
    }

    #[test]
    fn where_there_is_no_such_field_any_text_names_it() {
        let args = json!({"device": "web1", "password": "p"});
        assert_eq!(not_named(args.clone(), "web1", &[]), None);
        assert_eq!(not_named(args, "10.0.0.1", &[]).as_deref(), Some("10.0.0.1"), "a secret would go there");
        assert_eq!(not_named(json!({"device": "web1"}), "10.0.0.1", &[]), None, "as an inventory has it");
    }
}
