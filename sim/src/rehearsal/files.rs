//! Files that modules read: those the test names, and otherwise those beside it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use engine::files::{Files, too_long};

/// What the scripts of a test can read.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Shelf {
    pub(super) fn new(folder: &Path, files: &[(String, Vec<u8>)]) -> Shelf {
        let files = files.iter();
        Shelf {
            folder: folder.to_owned(),
            files: files
                .map(|(path, bytes)| (path.into(), bytes.clone()))
                .collect(),
        }
    }

    pub(super) fn put(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.into(), bytes.to_owned());
    }
}

impl Files for Shelf {
    fn read(&self, path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
        if let Some(bytes) = self.files.get(path) {
            return match bytes.len() > bytes_max {
                true => Err(too_long(bytes_max)),
                false => Ok(bytes.clone()),
            };
        }
        // What lies elsewhere on this machine would make a test depend on it.
        if path.is_absolute() {
            return Err(format!("the test has no `file {}`", path.display()));
        }
        let file =
            std::fs::File::open(self.folder.join(path)).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        let read = file.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        match bytes.len() > bytes_max {
            true => Err(too_long(bytes_max)),
            false => Ok(bytes),
        }
    }
}
