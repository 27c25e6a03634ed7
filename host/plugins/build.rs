//! Compiles the built-in plugins, and writes what `builtin.rs` includes: the lists `DRIVERS` and `POLICIES`.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

use std::path::{Path, PathBuf};

const DRIVERS: [&str; 1] = ["paramiko"];
const POLICIES: [&str; 6] =
    ["policy-change-window", "policy-commands", "policy-host-keys", "policy-hosts", "policy-no-root", "policy-paths"];

fn main() -> anyhow::Result<()> {
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let workspace = root.join("plugins");
    for watched in ["sdk", "patterns", "Cargo.toml", "Cargo.lock"].iter().chain(&DRIVERS).chain(&POLICIES) {
        println!("cargo::rerun-if-changed={}", workspace.join(watched).display());
    }
    println!("cargo::rerun-if-changed={}", root.join("wit").display());
    let lists = list("DRIVERS", &DRIVERS, &workspace, &out_dir)? + &list("POLICIES", &POLICIES, &workspace, &out_dir)?;
    Ok(std::fs::write(out_dir.join("built_in.rs"), lists)?)
}

/// Compiles plugins, and tells of a list of their names and components in Rust.
fn list(name: &str, packages: &[&str], workspace: &Path, out_dir: &Path) -> anyhow::Result<String> {
    let mut items = Vec::new();
    for package in packages {
        hostler_plugin_build::component(workspace, package, out_dir)?;
        items.push(format!("({package:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{package}.wasm\")))"));
    }
    Ok(format!("const {name}: &[(&str, &[u8])] = &[{}];\n", items.join(", ")))
}
