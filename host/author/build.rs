//! Writes what `embedded.rs` includes: the templates of projects, the WIT and the SDKs, each file with its path.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Folders, and files, of the repository: what they are called in the binary, and where they are.
const SOURCES: [(&str, &str); 7] = [
    ("templates", "host/author/templates"),
    ("wit", "wit"),
    ("sdk/rust/Cargo.toml", "plugins/sdk/Cargo.toml"),
    ("sdk/rust/src", "plugins/sdk/src"),
    ("sdk/python", "plugins/sdk-python"),
    ("lock/Cargo.lock", "plugins/Cargo.lock"),
    ("sdk/js", "plugins/sdk-js"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let mut list = String::new();
    for (name, path) in SOURCES {
        let path = root.join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        add(name, &path, &mut list)?;
    }
    let list = format!("const FILES: &[(&str, &str)] = &[{list}];\n");
    Ok(fs::write(PathBuf::from(env::var("OUT_DIR")?).join("files.rs"), list)?)
}

/// A file, or all files below a folder, by name.
fn add(name: &str, path: &Path, list: &mut String) -> Result<(), Box<dyn Error>> {
    if path.is_file() {
        // A project has no lints that its SDK could inherit.
        let text = fs::read_to_string(path)?.replace("[lints]\nworkspace = true\n\n", "");
        write!(list, "({name:?}, {text:?}),")?;
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let file_name = entry.file_name().into_string().map_err(|name| format!("{} is not UTF-8", name.display()))?;
        // What running the SDKs' own tests leaves behind.
        if file_name != "__pycache__" && file_name != "node_modules" {
            add(&format!("{name}/{file_name}"), &entry.path(), list)?;
        }
    }
    Ok(())
}
