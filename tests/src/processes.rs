//! The processes of this machine. Those inside a fleet's server are seen, too, but it cannot see them.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A number of seconds from 600 to 601 that no other `sleep` on this machine waits for.
pub fn unique_nap() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("600.{}{:04}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// How many processes wait for a `sleep` of so many seconds.
fn sleepers(nap: &str) -> usize {
    let asleep = format!("sleep\0{nap}\0");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    // Those that end meanwhile cannot be read.
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line == asleep.as_bytes()).count()
}

/// Whether there are so many within the time.
pub fn sleepers_become(count: usize, nap: &str, patience: Duration) -> bool {
    let end = Instant::now() + patience;
    while sleepers(nap) != count {
        if Instant::now() > end {
            return false;
        }
        // Nobody tells about the end of a process that is not a child.
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Kills (SIGKILL) what runs the program, as a child of a process or of one of its children and so on. Gives how many.
pub fn kill_below(process: u32, program: &str) -> usize {
    let parents: HashMap<u32, (String, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            // The name stands in parentheses and may hold anything; the parent is the second field after it (proc(5)).
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (before, after) = stat.rsplit_once(')')?;
            let (id, name) = before.split_once(" (")?;
            Some((id.parse().ok()?, (name.to_owned(), after.split(' ').nth(2)?.parse().ok()?)))
        })
        .collect();
    let is_below = |id: u32| {
        std::iter::successors(Some(id), |id| parents.get(id).map(|(_, parent)| *parent))
            .any(|ancestor| ancestor == process)
    };
    let doomed =
        parents.iter().filter(|(id, (name, _))| name == program && is_below(**id)).map(|(id, _)| id.to_string());
    doomed.filter(|id| Command::new("kill").args(["-KILL", id]).status().is_ok_and(|status| status.success())).count()
}
