//! The processes of this machine. Those inside a fleet's server are seen, too, but it cannot see them.

use std::fs;
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
