//! Compiles plugins and wraps them as components, for build scripts and for `hostler plugin build`.
//!
//! A plugin is a crate of type `cdylib` in a workspace of its own. It is built for
//! `wasm32-unknown-unknown`, by a cargo of its own, and the module that comes out is wrapped as a component that
//! imports only what its WIT names.
//!
//! Nothing here prints `cargo::` lines: what a build script watches is its own affair.

#![expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by the environment, and is spoken to so")]

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
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

const NO_CARGO: &str = "cargo could not be started: install Rust with rustup, https://rustup.rs";

const BARE: &str = "wasm32-unknown-unknown";
const WASI: &str = "wasm32-wasip2";

/// Builds a package of the workspace in `workspace`, embeds its `plugin.toml`, and writes the component to
/// `<out_dir>/<package>.wasm`, which it returns.
pub fn component(workspace: &Path, package: &str, out_dir: &Path) -> Result<PathBuf> {
    let built = cargo_build(workspace, BARE, &["--package", package], out_dir)?;
    let manifest = workspace.join(package).join("plugin.toml");
    let manifest = fs::read_to_string(&manifest).with_context(|| format!("{} is missing", manifest.display()))?;
    let component = out_dir.join(format!("{package}.wasm"));
    fs::write(&component, with_manifest(wrap(&built.join(module_name(package)))?, &manifest))?;
    Ok(component)
}

/// Builds every file `examples/NAME.rs` of the package in `package_dir`, each a `cdylib`, and writes the
/// components, without manifests, to `<out_dir>/NAME.wasm`.
pub fn examples(package_dir: &Path, out_dir: &Path) -> Result<Vec<PathBuf>> {
    let built = cargo_build(package_dir, BARE, &["--examples"], out_dir)?.join("examples");
    let mut components = Vec::new();
    for entry in fs::read_dir(package_dir.join("examples"))? {
        let source = entry?.path();
        let name = source.file_stem().and_then(|stem| stem.to_str()).context("an example's name is not UTF-8")?;
        let component = out_dir.join(format!("{name}.wasm"));
        fs::write(&component, wrap(&built.join(module_name(name)))?)?;
        components.push(component);
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

/// Builds the crate in `folder` as its author would, with the target folder and the versions that hold there, and returns
/// the component, without a manifest. With `wasi` its standard library may use WASI. Only flags of the compiler differ: ours
/// stand in for `rustflags` of the project's `.cargo/config.toml`.
pub fn project(folder: &Path, wasi: bool) -> Result<Vec<u8>> {
    let target = if wasi { WASI } else { BARE };
    let mut cargo = cargo(folder, target)?;
    if let Some(target_dir) = std::env::var_os("CARGO_TARGET_DIR") {
        cargo.env("CARGO_TARGET_DIR", std::path::absolute(target_dir)?);
    }
    let output = cargo.args(["--lib", "--message-format=json-render-diagnostics"]).stderr(Stdio::inherit()).output();
    let output = output.context(NO_CARGO)?;
    ensure!(output.status.success(), "{} does not compile: see the messages above", folder.display());
    // The last is the project's own: cargo builds what it depends on before it.
    let mut messages = output.stdout.rsplit(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let module = messages.find_map(|message: Value| module(&message));
    let module = module.context("Cargo.toml makes no module: add `crate-type = [\"cdylib\"]` under [lib]")?;
    if wasi { Ok(fs::read(module)?) } else { wrap(&module) }
}

/// The module that cargo tells of, if it does.
fn module(message: &Value) -> Option<PathBuf> {
    let files = message["filenames"].as_array().filter(|_| message["reason"] == "compiler-artifact")?;
    files
        .iter()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| file.extension() == Some("wasm".as_ref()))
}

/// Puts a manifest into a component that has none.
pub fn with_manifest(mut component: Vec<u8>, manifest: &str) -> Vec<u8> {
    CustomSection { name: MANIFEST.into(), data: manifest.as_bytes().into() }.append_to_component(&mut component);
    component
}

/// Runs cargo and returns the folder with what it built.
fn cargo_build(dir: &Path, target: &str, what: &[&str], out_dir: &Path) -> Result<PathBuf> {
    // Cargo of the same target folder would wait for the one that runs us, for ever.
    let target_dir = out_dir.join("guests");
    let status = cargo(dir, target)?
        .args(["--locked", "--target-dir"])
        .arg(&target_dir)
        .args(what)
        .stdout(Stdio::null()) // a build script's output is read by cargo
        .status()
        .context(NO_CARGO)?;
    if !status.success() {
        bail!("the plugins in {} do not compile: see the messages of the compiler above", dir.display());
    }
    Ok(target_dir.join(target).join("release"))
}

/// Cargo, about to build for a target that is there.
fn cargo(dir: &Path, target: &str) -> Result<Command> {
    ensure!(
        is_installed(dir, target)?,
        "the Rust target {target}, for which plugins are compiled, is not installed: run `rustup target add {target}`"
    );
    let mut cargo = clean(tool("CARGO", "cargo"));
    cargo.current_dir(dir).args(["build", "--release", "--target", target]).env("CARGO_ENCODED_RUSTFLAGS", flags()?);
    Ok(cargo)
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

/// A folder can have a toolchain of its own.
fn is_installed(dir: &Path, target: &str) -> Result<bool> {
    let output = clean(tool("RUSTC", "rustc"))
        .current_dir(dir)
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("rustc could not be started: install Rust with rustup, https://rustup.rs")?;
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

/// Makes a component of a module that `wit-bindgen` described.
fn wrap(module: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("{} was not built", module.display()))?;
    let encoded = ComponentEncoder::default().validate(true).module(&bytes).and_then(ComponentEncoder::encode);
    encoded.with_context(|| format!("{} cannot be made a component", module.display()))
}
