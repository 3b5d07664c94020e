//! Where the bytes of a script come from.
//!
//! The crate opens nothing itself: files are asked of a [`Loader`].

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// Reads the files of a script.
pub trait Loader {
    /// The bytes of this file. A relative path is relative to the directory the process started in.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether the text goes through a preprocessor of the operator's (`-p`).
    fn has_preprocessor(&self) -> bool {
        false
    }

    /// Sends the flattened text, which carries line markers, through that preprocessor. The error is for a person.
    fn preprocess(&mut self, flattened: Vec<u8>) -> Result<Vec<u8>, String> {
        Ok(flattened)
    }
}

/// Scripts that are not files: the built-in one, and those of tests.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    files: HashMap<PathBuf, Vec<u8>>,
}

impl InMemory {
    /// One file.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) -> InMemory {
        InMemory {
            files: HashMap::from([(path.into(), text.into())]),
        }
    }

    /// One file more.
    pub fn with(mut self, path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) -> InMemory {
        self.files.insert(path.into(), text.into());
        self
    }
}

impl Loader for InMemory {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
