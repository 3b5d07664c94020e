//! Files that modules read: lists of addresses, groups of expressions.
//!
//! Nothing is opened here. While modules start, the shell's reader ([`Files`]) is asked at once; later a file is
//! a [`Query`](crate::Query), and whoever asked waits. Both are reached by
//! [`Context::read_file`](crate::module::Context::read_file).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::input::Ticket;

/// Reads files while modules start. Afterwards nobody asks it: the shell answers queries instead.
pub trait Files: std::fmt::Debug + Send + Sync {
    /// The bytes of a file, `bytes_max` of them at most: a larger one is refused. A relative path is relative to the
    /// directory the process started in. The error is for a person, without the path.
    fn read(&self, path: &Path, bytes_max: usize) -> Result<Vec<u8>, String>;
}

/// Files of tests, and of worlds that have none.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    files: HashMap<PathBuf, Vec<u8>>,
}

impl InMemory {
    /// One file more, or other bytes for one.
    pub fn put(&mut self, path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), text.into());
    }

    /// The same.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) -> InMemory {
        self.put(path, text);
        self
    }

    /// What the world answers to a [`Query::File`](crate::Query::File).
    pub fn answer(&self, path: &Path, bytes_max: usize) -> crate::Answer {
        crate::Answer::File(match self.read(path, bytes_max) {
            Ok(bytes) => Ok(bytes.into()),
            Err(why) => Err(why.into()),
        })
    }
}

impl Files for InMemory {
    fn read(&self, path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
        match self.files.get(path) {
            None => Err("no such file".to_owned()),
            Some(bytes) if bytes.len() > bytes_max => Err(too_long(bytes_max)),
            Some(bytes) => Ok(bytes.clone()),
        }
    }
}

/// Why a file that is larger than permitted is refused.
#[must_use]
pub fn too_long(bytes_max: usize) -> String {
    format!("longer than {bytes_max} bytes")
}

/// Why a file is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The world reads it. A function returns [`Verdict::Wait`](crate::module::Verdict::Wait) with this ticket, a
    /// management command just returns: both are called again with the same arguments when it has been read.
    Waits(Ticket),
    /// It cannot be read. For a person, with the path.
    Failed(Arc<str>),
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FileError::Waits(_) => f.write_str("not read yet"),
            FileError::Failed(why) => f.write_str(why),
        }
    }
}

impl From<FileError> for String {
    fn from(error: FileError) -> String {
        error.to_string()
    }
}

/// What a management command answers; a command that waits is not asked for its answer.
impl From<FileError> for (i32, String) {
    fn from(error: FileError) -> (i32, String) {
        (500, error.to_string())
    }
}
