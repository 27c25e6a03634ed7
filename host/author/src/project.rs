//! A folder with the sources of one plugin.

use crate::embedded;
use crate::error::Error;
use crate::language::Language;
use hostler_plugins::Manifest;
use std::fs;
use std::path::{Path, PathBuf};

/// What a plugin says of itself.
pub(crate) const MANIFEST: &str = "plugin.toml";

/// A folder with the sources of one plugin.
pub(crate) struct Project {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// What it is written in, by its marker file.
    pub(crate) language: Language,
    /// The text of its `plugin.toml`.
    pub(crate) text: String,
    /// What that says.
    pub(crate) manifest: Manifest,
}

impl Project {
    /// The project in a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let folder = folder.canonicalize().map_err(|error| Error::file(folder, error))?;
        let shown = folder.display();
        let text = fs::read_to_string(folder.join(MANIFEST)).map_err(|error| {
            let make = "make a project with `hostler plugin new`, or name the folder of yours";
            Error::Project(format!("{shown} is no project of a plugin, {MANIFEST} cannot be read ({error}): {make}"))
        })?;
        let language = Language::of(&folder).ok_or_else(|| {
            Error::Project(format!("{shown} has none of Cargo.toml, plugin.py and plugin.js, which name its language"))
        })?;
        let (manifest, wrong) = Manifest::examine(&text);
        let manifest = manifest.filter(|_| wrong.is_empty()).ok_or_else(|| {
            let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            Error::Project(format!("{}: {}", folder.join(MANIFEST).display(), wrong.join("\n")))
        })?;
        Ok(Self { folder, language, text, manifest })
    }

    /// Where its build puts the component.
    pub(crate) fn component(&self) -> PathBuf {
        self.folder.join(format!("{}.wasm", self.manifest.name))
    }

    /// Where its SDK is. A project without one gets that of this program.
    pub(crate) fn sdk(&self) -> Result<PathBuf, Error> {
        let own = self.folder.join(self.language.sdk());
        if own.is_dir() {
            return Ok(own);
        }
        let ours = self.build_folder()?.join("sdk");
        embedded::write(&format!("sdk/{}", self.language.word()), &ours, &self.manifest.name)?;
        Ok(ours)
    }

    /// A folder for what is made on the way, and can be made again. It is there.
    pub(crate) fn build_folder(&self) -> Result<PathBuf, Error> {
        let folder = self.folder.join("build");
        fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, error))?;
        Ok(folder)
    }
}
