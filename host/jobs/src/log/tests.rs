use super::*;
use hostler_model::{Exit, Output};
use std::time::Duration;

fn log(limit: u64) -> Log {
    Log::new(0, limit, Arc::default())
}

/// Run, stream, offset and text of what waits; for what is no output, its kind.
fn waiting(log: &Log) -> Vec<String> {
    let shown = |event: &Arc<Event>| match &event.what {
        Happening::Output { run, stream, offset, bytes } => {
            format!("{run} {stream} {offset} {}", String::from_utf8_lossy(bytes))
        }
        Happening::Progress(progress) => format!("progress {}", progress.bytes),
        Happening::Cut { reason } => reason.clone(),
        other => format!("{other:?}"),
    };
    log.waiting().iter().map(shown).collect()
}

fn progress(run: u32, bytes: u64) -> Progress {
    Progress { run, file: "f".into(), bytes, total: 9, rate: 1 }
}

#[test]
fn what_belongs_together_is_one_event() {
    let log = log(1 << 20);
    for (offset, byte) in (0..).zip(["a", "b", "\n"]) {
        log.output(0, "stdout", offset, byte.as_bytes());
    }
    log.output(0, "stderr", 0, b"e");
    log.output(0, "stdout", 3, b"c");
    log.output(1, "stdout", 0, b"d");
    log.progress(progress(1, 1));
    log.progress(progress(1, 2));
    log.progress(progress(2, 3));
    let wanted = ["0 stdout 0 ab\n", "0 stderr 0 e", "0 stdout 3 c", "1 stdout 0 d", "progress 2", "progress 3"];
    assert_eq!(waiting(&log), wanted);
}

#[test]
fn what_the_store_was_asked_to_keep_is_not_changed_any_more() {
    let log = log(1 << 20);
    log.output(0, "stdout", 0, b"a");
    // The store has it before it says so.
    drop(log.waiting());
    log.output(0, "stdout", 1, b"b");
    log.output(0, "stdout", 2, b"c");
    log.forget(1);
    assert_eq!(waiting(&log), ["0 stdout 1 bc"]);
    log.forget(2);
    assert_eq!(log.size(), None);
}

#[test]
fn a_full_log_is_cut_at_the_byte_and_says_so_once() {
    let log = log(5);
    log.output(0, "stdout", 0, b"abc");
    log.output(0, "stdout", 3, b"defg");
    log.output(1, "stderr", 0, b"x");
    log.progress(progress(1, 1));
    let cut = "Output is cut off here: the log is full, with the 5 bytes that the operator's max_log_bytes allows.";
    assert_eq!(waiting(&log), ["0 stdout 0 abcde", cut]);
    let ended = RunResult {
        command: "c".into(),
        exit: Exit::Status(0),
        stdout: Output::default(),
        stderr: Output::default(),
        duration: Duration::ZERO,
        session_reused: false,
        moved: None,
        parsed: None,
        launched: None,
    };
    log.ran(0, &ended);
    assert_eq!(log.waiting().last().map(|event| event.what.clone()), Some(Happening::Ran(Ran::new(0, &ended))));
}

#[test]
fn a_store_that_does_not_keep_up_costs_a_bounded_amount_of_memory() {
    let log = log(1 << 30);
    let piece = vec![b'x'; 1 << 20];
    for number in 0..100 {
        log.output(0, "stdout", number << 20, &piece);
    }
    assert_eq!(log.size(), Some(LAG));
    let last = waiting(&log).pop().expect("events");
    assert!(last.contains("the store did not keep up"), "{}", &last[..last.len().min(99)]);
}
