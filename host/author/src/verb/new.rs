//! `hostler plugin new`: a folder with a plugin that works.

use crate::error::Error;
use crate::language::Language;
use crate::{Surroundings, embedded, exit};
use clap::Args;
use clap::builder::PossibleValuesParser;
use hostler_plugins::{WorldName, check_name, is_built_in};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Makes a project.
#[derive(Args)]
pub struct New {
    /// What the plugin is called: lower-case letters, digits and `-`.
    name: String,
    /// What it is written in.
    #[arg(long)]
    lang: Language,
    /// What it is for: a driver carries jobs out, a policy judges them.
    #[arg(long, default_value = "driver", value_parser = PossibleValuesParser::new(WorldName::ALL.map(WorldName::word)))]
    world: String,
}

/// Does it.
pub(crate) fn new(new: &New, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let New { name, lang, world } = new;
    let is_good = check_name(name).is_ok() && name.starts_with(|first: char| first.is_ascii_lowercase());
    if !is_good {
        return Err(Error::Input(format!(
            "`{name}` is no name of a plugin: it begins with a lower-case letter, and has lower-case letters, digits and `-` only"
        )));
    }
    if is_built_in(name) {
        return Err(Error::Input(hostler_plugins::Error::NameTaken(name.clone()).to_string()));
    }
    let template = format!("templates/{}/{world}", lang.word());
    let folder = PathBuf::from(name);
    fs::create_dir(&folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::Input(format!("{name} exists already: choose another name, or remove it")),
        _ => Error::file(&folder, error),
    })?;
    fill(&folder, name, *lang, &template)?;
    writeln!(surroundings.stdout, "{}", folder.display())?;
    Ok(exit::SUCCESS)
}

fn fill(folder: &Path, name: &str, lang: Language, template: &str) -> Result<(), Error> {
    embedded::write(template, folder, name)?;
    embedded::write("wit", &folder.join("wit"), name)?;
    if lang == Language::Rust {
        // The versions that Hostler's own plugins are built with; cargo takes out what is not needed.
        embedded::write("lock/Cargo.lock", &folder.join("Cargo.lock"), name)?;
    }
    embedded::write(&format!("sdk/{}", lang.word()), &folder.join(lang.sdk()), name)
}
