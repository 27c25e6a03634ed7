//! What `file_transfer` asks for.

use hostler_sdk::Problem;
use hostler_sdk::transfer::Options;
use serde::{Deserialize, Serialize};

/// A file or a folder to be moved.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileTransfer {
    pub(crate) operation: Operation,
    /// Absent: a file that came with the request, or that the client is to fetch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) local_path: Option<String>,
    pub(crate) remote_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<bool>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_size: Option<u64>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overwrite: Option<bool>,
    /// In octal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    chmod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recursive: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync_mode: Option<SyncMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify_file: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execute_after_upload: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execute_command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cleanup_after_exec: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    make_folders: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_place: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    durable: Option<bool>,
}

/// Which way.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    Upload,
    Download,
}

/// Which files are left alone.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum SyncMode {
    Full,
    Hash,
    Time,
}

impl FileTransfer {
    /// Writes both paths without `//` and a slash at the end. A target that had one is a folder: it gets the name of the
    /// source, which is `staged` if that is a file that came with the request.
    pub(crate) fn settle(&mut self, staged: Option<&str>) {
        let local = self.local_path.as_deref().or(staged).unwrap_or_default();
        match self.operation {
            Operation::Upload => self.remote_path = settled(&self.remote_path, name(&tidy(local))),
            Operation::Download => {
                self.remote_path = tidy(&self.remote_path);
                let path = self.local_path.as_deref().map(|path| settled(path, name(&self.remote_path)));
                self.local_path = path;
            }
        }
        if self.operation == Operation::Upload {
            self.local_path = self.local_path.as_deref().map(tidy);
        }
    }

    /// The name of what is downloaded.
    pub(crate) fn name(&self) -> Option<&str> {
        name(&self.remote_path)
    }

    /// What the schema cannot say.
    pub(crate) fn check(&self, working_directory: Option<&str>, staged: Option<&str>, problems: &mut Vec<Problem>) {
        let mut wrong = |field: &str, message: &str| {
            problems.push(Problem::new(["driver_args", "file_transfer", field], "value_error", message));
        };
        match (self.operation, &self.local_path, staged) {
            (Operation::Upload, None, None) => {
                wrong("local_path", "Say what is uploaded: name a file of the daemon, or send one with the request.");
            }
            (Operation::Upload, Some(_), Some(_)) => {
                wrong("local_path", "A file came with the request: upload that, or leave it out.");
            }
            (Operation::Download, _, Some(_)) => {
                wrong("operation", "A file came with the request: a download has no use for it.");
            }
            (Operation::Download, None, None) if self.recursive() => {
                wrong("local_path", "A folder cannot be fetched: name a folder of the daemon for it.");
            }
            (Operation::Download, None, None) if self.name().is_none() => {
                wrong("remote_path", "Name a file: this path ends with no name.");
            }
            _ => {}
        }
        let (field, target) = match self.operation {
            Operation::Upload => ("remote_path", Some(&self.remote_path)),
            Operation::Download => ("local_path", self.local_path.as_ref()),
        };
        // It kept its slash because the source has no name.
        if target.is_some_and(|target| target.ends_with('/')) {
            wrong(field, "Name what it becomes: the other path ends with no name that could be appended.");
        }
        if self.mode().is_err() {
            wrong("chmod", "Write permissions in three or four octal digits, such as 0644.");
        }
        if !self.executes() {
            return;
        }
        if self.operation == Operation::Download {
            wrong("execute_after_upload", "`execute_after_upload` needs an upload: leave it out.");
        }
        if self.recursive() && self.execute_command.is_none() {
            wrong("execute_command", "A folder cannot be run: give the command.");
        }
        if self.recursive() && self.cleanup_after_exec == Some(true) {
            wrong("cleanup_after_exec", "A folder is not removed afterwards: leave `cleanup_after_exec` out.");
        }
        if working_directory.is_some() && self.execute_command.is_none() && !self.remote_path.starts_with('/') {
            wrong("remote_path", "The file would be looked for in `working_directory`: write its path from / on.");
        }
    }

    /// What was given and has no use: the name, and why.
    pub(crate) fn unused(&self) -> Vec<(&'static str, &'static str)> {
        let hashes = self.verify_file == Some(true) || self.sync_mode == Some(SyncMode::Hash);
        let not_run = !self.executes();
        let is_staged = self.operation == Operation::Download && self.local_path.is_none();
        [
            ("resume", "what is fetched is always new", self.resume == Some(true) && is_staged),
            ("chmod", "what is fetched has no permissions", self.chmod.is_some() && is_staged),
            ("hash_algorithm", "nothing is hashed", self.hash_algorithm.is_some() && !hashes),
            ("links", "`recursive` is not true", self.links.is_some() && !self.recursive()),
            ("execute_command", "`execute_after_upload` is not true", self.execute_command.is_some() && not_run),
            ("cleanup_after_exec", "nothing is run", self.cleanup_after_exec == Some(true) && not_run),
        ]
        .into_iter()
        .filter_map(|(name, why, applies)| applies.then_some((name, why)))
        .collect()
    }

    /// What the daemon is asked.
    pub(crate) fn options(&self) -> Options {
        let hash = self.hash_algorithm.as_deref().unwrap_or("sha256");
        Options {
            recursive: self.recursive(),
            overwrite: self.overwrite != Some(false),
            resume: self.resume == Some(true),
            compare: match self.sync_mode {
                None | Some(SyncMode::Full) => "never".into(),
                Some(SyncMode::Hash) => hash.into(),
                Some(SyncMode::Time) => "size-and-time".into(),
            },
            links: self.links.clone().unwrap_or_else(|| "copy".into()),
            verify: (self.verify_file == Some(true)).then(|| hash.into()),
            request_size: self.chunk_size.map(|size| u32::try_from(size).unwrap_or(u32::MAX)),
            mode: self.mode().ok().flatten().or(self.runs_what_was_sent().then_some(0o700)),
            make_folders: self.make_folders == Some(true),
            in_place: self.in_place == Some(true),
            durable: self.durable == Some(true),
            timeout_ms: self.timeout.map(crate::execution::milliseconds),
        }
    }

    /// Whether something is run afterwards.
    pub(crate) fn executes(&self) -> bool {
        self.execute_after_upload == Some(true)
    }

    /// Whether what came with the request is to be run itself: it came without permissions.
    fn runs_what_was_sent(&self) -> bool {
        self.executes() && self.execute_command.is_none() && self.local_path.is_none()
    }

    /// What is run: the file itself, unless something else was given.
    pub(crate) fn command(&self) -> String {
        // Without a folder before it, a name is looked for elsewhere.
        let here = if self.remote_path.starts_with('/') { "" } else { "./" };
        self.execute_command.clone().unwrap_or_else(|| quoted(&format!("{here}{}", self.remote_path)))
    }

    /// Whether what was run is removed.
    pub(crate) fn cleans_up(&self) -> bool {
        self.cleanup_after_exec != Some(false) && !self.recursive()
    }

    fn recursive(&self) -> bool {
        self.recursive == Some(true)
    }

    fn mode(&self) -> Result<Option<u32>, std::num::ParseIntError> {
        self.chmod.as_deref().map(|digits| u32::from_str_radix(digits, 8)).transpose()
    }
}

/// A target with the name of its source, if it is a folder. It keeps its slash where there is none.
fn settled(target: &str, name: Option<&str>) -> String {
    match name {
        Some(name) if target.ends_with('/') => tidy(&format!("{target}/{name}")),
        None if target.ends_with('/') => target.into(),
        _ => tidy(target),
    }
}

/// The path without empty parts.
fn tidy(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    format!("{}{}", if path.starts_with('/') { "/" } else { "" }, parts.join("/"))
}

/// The last part of a tidy path, if it is a name.
fn name(path: &str) -> Option<&str> {
    path.rsplit('/').next().filter(|name| !matches!(*name, "" | "." | ".."))
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&letter);
    if word.bytes().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests;
