//! Compiles the guests of the tests. `TEST_GUESTS` is the folder with the components.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("..");
    let guests = root.join("tests/guests");
    for watched in ["examples", "src", "wasi", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", guests.join(watched).display());
    }
    for watched in ["plugins/sdk", "plugins/appliance", "plugins/paramiko", "plugins/Cargo.toml", "wit"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    for watched in ["Cargo.toml", "Cargo.lock", "table-driver", "wasi-guest"] {
        println!("cargo::rerun-if-changed={}", root.join("examples").join(watched).display());
    }
    hostler_plugin_build::examples(&guests, &out_dir)?;
    for plugin in ["appliance", "paramiko"] {
        hostler_plugin_build::component(&root.join("plugins"), plugin, &out_dir)?;
    }
    hostler_plugin_build::wasi_component(&guests, "wasi", &out_dir)?;
    hostler_plugin_build::component(&root.join("examples"), "table-driver", &out_dir)?;
    hostler_plugin_build::wasi_component(&root.join("examples"), "wasi-guest", &out_dir)?;
    println!("cargo::rustc-env=TEST_GUESTS={}", out_dir.display());
    Ok(())
}
