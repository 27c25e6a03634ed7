//! A component that was built.

use crate::error::Error;
use crate::project::Project;
use hostler_files::Files;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Seconds that compiling a plugin to native code may take. A daemon is stricter, because it compiles what others wrote: a
/// busy machine must not keep authors from trying their own, and engines of scripting languages are large.
pub(crate) const COMPILE_TIME: u64 = 3600;

/// A component, and what lies beside it.
pub(crate) struct Built {
    /// Its file.
    pub(crate) file: PathBuf,
    /// Its content.
    pub(crate) wasm: Vec<u8>,
    /// The manifest of its project, or the one beside it.
    pub(crate) beside: Option<String>,
    project: Option<Project>,
}

impl Built {
    /// The component that `path` means: itself, or what the build of the project in this folder made.
    pub(crate) fn find(path: &Path) -> Result<Self, Error> {
        if path.is_dir() {
            let project = Project::open(path)?;
            let file = project.component();
            let missing = || Error::Project(format!("there is no {} yet: run `hostler plugin build`", file.display()));
            let wasm = fs::read(&file).map_err(|_| missing())?;
            return Ok(Self { wasm, beside: Some(project.text.clone()), project: Some(project), file });
        }
        let wasm = fs::read(path).map_err(|error| Error::Input(format!("{}: {error}", path.display())))?;
        let beside = fs::read_to_string(path.with_extension("toml")).ok();
        Ok(Self { wasm, beside, project: None, file: path.to_owned() })
    }

    /// The folder that it is tried in: the project's, or the one that its file lies in.
    pub(crate) fn folder(&self) -> &Path {
        match &self.project {
            Some(project) => &project.folder,
            None => self.file.parent().unwrap_or(Path::new("")),
        }
    }

    /// Where it is compiled and tried: in the project's folder for what is built, where the next run finds it compiled, else in
    /// a folder that goes when it is dropped.
    pub(crate) fn workplace(&self) -> Result<Workplace, Error> {
        if let Some(project) = &self.project {
            return Ok(Workplace { folder: project.build_folder()?, _gone: None });
        }
        let gone = TempDir::with_prefix("hostler-plugin-").map_err(|error| Error::file(&self.file, error))?;
        Ok(Workplace { folder: gone.path().to_owned(), _gone: Some(gone) })
    }
}

/// A folder for what the host of plugins keeps.
pub(crate) struct Workplace {
    /// It.
    pub(crate) folder: PathBuf,
    _gone: Option<TempDir>,
}

impl Workplace {
    /// Where compiled components are kept.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// Where a daemon would have its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The daemon's files: those in these folders, and none if there are no folders.
    pub(crate) fn files(&self, roots: Vec<PathBuf>) -> Result<Files, Error> {
        let data = self.data();
        for folder in ["files", "staged"] {
            let folder = data.join(folder);
            fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, error))?;
        }
        let config = hostler_files::Config { data, roots, ..hostler_files::Config::default() };
        config.build().map_err(|error| Error::Project(error.to_string()))
    }
}
