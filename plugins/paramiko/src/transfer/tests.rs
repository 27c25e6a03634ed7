use super::*;
use serde_json::{Value, json};

/// A transfer with more fields.
fn asked(fields: Value) -> FileTransfer {
    let mut all = json!({"operation": "upload", "local_path": "/local/file.txt", "remote_path": "/remote/file.txt"});
    let (Value::Object(all), Value::Object(fields)) = (&mut all, fields) else { panic!("objects are needed") };
    all.extend(fields);
    let mut transfer: FileTransfer = serde_json::from_value(all.clone().into()).expect("it is well formed");
    transfer.settle(None);
    transfer
}

/// The fields that are wrong.
fn wrong(fields: Value) -> Vec<String> {
    wrong_in(fields, None)
}

fn wrong_in(fields: Value, working_directory: Option<&str>) -> Vec<String> {
    let mut problems = Vec::new();
    asked(fields).check(working_directory, None, &mut problems);
    problems.into_iter().map(|problem| problem.path.join(".")).collect()
}

fn paths(fields: Value) -> (String, String) {
    let FileTransfer { local_path, remote_path, .. } = asked(fields);
    (local_path.unwrap_or_default(), remote_path)
}

#[test]
fn a_folder_with_a_slash_gets_the_name_of_the_other_side() {
    let down =
        |local: &str, remote: &str| paths(json!({"operation": "download", "local_path": local, "remote_path": remote}));
    let up = |local: &str, remote: &str| paths(json!({"local_path": local, "remote_path": remote}));
    let is = |local: &str, remote: &str| (local.to_owned(), remote.to_owned());
    assert_eq!(up("/local/file.txt", "/srv/in/"), is("/local/file.txt", "/srv/in/file.txt"));
    assert_eq!(up("file.txt", "/"), is("file.txt", "/file.txt"));
    assert_eq!(up("site/", "www//sites/"), is("site", "www/sites/site"));
    assert_eq!(up("/local/file.txt", "/srv//in"), is("/local/file.txt", "/srv/in"));
    assert_eq!(down("in/", "/var/log/syslog"), is("in/syslog", "/var/log/syslog"));
    assert_eq!(down("syslog", "/var/log/syslog"), is("syslog", "/var/log/syslog"));
    for source in ["/", ".", ".."] {
        assert_eq!(
            wrong(json!({"local_path": source, "remote_path": "in/"})),
            ["driver_args.file_transfer.remote_path"]
        );
    }
}

#[test]
fn what_was_settled_stays_as_it_is() {
    for fields in [json!({}), json!({"remote_path": "/srv/in/"}), json!({"remote_path": "a//b", "recursive": true})] {
        let once = serde_json::to_value(asked(fields)).expect("JSON");
        assert_eq!(serde_json::to_value(asked(once.clone())).expect("JSON"), once);
    }
}

#[test]
fn the_daemon_is_asked_for_what_the_document_means() {
    let options = |fields| asked(fields).options();
    let plain = options(json!({}));
    assert!(plain.overwrite && !plain.resume && !plain.recursive && !plain.make_folders && !plain.in_place);
    assert_eq!((plain.compare.as_str(), plain.links.as_str(), plain.verify), ("never", "copy", None));
    assert_eq!((plain.request_size, plain.mode, plain.timeout_ms), (None, None, None));
    let full = options(json!({
        "resume": true, "chunk_size": 32768, "timeout": 1.5, "overwrite": false, "chmod": "0640", "recursive": true,
        "sync_mode": "hash", "verify_file": true, "hash_algorithm": "md5", "links": "skip", "make_folders": true,
        "in_place": true, "durable": true,
    }));
    assert!(!full.overwrite && full.resume && full.recursive && full.make_folders && full.in_place && full.durable);
    assert_eq!((full.compare.as_str(), full.links.as_str(), full.verify.as_deref()), ("md5", "skip", Some("md5")));
    assert_eq!((full.request_size, full.mode, full.timeout_ms), (Some(32768), Some(0o640), Some(1500)));
    assert_eq!(options(json!({"sync_mode": "hash"})).compare, "sha256");
    assert_eq!(options(json!({"sync_mode": "time"})).compare, "size-and-time");
    assert_eq!(options(json!({"sync_mode": "full", "hash_algorithm": "md5"})).compare, "never");
    assert_eq!(options(json!({"verify_file": true})).verify.as_deref(), Some("sha256"));
    assert_eq!(options(json!({"chmod": "755"})).mode, Some(0o755));
    assert_eq!(options(json!({"chunk_size": 1_u64 << 40})).request_size, Some(u32::MAX));
}

#[test]
fn only_what_was_uploaded_and_is_no_folder_runs_by_itself() {
    let with = |fields: Value| {
        let mut all = json!({"execute_after_upload": true});
        all.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        all
    };
    let field = |name: &str| format!("driver_args.file_transfer.{name}");
    assert_eq!(wrong(with(json!({"operation": "download"}))), [field("execute_after_upload")]);
    assert_eq!(wrong(with(json!({"recursive": true}))), [field("execute_command")]);
    let folder = json!({"recursive": true, "execute_command": "site/install", "cleanup_after_exec": true});
    assert_eq!(wrong(with(folder)), [field("cleanup_after_exec")]);
    let relative = with(json!({"remote_path": "install"}));
    assert_eq!(wrong_in(relative.clone(), Some("/tmp")), [field("remote_path")]);
    assert!(wrong(relative.clone()).is_empty());
    assert_eq!(asked(relative).command(), "./install");
    assert_eq!(asked(json!({"remote_path": "/tmp/it's here"})).command(), r"'/tmp/it'\''s here'");
    assert_eq!(asked(json!({"remote_path": "/tmp/install.sh"})).command(), "/tmp/install.sh");
    assert_eq!(asked(json!({"execute_command": "sh x && y"})).command(), "sh x && y");
}

#[test]
fn what_was_run_is_removed_unless_that_is_not_wanted_or_it_is_a_folder() {
    assert!(asked(json!({})).cleans_up());
    assert!(!asked(json!({"cleanup_after_exec": false})).cleans_up());
    assert!(!asked(json!({"recursive": true})).cleans_up());
}

#[test]
fn permissions_are_octal_digits() {
    assert_eq!(wrong(json!({"chmod": "rwxr-xr-x"})), ["driver_args.file_transfer.chmod"]);
    assert_eq!(wrong(json!({"chmod": "0648"})), ["driver_args.file_transfer.chmod"]);
    assert!(wrong(json!({"chmod": "4755"})).is_empty());
}

#[test]
fn what_has_no_use_is_named() {
    let unused = |fields| asked(fields).unused().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let idle = json!({"hash_algorithm": "md5", "links": "copy", "execute_command": "x", "cleanup_after_exec": true});
    assert_eq!(unused(idle), ["hash_algorithm", "links", "execute_command", "cleanup_after_exec"]);
    let used = json!({
        "hash_algorithm": "md5", "verify_file": true, "links": "copy", "recursive": true, "execute_command": "x",
        "execute_after_upload": true, "cleanup_after_exec": false,
    });
    assert!(unused(used).is_empty());
}

/// A transfer without a file of the daemon, and the fields that are wrong with it.
fn sent(fields: Value, staged: Option<&str>) -> (FileTransfer, Vec<String>) {
    let mut transfer: FileTransfer = serde_json::from_value(fields).expect("it is well formed");
    transfer.settle(staged);
    let mut problems = Vec::new();
    transfer.check(None, staged, &mut problems);
    (transfer, problems.into_iter().map(|problem| problem.path[2].clone()).collect())
}

#[test]
fn a_file_that_came_with_the_request_gives_its_name_to_a_folder() {
    let up = |remote: &str| sent(json!({"operation": "upload", "remote_path": remote}), Some("my file.txt"));
    for (remote, path) in [("/srv/in/", "/srv/in/my file.txt"), ("/", "/my file.txt"), ("/srv/in", "/srv/in")] {
        let (transfer, wrong) = up(remote);
        assert_eq!((transfer.remote_path.as_str(), wrong), (path, vec![]));
        assert_eq!(transfer.options().mode, None);
    }
    let run = json!({"operation": "upload", "remote_path": "/srv/x.sh", "execute_after_upload": true});
    assert_eq!(sent(run, Some("x.sh")).0.options().mode, Some(0o700), "it came without permissions");
}

#[test]
fn what_is_sent_and_what_is_fetched_must_fit_the_transfer() {
    let (up, down) = (json!({"operation": "upload"}), json!({"operation": "download"}));
    for (kind, fields, staged, field) in [
        (&up, json!({"remote_path": "/x"}), None, "local_path"),
        (&up, json!({"remote_path": "/x", "local_path": "y"}), Some("z"), "local_path"),
        (&down, json!({"remote_path": "/x"}), Some("z"), "operation"),
        (&down, json!({"remote_path": "/x", "recursive": true}), None, "local_path"),
        (&down, json!({"remote_path": ".."}), None, "remote_path"),
    ] {
        let mut all = kind.clone();
        all.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        assert_eq!(sent(all, staged).1, [field], "{kind} {fields}");
    }
    let (transfer, wrong) =
        sent(json!({"operation": "download", "remote_path": "/var/log/syslog", "chmod": "0600"}), None);
    assert_eq!((transfer.name(), wrong), (Some("syslog"), vec![]));
    assert_eq!(transfer.unused(), [("chmod", "what is fetched has no permissions")]);
}
