//! Files between the daemon and one OpenSSH server, both in memory (tmpfs), login included, beside scp(1), sftp(1),
//! asyncssh and paramiko with the same cipher:
//!
//! - 512 MiB over loopback, up and down, five rounds in which they take turns: time, and CPU of the client;
//! - over a line that takes 50 ms each way: 256 MiB, and 100 files of 4 KiB, up and down;
//! - what 4 GiB add to the daemon's memory;
//! - commands on another session, while 20 transfers go on.
//!
//! With the name of a part (`near`, `far`, `memory`, `crowd`), as `cargo bench --bench files -- near`, only that. With
//! `--tiny`, only whether it works.

mod ground;
mod peers;
mod slow_link;

use anyhow::ensure;
use ground::{Cost, Ground, Way};
use hostler_tests::median;
use slow_link::slow_link;
use std::thread;
use std::time::{Duration, Instant};

/// How much there is to do.
struct Size {
    rounds: usize,
    /// Bytes, over loopback, over the long line, and for the daemon's memory.
    near: u64,
    far: u64,
    huge: u64,
    /// Files of 4 KiB.
    small: usize,
    /// Transfers at once, and commands beside them.
    crowd: usize,
    commands: usize,
}

const FULL: Size =
    Size { rounds: 5, near: 512 << 20, far: 256 << 20, huge: 4 << 30, small: 100, crowd: 20, commands: 100 };
const TINY: Size = Size { rounds: 1, near: 4 << 20, far: 4 << 20, huge: 8 << 20, small: 5, crowd: 2, commands: 5 };

/// On its way in each direction.
const DELAY: Duration = Duration::from_millis(50);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_given = |word: &str| arguments.iter().any(|argument| argument == word);
    let size = if is_given("--tiny") { TINY } else { FULL };
    let parts: [(&str, Part); 4] = [("near", near), ("far", far), ("memory", memory), ("crowd", crowd)];
    let is_chosen = parts.iter().any(|(name, _)| is_given(name));
    let ground = Ground::new()?;
    parts.iter().filter(|(name, _)| !is_chosen || is_given(name)).try_for_each(|(_, part)| part(&ground, &size))
}

/// A part of the benchmark.
type Part = fn(&Ground, &Size) -> anyhow::Result<()>;

/// One of those who move files.
type Mover<'a> = (&'static str, &'a dyn Fn() -> anyhow::Result<Cost>);

/// Lets the movers take turns, and answers the median of each.
fn contest<const N: usize>(rounds: usize, bytes: u64, movers: [Mover; N]) -> anyhow::Result<[Cost; N]> {
    let mut costs: [Vec<Cost>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..rounds {
        for ((_, mover), costs) in movers.iter().zip(&mut costs) {
            costs.push(mover()?);
        }
    }
    let medians = costs.map(|costs| Cost::median(&costs));
    for ((name, _), cost) in movers.iter().zip(&medians) {
        say(&format!("  {name:9} {}", cost.describe(bytes)));
    }
    Ok(medians)
}

fn near(ground: &Ground, size: &Size) -> anyhow::Result<()> {
    let port = ground.port();
    for way in [Way::Up, Way::Down] {
        ground.fill(way, "near", size.near)?;
        say(&format!("{} MiB {}, loopback", size.near >> 20, way.word()));
        let [hostler, scp, asyncssh, paramiko] = contest(
            size.rounds,
            size.near,
            [
                ("hostler", &|| ground.hostler(way, "near", port)),
                ("scp", &|| ground.scp(way, "near", port)),
                ("asyncssh", &|| ground.peer("asyncssh", way, "near", port)),
                ("paramiko", &|| ground.peer("paramiko", way, "near", port)),
            ],
        )?;
        let goals = if way == Way::Up { 1.0 } else { 1.3 };
        say(&format!("  hostler / scp: {:.2} times as fast (goal: {goals})", scp.seconds / hostler.seconds));
        say(&format!("  hostler / scp: {:.2} of its CPU (goal: at most 0.8)", hostler.cpu / scp.cpu));
        for (name, peer) in [("asyncssh", asyncssh), ("paramiko", paramiko)] {
            say(&format!("  hostler / {name}: {:.2} times as fast (goal: 1.8)", peer.seconds / hostler.seconds));
        }
    }
    Ok(())
}

fn far(ground: &Ground, size: &Size) -> anyhow::Result<()> {
    let port = slow_link(ground.port(), DELAY)?;
    let rounds = size.rounds.min(3);
    for way in [Way::Up, Way::Down] {
        ground.fill(way, "far", size.far)?;
        say(&format!("{} MiB {}, {} ms each way", size.far >> 20, way.word(), DELAY.as_millis()));
        let [hostler, sftp] = contest(
            rounds,
            size.far,
            [("hostler", &|| ground.hostler(way, "far", port)), ("sftp", &|| ground.sftp(way, "far", port))],
        )?;
        let goal = if way == Way::Up { 1.0 } else { 3.0 };
        say(&format!("  hostler / sftp: {:.2} times as fast (goal: {goal})", sftp.seconds / hostler.seconds));
        ground.fill_folder(way, "many", size.small, 4 << 10)?;
        say(&format!("{} files of 4 KiB {}, {} ms each way", size.small, way.word(), DELAY.as_millis()));
        let [hostler, sftp] = contest(
            1,
            size.small as u64 * (4 << 10),
            [("hostler", &|| ground.hostler(way, "many", port)), ("sftp", &|| ground.sftp(way, "many", port))],
        )?;
        say(&format!("  hostler / sftp: {:.3} of its time (goal: at most 0.1)", hostler.seconds / sftp.seconds));
    }
    Ok(())
}

fn memory(ground: &Ground, size: &Size) -> anyhow::Result<()> {
    for way in [Way::Up, Way::Down] {
        ground.fill(way, "huge", size.huge)?;
        let before = ground.reset_peak()?;
        ground.hostler(way, "huge", ground.port())?;
        let more = ground.peak()?.saturating_sub(before);
        ground.remove("huge")?;
        say(&format!("{} MiB {}: {} MiB more memory (goal: under 64)", size.huge >> 20, way.word(), more >> 20));
    }
    Ok(())
}

/// Commands have a connection of their own. For comparison, the same beside as many scp(1).
fn crowd(ground: &Ground, size: &Size) -> anyhow::Result<()> {
    ground.fill(Way::Up, "near", size.near)?;
    let alone = commands(ground, size.commands)?;
    for name in ["hostler", "scp"] {
        let crowded = thread::scope(|scope| {
            let movers: Vec<_> = (0..size.crowd)
                .map(|number| {
                    scope.spawn(move || {
                        let to = format!("near-{number}");
                        match name {
                            "hostler" => ground.hostler_to(Way::Up, "near", &to, ground.port()),
                            _ => ground.scp_to(Way::Up, "near", &to, ground.port()),
                        }
                    })
                })
                .collect();
            let crowded = commands(ground, size.commands);
            let is_early = !movers.iter().all(thread::ScopedJoinHandle::is_finished);
            for mover in movers {
                mover.join().expect("a mover does not panic")?;
            }
            ensure!(is_early || size.crowd < 20, "the transfers ended before the commands");
            crowded
        })?;
        let ratio = crowded.as_secs_f64() / alone.as_secs_f64();
        say(&format!(
            "a command beside {} uploads by {name}: {crowded:?} (median), alone {alone:?}: {ratio:.2} times (goal for ours: 2)",
            size.crowd
        ));
    }
    Ok(())
}

/// The median of so many, one after the other.
fn commands(ground: &Ground, number: usize) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..number {
        let start = Instant::now();
        ground.command()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

#[expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]
fn say(line: &str) {
    println!("{line}");
}
