//! The hash of a content, on either side.

use super::reading::Reading;
use super::source::unreadable;
use super::tree::ends_all;
use super::work::Work;
use crate::blocking::blocking;
use crate::connection::NotStarted;
use crate::line::quoted;
use crate::sftp::{FileAttributes, OpenFlags};
use crate::{Event, Exec, Step};
use cap_std::fs::Dir;
use hostler_model::{Failure, Hash, HashAlgorithm, Phase};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Bytes of one command line. Linux takes four times as many, other systems do not.
const MAX_LINE: usize = 32 << 10;

/// A file with so many bytes is read in the time in which a command starts.
const SMALL: u64 = 256 << 10;

/// Bytes that are read of a file of the daemon at once.
const BLOCK: usize = 256 << 10;

/// The hash of a file of the server, in hexadecimal. The server is asked to hash it; where it does not, or where that
/// takes longer, it is read back.
pub(super) async fn remote_hash(
    work: &Work,
    path: &str,
    size: Option<u64>,
    algorithm: HashAlgorithm,
) -> Result<String, Failure> {
    if size.is_none_or(|size| size > SMALL)
        && let Some(hash) = hash_by_server(work, path, None, algorithm).await?
    {
        return Ok(hash);
    }
    read_back(work, path, algorithm).await
}

/// The same, or that of so many bytes at its beginning; nothing where the server does not hash it: that may be forbidden,
/// or it has no such command.
pub(super) async fn hash_by_server(
    work: &Work,
    path: &str,
    prefix: Option<u64>,
    algorithm: HashAlgorithm,
) -> Result<Option<String>, Failure> {
    let Some(size) = prefix else {
        return Ok(remote_hashes(work, &[path], algorithm).await?.remove(path));
    };
    let command = format!("head -c {size} -- {} | {}", quoted(&named(path)), program(algorithm));
    hash_of_input(work, command, algorithm).await
}

/// The hashes of those files of which the server's command tells. Many files cost few commands.
pub(super) async fn remote_hashes<'a>(
    work: &Work,
    paths: &[&'a str],
    algorithm: HashAlgorithm,
) -> Result<HashMap<&'a str, String>, Failure> {
    let mut hashes = HashMap::new();
    for (command, mut asked) in commands(paths, algorithm) {
        let Some(said) = said(work, command, asked.len()).await? else { return Ok(hashes) };
        for (hash, name) in said.lines().filter_map(|line| parsed(line, algorithm)) {
            if let Some(path) = asked.remove(name) {
                hashes.insert(path, hash);
            }
        }
    }
    // It prints the other names in a code of its own, so it gets none.
    for path in paths.iter().copied() {
        if !is_plain(path) {
            let command = format!("{} < {}", program(algorithm), quoted(path));
            let Some(hash) = hash_of_input(work, command, algorithm).await? else { return Ok(hashes) };
            hashes.insert(path, hash);
        }
    }
    Ok(hashes)
}

/// Commands that hash those of these files whose names they print as they are, each with the names that it prints and what they stand for.
fn commands<'a>(paths: &[&'a str], algorithm: HashAlgorithm) -> Vec<(String, HashMap<Cow<'a, str>, &'a str>)> {
    let mut commands: Vec<(String, HashMap<_, _>)> = Vec::new();
    for path in paths.iter().copied().filter(|path| is_plain(path)) {
        let name = quoted(&named(path));
        match commands.last_mut() {
            Some((command, asked)) if command.len() + name.len() < MAX_LINE => {
                command.extend([" ", &name]);
                asked.insert(named(path), path);
            }
            _ => commands.push((format!("{} -- {name}", program(algorithm)), HashMap::from([(named(path), path)]))),
        }
    }
    commands
}

/// What a command says that hashes its input.
async fn hash_of_input(work: &Work, command: String, algorithm: HashAlgorithm) -> Result<Option<String>, Failure> {
    let said = said(work, command, 1).await?;
    let told = said.as_deref().and_then(|said| parsed(said.strip_suffix('\n')?, algorithm));
    Ok(told.filter(|(_, name)| *name == "-").map(|(hash, _)| hash))
}

/// What a command about so many files says; nothing if it may not run, cannot, or says far too much.
async fn said(work: &Work, command: String, files: usize) -> Result<Option<String>, Failure> {
    // Each name comes back once, with its hash.
    let most = 2 * command.len() + 100 * files;
    let timeout = work.deadline.saturating_duration_since(Instant::now());
    let exec = Exec { command, timeout, ..Exec::default() };
    if let Err(failure) = work.admit(Step::Exec(&exec)).await {
        return unless_all_ends(failure);
    }
    // Servers run few commands at once.
    let _turn = work.commands.acquire().await;
    let mut process = match work.line.start(exec).await {
        Ok(process) => process,
        Err(NotStarted::NoChannel(failure) | NotStarted::Failed(failure)) => return unless_all_ends(failure),
    };
    let mut said = Vec::new();
    while let Some(event) = process.next().await {
        match event {
            Event::Stdout(data) if said.len() + data.len() > most => return Ok(None),
            Event::Stdout(data) => said.extend_from_slice(&data),
            Event::Ended(Err(failure)) => return unless_all_ends(failure),
            // A file that it cannot read is missing in what it says, whatever its status.
            Event::Stderr(_) | Event::Ended(Ok(_)) | Event::Stopped { .. } => {}
        }
    }
    Ok(String::from_utf8(said).ok())
}

fn unless_all_ends<T>(failure: Failure) -> Result<Option<T>, Failure> {
    if ends_all(&failure) { Err(failure) } else { Ok(None) }
}

/// A line of what it says: the hash and the file's name.
fn parsed(line: &str, algorithm: HashAlgorithm) -> Option<(String, &str)> {
    let digits = match algorithm {
        HashAlgorithm::Sha256 => 64,
        HashAlgorithm::Md5 => 32,
    };
    let (hash, rest) = line.split_at_checked(digits)?;
    // A blank, then a blank for text or an asterisk for bytes, which are the same here.
    let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    hash.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| (hash.to_ascii_lowercase(), name))
}

fn program(algorithm: HashAlgorithm) -> &'static str {
    match algorithm {
        HashAlgorithm::Sha256 => "sha256sum",
        HashAlgorithm::Md5 => "md5sum",
    }
}

/// Whether the name comes back as it is.
fn is_plain(path: &str) -> bool {
    !path.contains(['\\', '\n', '\r'])
}

/// A path that is no option, and not the standard input.
fn named(path: &str) -> Cow<'_, str> {
    if path.starts_with('-') { format!("./{path}").into() } else { path.into() }
}

/// The hash of a file of the server that is read for it.
pub(super) async fn read_back(work: &Work, path: &str, algorithm: HashAlgorithm) -> Result<String, Failure> {
    let refused = |error| work.refused(path, error);
    let opening = work.client.open_file(path.as_bytes(), OpenFlags::READ, &FileAttributes::default());
    let file = opening.await.map_err(refused)?;
    let size = work.client.fstat(&file).await.map_err(refused)?.size.unwrap_or_default();
    let (mut hasher, mut reading) = (Hasher::new(algorithm), Reading::new(work, path, Arc::new(file), 0..size));
    while let Some(piece) = reading.next().await? {
        hasher.update(&piece);
    }
    Ok(hasher.hex())
}

/// The hash of a file below `root`, or of so many bytes at its beginning, in hexadecimal.
pub(super) async fn local_hash(
    root: &Arc<Dir>,
    path: &Path,
    prefix: Option<u64>,
    algorithm: HashAlgorithm,
) -> Result<String, Failure> {
    let (root, file, stop) = (root.clone(), path.to_owned(), CancellationToken::new());
    let _stops_it = stop.clone().drop_guard();
    let hashing = blocking(Phase::Transfer, move || {
        let mut content = root.open(file)?.take(prefix.unwrap_or(u64::MAX));
        let (mut hasher, mut block) = (Hasher::new(algorithm), vec![0; BLOCK]);
        while !stop.is_cancelled() {
            match content.read(&mut block) {
                Ok(0) => break,
                Ok(size) => hasher.update(&block[..size]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(hasher.hex())
    });
    hashing.await?.map_err(|error| unreadable(&path.to_string_lossy(), &error))
}

/// The hash of a content that is there as a whole.
pub fn hash(algorithm: HashAlgorithm, content: &[u8]) -> Hash {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(content);
    Hash { algorithm, hex: hasher.hex() }
}

enum Hasher {
    Sha256(Sha256),
    Md5(md5::Context),
}

impl Hasher {
    fn new(algorithm: HashAlgorithm) -> Self {
        match algorithm {
            HashAlgorithm::Sha256 => Self::Sha256(Sha256::new()),
            HashAlgorithm::Md5 => Self::Md5(md5::Context::new()),
        }
    }

    fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(piece),
            Self::Md5(hasher) => hasher.consume(piece),
        }
    }

    fn hex(self) -> String {
        match self {
            Self::Sha256(hasher) => hexadecimal(&hasher.finalize()),
            Self::Md5(hasher) => hexadecimal(&*hasher.finalize()),
        }
    }
}

/// Bytes as digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _into_a_string = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_are_believed() {
        let hash = "d41d8cd98f00b204e9800998ecf8427e";
        let md5 = HashAlgorithm::Md5;
        assert_eq!(parsed(&format!("{hash}  a b"), md5), Some((hash.into(), "a b")));
        assert_eq!(parsed(&format!("{} *a", hash.to_uppercase()), md5), Some((hash.into(), "a")));
        for line in [
            "",
            hash,
            &format!("{hash} a"),
            &format!("\\{hash}  a"),
            &format!("{hash}0  a"),
            &format!("x{}  a", &hash[1..]),
            &format!("{}é  a", &hash[1..]),
        ] {
            assert_eq!(parsed(line, md5), None, "{line}");
        }
        assert_eq!(parsed(&format!("{hash}  a"), HashAlgorithm::Sha256), None);
    }

    #[test]
    fn a_path_is_no_option_and_not_the_standard_input() {
        assert_eq!(["-", "-c", "a-b", "/-"].map(|path| named(path).into_owned()), ["./-", "./-c", "a-b", "/-"]);
    }

    #[tokio::test]
    async fn a_file_of_the_daemon_is_hashed_whole_or_in_part() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("file"), "abc and more").expect("written");
        let root = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).expect("folder");
        let root = Arc::new(root);
        let (path, sha256) = (Path::new("file"), HashAlgorithm::Sha256);
        let part = local_hash(&root, path, Some(3), sha256).await.expect("hash");
        assert_eq!(part, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let part = local_hash(&root, path, Some(3), HashAlgorithm::Md5).await.expect("hash");
        assert_eq!(part, "900150983cd24fb0d6963f7d28e17f72");
        let whole = local_hash(&root, path, None, sha256).await.expect("hash");
        assert_ne!(whole, local_hash(&root, path, Some(11), sha256).await.expect("hash"));
        assert_eq!(whole, local_hash(&root, path, Some(12), sha256).await.expect("hash"));
        local_hash(&root, Path::new("missing"), None, sha256).await.expect_err("missing");
        local_hash(&root, Path::new("../file"), None, sha256).await.expect_err("outside");
    }
}
