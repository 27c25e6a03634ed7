use super::*;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread::{scope, sleep};
use std::time::Instant;

const PATIENCE: Duration = Duration::from_secs(10);

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// What the target answers.
    fn call(&self, call: &TaskCall) -> (Vec<TaskSeen>, Vec<u8>) {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SHELL])
            .env("HOME", self.0.path())
            .env_remove("XDG_STATE_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let mut stdin = shell.stdin.take().expect("a pipe");
        stdin.write_all(call.exec.stdin.as_ref().expect("a program")).expect("it reads");
        drop(stdin);
        let output = shell.wait_with_output().expect("it ends");
        let (seen, after) = call.answer(&output.stdout).expect("an answer");
        (seen, after.to_vec())
    }

    fn read(&self, id: &TaskId, offset: u64) -> (TaskSeen, String) {
        let (mut seen, log) = self.call(&TaskCall::read(id, offset, 1 << 20, None, PATIENCE));
        (seen.remove(0), String::from_utf8(log).expect("text"))
    }

    fn launch(&self, detached: &Detached) -> TaskSeen {
        self.call(&detached.launch(r#"{"it's": 1}"#)).0.remove(0)
    }

    /// How a task is when it does not run any more.
    fn ended(&self, id: &TaskId) -> (TaskSeen, String) {
        self.until(id, |seen, _| seen.status != TaskStatus::Running)
    }

    /// How a task is when it is as it should be.
    fn until(&self, id: &TaskId, right: impl Fn(&TaskSeen, &str) -> bool) -> (TaskSeen, String) {
        let begun = Instant::now();
        loop {
            let (seen, log) = self.read(id, 0);
            if right(&seen, &log) {
                return (seen, log);
            }
            assert!(begun.elapsed() < PATIENCE, "it goes on: {log}");
            sleep(Duration::from_millis(20));
        }
    }
}

fn detached(commands: &[&str]) -> Detached {
    Detached {
        id: TaskId::from(hostler_model::JobId::new()),
        commands: commands.iter().map(ToString::to_string).collect(),
        stop_on_error: false,
        environment: vec![("GREETING".into(), "it's $HOME\n".into())],
        working_directory: None,
        elevation: None,
        stdin: None,
        timeout: PATIENCE,
    }
}

#[test]
fn all_commands_run_in_order_and_the_status_is_known_whoever_exits() {
    let home = Home::new();
    let task = detached(&["printf %s \"$GREETING\"", "exit 3", "echo last; pwd; cat"]);
    let launched = home.launch(&task);
    assert!(launched.pid.is_some() && launched.folder.starts_with(home.0.path().to_str().expect("UTF-8")));
    let (seen, log) = home.ended(&task.id);
    assert_eq!((seen.status, seen.exit), (TaskStatus::Ended, Some(Exit::Status(3))));
    assert_eq!(log, format!("it's $HOME\nlast\n{}\n", home.0.path().display()));
    assert_eq!(home.read(&task.id, log.len() as u64 - 1).1, "\n");
    assert_eq!(home.read(&task.id, 1 << 40).1, "");
    let (listed, _) = home.call(&TaskCall::list(PATIENCE));
    assert_eq!(listed[0].about.as_deref().map(str::trim), Some(r#"{"it's": 1}"#));
}

#[test]
fn one_that_fails_is_the_last_if_that_is_asked_and_a_script_is_read() {
    let home = Home::new();
    let script = Some("echo 'from a script'\nexit 4\n".to_owned());
    let task = Detached { stop_on_error: true, stdin: script, ..detached(&["sh", "echo never"]) };
    home.launch(&task);
    let (seen, log) = home.ended(&task.id);
    assert_eq!((seen.exit, log.as_str()), (Some(Exit::Status(4)), "from a script\n"));
    let nowhere = Detached { working_directory: Some("/nowhere".into()), ..detached(&["echo never"]) };
    home.launch(&nowhere);
    let (seen, log) = home.ended(&nowhere.id);
    assert!(seen.exit == Some(Exit::Status(1)) && !log.contains("never"), "{log}");
}

#[test]
fn a_kill_ends_all_of_it_and_stays() {
    let home = Home::new();
    let task = detached(&["trap '' TERM; setsid sleep 98765 & sleep 98765; echo never", "echo never"]);
    let pid = home.launch(&task).pid.expect("a process");
    let (seen, _) = home.call(&TaskCall::kill(&task.id, None, PATIENCE));
    assert_eq!(seen[0].status, TaskStatus::Killed);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "its leader is gone");
    let mark = format!("HOSTLER_TASK={}", task.id);
    let bears_it = |entry: std::fs::DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
    };
    assert!(!std::fs::read_dir("/proc").expect("it is there").flatten().any(bears_it), "something of it runs");
    let (seen, log) = home.read(&task.id, 0);
    assert!(seen.status == TaskStatus::Killed && !log.contains("never"), "{log}");
}

#[test]
fn whoever_looks_while_a_task_is_killed_sees_that_it_was_killed() {
    let home = Home::new();
    // TERM ends its leader, which writes a status; what goes on beside it only KILL ends, seconds later.
    let task = detached(&["(trap '' TERM; echo ready; exec setsid sleep 98765) & sleep 98765"]);
    home.launch(&task);
    home.until(&task.id, |_, log| log == "ready\n");
    scope(|scope| {
        scope.spawn(|| home.call(&TaskCall::kill(&task.id, None, PATIENCE)));
        let (seen, _) = home.ended(&task.id);
        assert_eq!((seen.status, seen.exit), (TaskStatus::Killed, None));
    });
}

#[test]
fn what_ended_by_itself_was_not_killed() {
    let home = Home::new();
    let task = detached(&["exit 3"]);
    home.launch(&task);
    home.ended(&task.id);
    let (told, _) = home.call(&TaskCall::kill(&task.id, None, PATIENCE));
    for seen in [&told[0], &home.read(&task.id, 0).0] {
        assert_eq!((seen.status, &seen.exit), (TaskStatus::Ended, &Some(Exit::Status(3))));
    }
}

#[test]
fn what_is_not_the_task_is_neither_taken_for_it_nor_killed() {
    let home = Home::new();
    let task = detached(&["true"]);
    let folder = home.launch(&task).folder;
    home.ended(&task.id);
    std::fs::remove_file(format!("{folder}/status")).expect("it is there");
    let mut other = Command::new("setsid").args(["sleep", "98765"]).spawn().expect("sleep runs");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", other.id())).expect("it runs");
    let started = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(19)).expect("a number").to_owned();
    for rubbish in [format!("{} {started}", other.id()), "-1 1".into(), "1 1".into(), "$(id) x".into(), String::new()] {
        std::fs::write(format!("{folder}/pid"), format!("{rubbish}\n")).expect("written");
        assert_eq!(home.call(&TaskCall::kill(&task.id, None, PATIENCE)).0[0].status, TaskStatus::Gone, "{rubbish}");
    }
    assert!(other.try_wait().expect("ours").is_none(), "it was killed");
    other.kill().expect("ours");
    other.wait().expect("ours");
    std::fs::remove_file(format!("{folder}/log")).expect("it is there");
    std::os::unix::fs::symlink("/etc/passwd", format!("{folder}/log")).expect("a link");
    assert_eq!(home.read(&task.id, 0).1, "", "a link is no log");
}

#[test]
fn nothing_is_asked_of_a_folder_that_is_not_there() {
    let home = Home::new();
    let (seen, log) = home.call(&TaskCall::read(&detached(&["true"]).id, 0, 10, None, PATIENCE));
    assert_eq!((seen, log), (vec![], vec![]));
    assert_eq!(home.call(&TaskCall::list(PATIENCE)).0, []);
}

#[test]
fn a_task_that_is_still_being_launched_is_not_listed() {
    let home = Home::new();
    let folder = home.launch(&detached(&["true"])).folder;
    // Its folder is made before its process is known.
    std::fs::remove_file(format!("{folder}/pid")).expect("it is there");
    assert_eq!(home.call(&TaskCall::list(PATIENCE)).0, []);
}
