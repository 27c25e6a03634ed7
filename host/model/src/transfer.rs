//! What a file transfer did.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the daemon to the server.
    Upload,
    /// From the server to the daemon.
    Download,
}

/// How contents are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HashAlgorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// MD5 (RFC 1321): finds damage, not forgery.
    Md5,
}

/// A transfer that came to its end. All sizes are bytes of content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Moved {
    /// Which way.
    pub direction: Direction,
    /// The daemon's path.
    pub local_path: String,
    /// The server's path.
    pub remote_path: String,
    /// Files that were moved.
    pub files: u64,
    /// Files that were left alone because they were the same already.
    pub skipped: u64,
    /// Files, folders and links that could not be moved. Above 0 only where a folder was.
    pub failed: u64,
    /// Content that was sent for it.
    pub bytes: u64,
    /// Content of all files that were moved or skipped.
    pub total: u64,
    /// Content that an earlier transfer had left and that proved to be the same.
    pub resumed: u64,
    /// Why what an earlier transfer had left was not continued, in one sentence.
    pub restarted: Option<String>,
    /// Whether each target changed at once, or was the same already. If not, a reader could see a part.
    pub atomic: bool,
    /// Content of one request at most, after what the server and we allow.
    pub request_size: u32,
    /// The hash by which both sides were compared afterwards; absent where that was not asked, or several files moved.
    pub hash: Option<Hash>,
    /// The first things that could not be moved, a thousand at most.
    pub failures: Vec<NotMoved>,
    /// The staged file that was made of it, for the client to fetch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<String>,
    /// What the client should know besides, one sentence each.
    pub warnings: Vec<String>,
}

/// The hash of a content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hash {
    /// By which algorithm.
    pub algorithm: HashAlgorithm,
    /// In hexadecimal.
    pub hex: String,
}

/// Something in a folder that could not be moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotMoved {
    /// Its path below the folder.
    pub path: String,
    /// Why, in one sentence.
    pub reason: String,
}
