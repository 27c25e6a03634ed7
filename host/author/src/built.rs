//! A component that was built.

use crate::Surroundings;
use crate::error::Error;
use crate::project::Project;
use hostler_files::Files;
use hostler_plugins::Config;
use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Seconds that compiling a plugin to native code may take. A daemon is stricter, because it compiles what others wrote: a
/// busy machine must not keep authors from trying their own, and engines of scripting languages are large.
const COMPILE_TIME: u64 = 3600;

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
            let wasm = fs::read(&file).map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    Error::Project(format!("there is no {} yet: run `hostler plugin build`", file.display()))
                }
                _ => Error::file(&file, error),
            })?;
            return Ok(Self { wasm, beside: Some(project.text.clone()), project: Some(project), file });
        }
        let wasm = fs::read(path).map_err(|error| Error::unreadable(path, &error))?;
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
            return Ok(Workplace { folder: project.build_folder()?, gone: None });
        }
        let unusable = |error| Error::file(&env::temp_dir(), error);
        let gone = TempDir::with_prefix("hostler-plugin-").map_err(unusable)?;
        Ok(Workplace { folder: gone.path().canonicalize().map_err(unusable)?, gone: Some(gone) })
    }
}

/// A folder for what the host of plugins keeps.
pub(crate) struct Workplace {
    /// It, by its real path.
    pub(crate) folder: PathBuf,
    /// What removes it in the end, unless it stays.
    gone: Option<TempDir>,
}

impl Workplace {
    /// How plugins are loaded here.
    pub(crate) fn config(&self, surroundings: &Surroundings) -> Config {
        Config {
            cache: self.folder.join("cache"),
            compiler: Some(surroundings.compiler.clone()),
            compile_time: COMPILE_TIME,
            ..Config::default()
        }
    }

    /// Whether the next run finds what is kept here.
    pub(crate) fn stays(&self) -> bool {
        self.gone.is_none()
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
