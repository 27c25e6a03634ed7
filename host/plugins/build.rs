//! Compiles the built-in plugins, to be embedded with `include_bytes!`.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../..");
    for watched in ["sdk", "patterns", "paramiko", "policy-hosts", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join("plugins").join(watched).display());
    }
    println!("cargo::rerun-if-changed={}", root.join("wit").display());
    for package in ["paramiko", "policy-hosts"] {
        hostler_plugin_build::component(&root.join("plugins"), package, &out_dir)?;
    }
    Ok(())
}
