//! Files that modules read: those the test names, and otherwise those beside it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use engine::files::{Files, too_long};

use super::plan::{Plan, ServerPlan};

/// What the scripts of a test can read.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    /// Beside the test.
    folder: PathBuf,
    /// Beside the scripts: some modules look there, and ask for `SCRIPT'S FOLDER/PATH`.
    scripts: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Shelf {
    pub(super) fn new(folder: &Path, plan: &Plan) -> Shelf {
        let beside = |server: &ServerPlan| {
            let script = folder.join(&server.script);
            script.parent().map(Path::to_owned)
        };
        let files = plan.files.iter();
        Shelf {
            folder: folder.to_owned(),
            scripts: plan.servers.iter().filter_map(beside).collect(),
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
        // As the script names it, whatever the place that it was started from.
        let named = |folder: &PathBuf| {
            let rest = path.strip_prefix(folder).ok()?;
            rest.is_relative().then_some(rest)
        };
        let mut folders = self.scripts.iter().chain([&self.folder]);
        let own = self.files.get(path);
        let own = own.or_else(|| folders.find_map(|folder| self.files.get(named(folder)?)));
        if let Some(bytes) = own {
            return match bytes.len() > bytes_max {
                true => Err(too_long(bytes_max)),
                false => Ok(bytes.clone()),
            };
        }
        // What lies elsewhere on this machine would make a test depend on it.
        let beside = self.scripts.iter().any(|folder| named(folder).is_some());
        if path.is_absolute() && !beside {
            return Err(format!(
                "no such file: the test has no `file {}`",
                path.display()
            ));
        }
        let path = match beside {
            true => path.to_owned(),
            false => self.folder.join(path),
        };
        let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        let read = file.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        match bytes.len() > bytes_max {
            true => Err(too_long(bytes_max)),
            false => Ok(bytes),
        }
    }
}
