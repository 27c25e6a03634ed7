//! Whether there is room for what is to come.

use super::work::{Work, failed};
use crate::blocking::blocking;
use crate::sftp::Extension;
use cap_std::fs::Dir;
use hostler_model::{Failure, Phase};
use rustix::fs::fstatvfs;
use std::path::Path;
use std::sync::Arc;

/// Fails if a folder of the server, or the nearest one above it that exists, has no room for so many bytes. A server
/// that does not say how much there is gets the benefit of the doubt.
pub(super) async fn check_remote(work: &Work, folder: &str, bytes: u64) -> Result<(), Failure> {
    if bytes == 0 || !work.client.offers(Extension::Statvfs) {
        return Ok(());
    }
    let above =
        folder.char_indices().rev().filter(|&(_, letter)| letter == '/').map(|(slash, _)| &folder[..slash.max(1)]);
    let start = if folder.starts_with('/') { "/" } else { "." };
    let folders: Vec<_> =
        [folder].into_iter().chain(above).chain([start]).filter(|folder| !folder.is_empty()).collect();
    let answers: Vec<_> = folders.iter().map(|folder| work.client.statvfs(folder.as_bytes())).collect();
    for (folder, answer) in folders.into_iter().zip(answers) {
        if let Ok(system) = answer.await {
            return enough(bytes, system.available, &format!("`{folder}` on the server"));
        }
    }
    Ok(())
}

/// The same of the daemon's side, for a folder below `root`.
pub(super) async fn check_local(root: &Arc<Dir>, folder: &Path, bytes: u64) -> Result<(), Failure> {
    if bytes == 0 {
        return Ok(());
    }
    let (root, folder) = (root.clone(), folder.to_owned());
    let free = blocking(Phase::Transfer, move || {
        let existing = folder.ancestors().find_map(|above| root.open_dir(above).ok());
        let system = fstatvfs(existing.as_ref().unwrap_or(&root)).ok()?;
        Some(system.f_bavail.saturating_mul(system.f_frsize))
    });
    free.await?.map_or(Ok(()), |free| enough(bytes, free, "the daemon's folder"))
}

fn enough(needed: u64, free: u64, place: &str) -> Result<(), Failure> {
    if needed <= free {
        return Ok(());
    }
    Err(failed(format!("{needed} bytes do not fit: {free} are free at {place}. Make room there.")))
}
