//! Compiles plugins and wraps them as components, for build scripts.
//!
//! A plugin is a crate of type `cdylib` in a workspace of its own. It is built for
//! `wasm32-unknown-unknown`, by a cargo of its own with a target folder of its own, and the module
//! that comes out is wrapped as a component that imports only what its WIT names.
//!
//! Nothing here prints `cargo::` lines: what a build script watches is its own affair.

#![expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by the environment")]

use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

/// Bytes of a plugin's stack, which comes first in its memory. With the usual 1 MiB, what a plugin touches
/// would lie beyond the part that the daemon keeps mapped from one instance to the next.
const STACK: u32 = 64 << 10;

/// The custom section in which the daemon looks for a component's manifest.
const MANIFEST: &str = "hostler:manifest";

const BARE: &str = "wasm32-unknown-unknown";
const WASI: &str = "wasm32-wasip2";

/// Builds a package of the workspace in `workspace`, embeds its `plugin.toml`, and writes the component to
/// `<out_dir>/<package>.wasm`, which it returns.
pub fn component(workspace: &Path, package: &str, out_dir: &Path) -> Result<PathBuf> {
    let built = cargo_build(workspace, BARE, &["--package", package], out_dir)?;
    let manifest = workspace.join(package).join("plugin.toml");
    let manifest = fs::read_to_string(&manifest).with_context(|| format!("{} is missing", manifest.display()))?;
    wrap(&built.join(module_name(package)), &out_dir.join(format!("{package}.wasm")), Some(&manifest))
}

/// Builds every file `examples/NAME.rs` of the package in `package_dir`, each a `cdylib`, and writes the
/// components, without manifests, to `<out_dir>/NAME.wasm`.
pub fn examples(package_dir: &Path, out_dir: &Path) -> Result<Vec<PathBuf>> {
    let built = cargo_build(package_dir, BARE, &["--examples"], out_dir)?.join("examples");
    let mut components = Vec::new();
    for entry in fs::read_dir(package_dir.join("examples"))? {
        let source = entry?.path();
        let name = source.file_stem().and_then(|stem| stem.to_str()).context("an example's name is not UTF-8")?;
        components.push(wrap(&built.join(module_name(name)), &out_dir.join(format!("{name}.wasm")), None)?);
    }
    Ok(components)
}

/// Builds a package for `wasm32-wasip2`, whose linker makes a component by itself, and copies it to
/// `<out_dir>/<package>.wasm`.
pub fn wasi_component(workspace: &Path, package: &str, out_dir: &Path) -> Result<PathBuf> {
    let built = cargo_build(workspace, WASI, &["--package", package], out_dir)?;
    let component = out_dir.join(format!("{package}.wasm"));
    fs::copy(built.join(module_name(package)), &component)?;
    Ok(component)
}

/// Runs cargo and returns the folder with what it built.
fn cargo_build(dir: &Path, target: &str, what: &[&str], out_dir: &Path) -> Result<PathBuf> {
    ensure!(
        is_installed(target)?,
        "the Rust target {target}, for which plugins are compiled, is not installed: run `make setup`"
    );
    // Cargo of the same target folder would wait for the one that runs us, for ever.
    let target_dir = out_dir.join("guests");
    let status = clean(tool("CARGO", "cargo"))
        .current_dir(dir)
        .args(["build", "--release", "--locked", "--target", target, "--target-dir"])
        .arg(&target_dir)
        .args(what)
        .env("CARGO_ENCODED_RUSTFLAGS", flags()?)
        .stdout(Stdio::null()) // a build script's output is read by cargo
        .status()
        .context("cargo could not be started")?;
    if !status.success() {
        bail!("the plugins in {} do not compile: see the messages of the compiler above", dir.display());
    }
    Ok(target_dir.join(target).join("release"))
}

/// A small stack, and no paths of this machine in the messages of panics, and so in the component's digest.
fn flags() -> Result<OsString> {
    let cargo_home = match std::env::var_os("CARGO_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir().context("neither CARGO_HOME nor a home folder is known")?.join(".cargo"),
    };
    let mut flags = OsString::from("-Clink-arg=-zstack-size=");
    flags.push(STACK.to_string());
    flags.push("\u{1f}--remap-path-prefix=");
    flags.push(cargo_home);
    flags.push("=cargo");
    Ok(flags)
}

fn is_installed(target: &str) -> Result<bool> {
    let output = clean(tool("RUSTC", "rustc"))
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("rustc could not be started")?;
    Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// The program that cargo names to build scripts.
fn tool(variable: &str, name: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| OsString::from(name)))
}

/// Takes away what cargo and clippy set for the build that runs us: their flags are meant for the
/// host, and their wrappers check code instead of compiling it.
fn clean(mut command: Command) -> Command {
    const KEPT: [&str; 6] =
        ["CARGO_HOME", "CARGO_HTTP_", "CARGO_MAKEFLAGS", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_SOURCE_"];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let ours = ["CARGO", "CLIPPY", "RUSTC", "RUSTFLAGS", "RUSTDOC"].iter().any(|start| name.starts_with(start));
        if ours && !KEPT.iter().any(|start| name.starts_with(start)) {
            command.env_remove(name.as_ref());
        }
    }
    command
}

fn module_name(crate_name: &str) -> String {
    format!("{}.wasm", crate_name.replace('-', "_"))
}

/// Makes a component of a module that `wit-bindgen` described, with a manifest inside.
fn wrap(module: &Path, component: &Path, manifest: Option<&str>) -> Result<PathBuf> {
    let bytes = fs::read(module).with_context(|| format!("{} was not built", module.display()))?;
    let mut encoded = ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(ComponentEncoder::encode)
        .with_context(|| format!("{} cannot be made a component", module.display()))?;
    if let Some(manifest) = manifest {
        CustomSection { name: MANIFEST.into(), data: manifest.as_bytes().into() }.append_to_component(&mut encoded);
    }
    fs::write(component, encoded)?;
    Ok(component.to_owned())
}
