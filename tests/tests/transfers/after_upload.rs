//! What is run after an upload.

use super::{lending, moving};
use crate::job::with;
use anyhow::Context;
use hostler_tests::Sshd;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn what_was_uploaded_runs_and_is_removed_if_it_succeeds() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let name = "it's a script";
    let script = daemon.local().join(name);
    fs::write(&script, "#!/bin/sh\necho \"ran with $1\"\n[ \"$1\" != badly ]\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let quoted = r"'/remote/it'\''s a script'";
    let (well, badly) = (format!("{quoted} well"), format!("{quoted} badly"));
    for (fields, ran, output, is_left, warning) in [
        (json!({}), quoted, "ran with \n", false, ""),
        (json!({"execute_command": well}), well.as_str(), "ran with well\n", false, ""),
        (json!({"execute_command": badly}), &badly, "ran with badly\n", true, "was kept on the server"),
        (json!({"cleanup_after_exec": false}), quoted, "ran with \n", true, ""),
    ] {
        let mut fields = fields;
        fields["execute_after_upload"] = true.into();
        let job = daemon.run(&moving(&sshd, "upload", name, &fields))?;
        assert_eq!(job["state"], "finished", "{job}");
        let results = job["results"].as_array().context("a list")?;
        assert_eq!(results[0]["command"], "file_transfer_upload", "{job}");
        assert_eq!((&results[1]["command"], &results[1]["stdout"]), (&json!(ran), &json!(output)), "{job}");
        let removed = results.get(2).map_or(&Value::Null, |result| &result["command"]);
        let expected = if is_left { Value::Null } else { format!("rm -f /remote/{name}").into() };
        assert_eq!((removed, sshd.remote().join(name).exists()), (&expected, is_left), "{job}");
        assert!(job["warnings"].to_string().contains(warning), "{job}");
    }
    Ok(())
}

#[test]
fn arguments_of_commands_are_the_commands() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    fs::write(daemon.local().join("words"), "text")?;
    let fields = json!({"execute_after_upload": true, "execute_command": "echo $MARK; pwd", "remote_path": "words"});
    let asked = with(moving(&sshd, "upload", "words", &fields), |it| {
        it["driver_args"]["environment"] = json!({"MARK": "set"});
        it["driver_args"]["working_directory"] = "/tmp".into();
    });
    let job = daemon.run(&asked)?;
    assert_eq!((&job["results"][1]["stdout"], &job["warnings"]), (&json!("set\n/tmp\n"), &json!([])), "{job}");
    assert!(!sshd.home().join("words").exists(), "it is removed from where it was put");
    Ok(())
}
