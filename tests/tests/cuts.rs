//! Transfers that are cut at any point: what was there stays whole, and the same request, asked again, makes it right.

use crate::SETUP;
use crate::job::{body, finishing, with};
use anyhow::{Context, ensure};
use hostler_tests::{Cutter, Daemon, Setup, Sshd, kill_below};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// Bytes of what is moved: several times what is on its way at once over loopback.
const SIZE: usize = 6 << 20;

/// Bytes that pass for it in all, login included.
const TRAFFIC: u64 = SIZE as u64 + (64 << 10);

/// Cuts of each kind, in each direction.
const CUTS: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// The connection ends.
    Connection,
    /// The server's SFTP program is killed.
    Server,
    /// The daemon is killed.
    Daemon,
}

/// A server, and a folder on each side.
struct Ground {
    sshd: Sshd,
    folder: TempDir,
}

impl Ground {
    fn new() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("hostler-cuts-")?;
        // The user at the other side is somebody else.
        for place in ["", "local", "remote"] {
            fs::create_dir_all(folder.path().join(place))?;
            fs::set_permissions(folder.path().join(place), Permissions::from_mode(0o777))?;
        }
        Ok(Self { sshd: Sshd::start(&[])?, folder })
    }

    fn config(&self) -> String {
        format!("files.roots = [\"{}/local\"]", self.folder.path().display())
    }

    /// The file of the daemon's side, and that of the server's.
    fn sides(&self) -> [PathBuf; 2] {
        ["local/file", "remote/file"].map(|file| self.folder.path().join(file))
    }

    fn request(&self, operation: &str, port: u16, resume: bool) -> Value {
        let [local, remote] = self.sides();
        with(body(&self.sshd, json!(["__FILE_TRANSFER__"])), |it| {
            it["connection_args"]["port"] = port.into();
            it["driver_args"] = json!({"file_transfer": {
                "operation": operation, "local_path": local, "remote_path": remote, "resume": resume
            }});
        })
    }

    fn cutter(&self, cut: Cut, at: u64, daemon: &Daemon) -> anyhow::Result<Cutter> {
        let (port, sshd, daemon) = (self.sshd.port(), self.sshd.pid(), daemon.pid());
        Ok(match cut {
            Cut::Connection => Cutter::cut(port, at)?,
            // Before it has started there is nothing to kill.
            Cut::Server => Cutter::start(port, at, move |_, _| {
                let _killed = kill_below(sshd, "sftp-server");
            })?,
            Cut::Daemon => Cutter::start(port, at, move |_, _| {
                // It cannot have ended: it sends what passes here.
                let _ = Command::new("kill").args(["-KILL", &daemon.to_string()]).status();
            })?,
        })
    }
}

/// Numbers without any order (xorshift64).
fn draws(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    })
}

/// Bytes that repeat themselves nowhere.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    draws(seed).flat_map(u64::to_le_bytes).take(size).collect()
}

#[test]
fn a_transfer_that_is_cut_harms_nothing_and_the_next_one_ends_well() -> anyhow::Result<()> {
    let ground = Ground::new()?;
    let config = ground.config();
    let setup = Setup { config: &config, ..SETUP };
    let mut daemon = Daemon::start(&setup)?;
    let seed = RandomState::new().hash_one(SIZE);
    let mut cuts = draws(seed).map(|draw| draw % TRAFFIC);
    let (mut harmed, mut resumed) = (0, 0);
    let [local, remote] = ground.sides();
    for (operation, source, target) in [("upload", &local, &remote), ("download", &remote, &local)] {
        let folder = target.parent().context("it is in a folder")?;
        for cut in [Cut::Connection, Cut::Server, Cut::Daemon] {
            for round in 0..CUTS {
                let at = cuts.next().context("it has no end")?;
                let case = format!("{operation}, {cut:?} at {at}, seed {seed}");
                let (new, old) = (noise(seed ^ at, SIZE), noise(1, 1000));
                let resume = round % 3 > 0;
                let has_old = round % 2 > 0;
                fs::write(source, &new)?;
                // A new one belongs to whoever wrote it.
                if target.exists() {
                    fs::remove_file(target)?;
                }
                if has_old {
                    fs::write(target, &old)?;
                    fs::set_permissions(target, Permissions::from_mode(0o666))?;
                }
                let cutter = ground.cutter(cut, at, &daemon)?;
                // It may fail, or have been done before the cut, and a daemon that was killed does not answer.
                let ended = daemon.run(&ground.request(operation, cutter.port(), resume));
                let is_whole = match fs::read(target) {
                    Ok(content) => content == new || has_old && content == old,
                    Err(_) => !has_old,
                };
                ensure!(is_whole, "the target was harmed: {case}");
                harmed += usize::from(ended.as_ref().map_or(true, |job| job["state"] == "failed"));
                if cut == Cut::Daemon && ended.is_err() {
                    daemon = daemon.restart_killed(&setup)?;
                }
                let job = finishing(&daemon, &ground.request(operation, ground.sshd.port(), resume))?;
                ensure!(fs::read(target)? == new, "the target is not like the source: {case}: {job}");
                resumed += usize::from(job["results"][0]["moved"]["resumed"].as_u64() > Some(0));
                let left = fs::read_dir(folder)?.count();
                ensure!(left == 1 || !resume || cut == Cut::Daemon, "a part was left although it was finished: {case}");
                for entry in fs::read_dir(folder)? {
                    fs::remove_file(entry?.path())?;
                }
            }
        }
    }
    // Else nothing was tested.
    ensure!(harmed > CUTS * 3 && resumed > 0, "{harmed} transfers were cut, {resumed} continued, seed {seed}");
    Ok(())
}
