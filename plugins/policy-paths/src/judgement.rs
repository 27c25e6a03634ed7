//! Whether a file may be reached, on a server or on the daemon's own machine.

use crate::settings::{Access, Lists, Rule, Settings};
use hostler_patterns::path::{led_to, local as normal_local, normal};
use hostler_sdk::policy::{Action, Denial};
use serde::Deserialize;

/// The details of what is done to a file.
#[derive(Deserialize)]
struct File {
    path: String,
    /// The daemon's file that a transfer reads or writes.
    local: Option<String>,
    size: Option<u64>,
    change: Option<String>,
    to: Option<String>,
}

/// What else than writing adds to a file.
const NOTHING: Option<u64> = Some(0);

/// Judges an action.
pub(crate) fn of_action(settings: &Settings, action: &Action) -> Result<(), Denial> {
    let kind = action.kind.as_str();
    if !matches!(
        kind,
        "read-file" | "list-folder" | "write-file" | "change-file" | "read-local-file" | "write-local-file"
    ) {
        // Not about paths, as far as anybody can see.
        return Ok(());
    }
    let file: File = serde_json::from_str(&action.details).map_err(Denial::unreadable)?;
    let remote = |path: &str, access, size| judge(&settings.remote, &known(path)?, access, size, false);
    let local = |path: Option<&str>, access, size| match (&settings.local, path) {
        (Some(lists), Some(path)) => {
            judge(lists, &normal_local(path).ok_or_else(|| unknown(path))?, access, size, false)
        }
        _ => Ok(()),
    };
    let path = file.path.as_str();
    match kind {
        "read-local-file" => local(Some(path), Access::Read, NOTHING),
        // How large it will be is judged with each file that is read for it.
        "write-local-file" => local(Some(path), Access::Write, NOTHING),
        "write-file" => {
            remote(path, Access::Write, file.size)?;
            local(file.local.as_deref(), Access::Read, NOTHING)
        }
        "change-file" if file.change.as_deref() == Some("link") => {
            remote(path, Access::Write, NOTHING)?;
            of_link(&settings.remote, path, file.to.as_deref().unwrap_or_default())
        }
        "change-file" if file.change.as_deref() == Some("rename") => {
            of_rename(&settings.remote, path, file.to.as_deref().unwrap_or_default())
        }
        "change-file" => remote(path, Access::Write, NOTHING),
        _ => {
            remote(path, Access::Read, NOTHING)?;
            local(file.local.as_deref(), Access::Write, file.size)
        }
    }
}

/// What may be done with a link is done with what it leads to, and with what is below that.
fn of_link(lists: &Lists, path: &str, to: &str) -> Result<(), Denial> {
    let path = known(path)?;
    let led_to = led_to(&path, to).ok_or_else(|| unknown(to))?;
    [Access::Read, Access::Write].into_iter().try_for_each(|access| {
        let is_of_use = judge(lists, &path, access, NOTHING, false).is_ok();
        if is_of_use { judge(lists, &led_to, access, NOTHING, true) } else { Ok(()) }
    })
}

/// A rename may be one of a link, or of a folder with links in it. Those with a relative text lead elsewhere then: to
/// something below the folder that they are in. So everything there must be allowed, as far as the new names are.
fn of_rename(lists: &Lists, path: &str, to: &str) -> Result<(), Denial> {
    let (path, to) = (known(path)?, known(to)?);
    judge(lists, &path, Access::Write, NOTHING, true)?;
    judge(lists, &to, Access::Write, NOTHING, true)?;
    // What stays in its folder leads where it led; links in it move with what they lead to.
    let stays = folder(&path) == folder(&to);
    let around = if stays { &to } else { folder(&to) };
    if lists.deny.iter().any(|denied| denied.covers(around) || denied.reaches_below(around)) {
        return Err(moved(&to, "path-denied", format_args!("the list `deny` names {around}, or something below")));
    }
    let Some(rules) = &lists.allow else { return Ok(()) };
    for access in [Access::Read, Access::Write] {
        let giving = || rules.iter().filter(|rule| rule.gives(access));
        let is_named = giving().any(|rule| rule.path.covers(&to));
        if is_named {
            // What nobody could read is not read by another name.
            judge(lists, &path, access, NOTHING, false)?;
        }
        let is_of_use = is_named && !stays || giving().any(|rule| rule.path.reaches_below(&to));
        if is_of_use && !giving().any(|rule| rule.path.covers_all_below(around)) {
            let missing =
                format_args!("no rule of the list `allow` names everything below {around}, to be {}", access.word());
            return Err(moved(&to, "path-not-allowed", missing));
        }
    }
    Ok(())
}

fn moved(to: &str, code: &str, why: std::fmt::Arguments<'_>) -> Denial {
    Denial::new(code, format!("nothing may be moved to {to}, because a link could lead elsewhere from there: {why}."))
}

/// The folder that a path is in, which comes from [`normal`].
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder })
}

fn known(path: &str) -> Result<String, Denial> {
    normal(path).ok_or_else(|| unknown(path))
}

fn unknown(path: &str) -> Denial {
    let wrong = "is not absolute, or has `..` or a NUL in it: write it out, beginning with /";
    Denial::cannot_judge(format_args!("the path {path:?} {wrong}"))
}

/// `path` comes from [`normal`]. `takes_along`: whether what is below a folder goes with it.
fn judge(lists: &Lists, path: &str, access: Access, size: Option<u64>, takes_along: bool) -> Result<(), Denial> {
    if lists.deny.iter().any(|denied| denied.covers(path) || takes_along && denied.reaches_below(path)) {
        let reason = format!("{path} may not be {}: a rule of the list `deny` names it.", access.word());
        return Err(Denial::new("path-denied", reason));
    }
    lists.allow.as_ref().map_or(Ok(()), |rules| check_allowed(rules, path, access, size))
}

/// `size` is `None` where it should be known and is not.
fn check_allowed(rules: &[Rule], path: &str, access: Access, size: Option<u64>) -> Result<(), Denial> {
    let covering = rules.iter().filter(|rule| rule.covers(path, access));
    let Some(limit) = covering.map(|rule| rule.max_size.unwrap_or(u64::MAX)).max() else {
        let reason = format!("{path} may not be {}: no rule of the list `allow` names it.", access.word());
        return Err(Denial::new("path-not-allowed", reason));
    };
    match size {
        Some(size) if size > limit => {
            let reason = format!("{path} may not have {size} bytes: the list `allow` allows {limit}.");
            Err(Denial::new("too-large", reason))
        }
        None if limit < u64::MAX => {
            Err(Denial::cannot_judge(format_args!("nobody knows yet how large {path} will be")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::Paths;
    use hostler_sdk::Target;
    use hostler_sdk::policy::{Action, Context, Policy, Verdict};
    use serde_json::{Value, json};

    /// The code of the denial, or `allow`.
    fn act(settings: &Value, kind: &str, details: &Value) -> String {
        let policy = Paths::new(&settings.to_string()).expect("settings");
        let context = Context { settings: settings.to_string(), now_ms: 0, may_amend: true };
        let target = Target { host: "a".into(), port: 22, user: "admin".into(), jumps: vec![] };
        let (job, driver, kind) = ("1".into(), "paramiko".into(), kind.into());
        match policy.authorize(&context, &Action { job, driver, kind, target, details: details.to_string() }) {
            Verdict::Allow => "allow".into(),
            Verdict::Deny(denial) => denial.code,
        }
    }

    fn read(settings: &Value, path: &str) -> String {
        act(settings, "read-file", &json!({"path": path, "size": null}))
    }

    fn write(settings: &Value, path: &str, size: impl Into<Value>) -> String {
        act(settings, "write-file", &json!({"path": path, "size": size.into()}))
    }

    fn change(settings: &Value, change: &str, path: &str, to: Option<&str>) -> String {
        act(settings, "change-file", &json!({"change": change, "path": path, "to": to, "mode": null}))
    }

    #[test]
    fn each_direction_is_allowed_by_itself() {
        let rule = |path: &str, access: &str| json!({"path": path, "access": access});
        let settings = json!({"allow": [rule("/in/**", "write"), rule("/out/*", "read"), rule("/tmp/*", "both")]});
        assert_eq!(write(&settings, "/in/a/b", 1), "allow");
        assert_eq!(read(&settings, "/in/a"), "path-not-allowed");
        assert_eq!(read(&settings, "/out/a"), "allow");
        assert_eq!(read(&settings, "/out/a/b"), "path-not-allowed");
        assert_eq!(write(&settings, "/out/a", 1), "path-not-allowed");
        assert_eq!([read(&settings, "/tmp/a"), write(&settings, "/tmp/a", 1)], ["allow", "allow"]);
        assert_eq!(act(&settings, "list-folder", &json!({"path": "/out/a/"})), "allow");
        assert_eq!(change(&settings, "remove", "/out/a", None), "path-not-allowed");
    }

    #[test]
    fn deny_wins_over_allow_and_needs_none() {
        let settings =
            json!({"allow": [{"path": "/etc/**", "access": "both"}], "deny": ["/etc/shadow*", "/etc/ssl/**"]});
        assert_eq!(read(&settings, "/etc/motd"), "allow");
        for path in ["/etc/shadow", "/etc//shadow-", "/etc/./shadow", "/etc/ssl/private/key"] {
            assert_eq!(read(&settings, path), "path-denied", "{path}");
        }
        assert_eq!(read(&json!({"deny": ["/root/**"]}), "/home/x"), "allow");
        assert_eq!(read(&json!({"deny": ["/root/**"]}), "/root"), "path-denied");
        assert_eq!(read(&json!({}), "/anything"), "allow");
    }

    #[test]
    fn both_ends_of_a_rename_are_judged() {
        let settings = json!({"allow": [{"path": "/srv/**", "access": "write"}], "deny": ["/srv/app/keys/*"]});
        assert_eq!(change(&settings, "rename", "/srv/a", Some("/srv/b")), "allow");
        assert_eq!(change(&settings, "rename", "/srv/a", Some("/etc/cron.d/b")), "path-not-allowed");
        assert_eq!(change(&settings, "rename", "/etc/passwd", Some("/srv/b")), "path-not-allowed");
        assert_eq!(change(&settings, "rename", "/srv/a", Some("/srv/app/keys/x")), "path-denied");
        // What is denied would be readable under the new name.
        assert_eq!(change(&settings, "rename", "/srv/app", Some("/srv/b")), "path-denied");
        assert_eq!(change(&settings, "set-mode", "/srv/app", None), "allow");
    }

    /// `/srv/app/x`, a link to `shadow`, must not become `/etc/motd`.
    #[test]
    fn a_link_is_not_moved_to_where_it_leads_elsewhere() {
        let rule = |path: &str, access: &str| json!({"path": path, "access": access});
        let rename = |settings: &Value, path: &str, to: &str| change(settings, "rename", path, Some(to));
        let settings = json!({"allow": [rule("/srv/app/**", "both"), rule("/www/**", "both"), rule("/etc/motd", "both"),
            rule("/etc/motd.new", "both"), rule("/lib/d/x", "both"), rule("/lib/d", "both"), rule("/lib/e/**", "both"),
            rule("/in/**", "write")]});
        assert_eq!(change(&settings, "link", "/srv/app/x", Some("shadow")), "allow");
        for (path, to) in [
            ("/srv/app/x", "/srv/app/d/y"),
            ("/srv/app/x", "/www/a/y"),
            ("/etc/motd.new", "/etc/motd"),
            ("/lib/d", "/lib/e"),
            ("/in/a", "/in/b/c"),
            ("/www/a", "/in/a"),
        ] {
            assert_eq!(rename(&settings, path, to), "allow", "{path} to {to}");
        }
        for (path, to) in
            [("/srv/app/x", "/etc/motd"), ("/srv/app/x", "/www"), ("/lib/e", "/lib/d"), ("/in/a", "/www/a")]
        {
            assert_eq!(rename(&settings, path, to), "path-not-allowed", "{path} to {to}");
        }
        let denying = json!({"deny": ["/etc/shadow", "/root/**"]});
        assert_eq!([rename(&denying, "/a/x", "/b/x"), rename(&denying, "/etc/a", "/etc/b")], ["allow"; 2]);
        for to in ["/etc/motd", "/motd", "/root/x"] {
            assert_eq!(rename(&denying, "/a/x", to), "path-denied", "{to}");
        }
    }

    #[test]
    fn what_is_written_has_a_limit_if_no_rule_allows_more() {
        let rule = |path: &str, max_size: Option<u64>| json!({"path": path, "access": "write", "max_size": max_size});
        let settings = json!({"allow": [rule("/in/*", Some(10)), rule("/in/big*", Some(20)), rule("/in/any", None)]});
        assert_eq!([write(&settings, "/in/a", 10), write(&settings, "/in/a", 11)], ["allow", "too-large"]);
        assert_eq!([write(&settings, "/in/big", 20), write(&settings, "/in/big", 21)], ["allow", "too-large"]);
        assert_eq!(write(&settings, "/in/any", u64::MAX), "allow");
        assert_eq!(write(&settings, "/in/any", Value::Null), "allow");
        assert_eq!(write(&settings, "/in/a", Value::Null), "cannot-judge");
        assert_eq!(change(&settings, "remove", "/in/a", None), "allow");
    }

    #[test]
    fn a_link_leads_nowhere_where_its_own_path_could_not() {
        let rule = |path: &str, access: &str| json!({"path": path, "access": access});
        let settings = json!({"allow": [rule("/srv/**", "both"), rule("/in/**", "write"), rule("/out/**", "read")],
            "deny": ["/srv/keys/*"]});
        let link = |path: &str, to: &str| change(&settings, "link", path, Some(to));
        assert_eq!([link("/srv/a", "/srv/b"), link("/srv/x/a", "b"), link("/srv/a", "./b")], ["allow"; 3]);
        assert_eq!(link("/srv/a", "/etc/shadow"), "path-not-allowed");
        assert_eq!([link("/srv/a", "/in/b"), link("/srv/a", "/out/b")], ["path-not-allowed"; 2], "one direction only");
        assert_eq!([link("/in/a", "/in/b"), link("/in/a", "/srv/b")], ["allow"; 2], "nobody reads through it");
        assert_eq!(link("/out/a", "/out/b"), "path-not-allowed", "nothing is made there");
        assert_eq!([link("/srv/a", "/srv"), link("/srv/a", "keys/x")], ["path-denied"; 2]);
        assert_eq!([link("/srv/a", "../etc/shadow"), link("/srv/a", "")], ["cannot-judge", "path-denied"]);
    }

    #[test]
    fn both_sides_of_a_transfer_are_judged() {
        let settings = json!({
            "deny": ["/etc/shadow"],
            "local": {"allow": [{"path": "/out/**", "access": "read"}, {"path": "/in/**", "access": "write", "max_size": 9}],
                "deny": ["/out/keys/**"]},
        });
        let begin = |kind: &str, path: &str| act(&settings, kind, &json!({"path": path}));
        assert_eq!(begin("read-local-file", "/out/a"), "allow");
        assert_eq!(begin("read-local-file", "/out/keys/a"), "path-denied");
        assert_eq!(begin("read-local-file", "/in/a"), "path-not-allowed");
        assert_eq!(begin("write-local-file", "/in/a"), "allow");
        assert_eq!(begin("write-local-file", "/out/a"), "path-not-allowed");
        let file = |kind: &str, path: &str, local: &str, size: Option<u64>| {
            act(&settings, kind, &json!({"path": path, "local": local, "size": size}))
        };
        assert_eq!(file("write-file", "/srv/a", "/out/a", Some(99)), "allow");
        assert_eq!(file("write-file", "/srv/a", "/out/keys/a", Some(99)), "path-denied");
        assert_eq!(file("write-file", "/etc/shadow", "/out/a", Some(99)), "path-denied");
        assert_eq!(file("read-file", "/srv/a", "/in/a", Some(9)), "allow");
        assert_eq!(file("read-file", "/srv/a", "/in/a", Some(10)), "too-large");
        assert_eq!(file("read-file", "/proc/stat", "/in/a", None), "cannot-judge");
        assert_eq!(file("read-file", "/etc/shadow", "/in/a", Some(9)), "path-denied");
        // Without rules of its own, that side is the operator's roots' affair.
        assert_eq!(act(&json!({"deny": ["/**"]}), "read-local-file", &json!({"path": "/out/a"})), "allow");
    }

    #[test]
    fn what_cannot_be_judged_is_denied() {
        let settings = json!({"allow": [{"path": "/srv/**", "access": "both"}]});
        for path in ["", "srv/a", "./a", "~/a", "/srv/../etc/passwd", "/srv/a\0"] {
            assert_eq!(read(&settings, path), "cannot-judge", "{path:?}");
            assert_eq!(change(&settings, "rename", "/srv/a", Some(path)), "cannot-judge", "{path:?}");
        }
        assert_eq!(act(&settings, "read-file", &json!({})), "cannot-judge");
    }

    #[test]
    fn what_is_not_about_files_is_allowed() {
        for kind in ["connect", "exec", "shell", "type"] {
            assert_eq!(act(&json!({"deny": ["/**"]}), kind, &json!({})), "allow", "{kind}");
        }
    }

    #[test]
    fn each_wrong_rule_is_named_by_its_path() {
        let allow =
            json!([{"path": "/a", "access": "both"}, {"path": "b", "access": "read"}, {"path": "/c", "access": "x"}]);
        let settings = json!({"allow": allow, "deny": ["/a/../b"], "local": {"deny": ["/a", "b"]}}).to_string();
        let problems = Paths::new(&settings).err().expect("four are wrong");
        let paths: Vec<String> = problems.iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(paths, ["allow.1.path", "allow.2", "deny.0", "local.deny.1"]);
    }
}
