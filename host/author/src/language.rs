//! What a plugin is written in.

use clap::ValueEnum;
use std::path::Path;

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust.
    Rust,
    /// Python, compiled by componentize-py.
    Python,
    /// JavaScript, compiled by componentize-js.
    #[value(name = "js")]
    JavaScript,
}

impl Language {
    /// The language of the project in a folder.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        Self::value_variants().iter().copied().find(|language| folder.join(language.marker()).is_file())
    }

    /// The file that every project in it has.
    pub(crate) fn marker(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Python => "plugin.py",
            Self::JavaScript => "plugin.js",
        }
    }

    /// Its name on the command line, and of its templates and its SDK in the binary.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "js",
        }
    }

    /// Where a new project keeps its SDK.
    pub(crate) fn sdk(self) -> &'static str {
        match self {
            // Its own path to the WIT is `../../wit`.
            Self::Rust => "vendor/hostler-sdk",
            Self::Python | Self::JavaScript => "sdk",
        }
    }
}
