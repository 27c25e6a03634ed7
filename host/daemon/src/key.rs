//! The API key: given, or made once and kept.

use anyhow::{Context, bail};
use hostler_model::Secret;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A shorter key can be guessed.
const SHORT: usize = 16;

/// The key from `HOSTLER_API_KEY`, else from `file`, else from `api-key` in the data directory,
/// where it is made at the first start.
pub(crate) fn load(file: Option<&Path>, data_dir: &Path) -> anyhow::Result<Secret> {
    #[expect(clippy::disallowed_methods, reason = "the daemon is the room that reads the environment")]
    let given = std::env::var("HOSTLER_API_KEY").ok();
    let (key, origin) = match (given, file) {
        (Some(key), _) => (key, "HOSTLER_API_KEY".to_owned()),
        (None, Some(file)) => (read(file)?, file.display().to_string()),
        (None, None) => {
            let kept = data_dir.join("api-key");
            if !kept.exists() {
                make(&kept)?;
            }
            tracing::info!("the API key is in {}", kept.display());
            (read(&kept)?, kept.display().to_string())
        }
    };
    if key.is_empty() {
        bail!("the API key in {origin} is empty; give one");
    }
    if key.len() < SHORT {
        tracing::warn!(
            "the API key in {origin} is shorter than {SHORT} characters and can be guessed; give a longer one"
        );
    }
    Ok(Secret::new(key))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path);
    Ok(text.with_context(|| format!("the API key cannot be read from {}", path.display()))?.trim().to_owned())
}

/// Two random UUIDs: 244 random bits.
fn make(path: &Path) -> anyhow::Result<()> {
    let key = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("the API key cannot be kept in {}", path.display()))?;
    file.write_all(key.as_bytes())?;
    Ok(())
}
