//! Files below a root: this machine's own, or a copy of another's.

use std::io;
use std::path::{Path, PathBuf};

use shards::profile::cpu_list;

/// Where `/proc` and `/sys` are.
#[derive(Clone, Debug)]
pub(crate) struct Root(PathBuf);

impl Root {
    /// A tree below a directory; `/` is this machine.
    pub(crate) fn at(path: impl Into<PathBuf>) -> Root {
        Root(path.into())
    }

    /// This machine.
    pub(crate) fn this_machine() -> Root {
        Root("/".into())
    }

    pub(crate) fn is_this_machine(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where a path is that begins with `/`.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    /// What is in a file, without the last line's end. `None`: it is not there, or cannot be read.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let bytes = std::fs::read(self.path(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// What is in a directory, numbers in names by their size.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(path)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_by_key(|name| {
            let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let number = name[word.len()..].parse::<u64>().unwrap_or(0);
            (word.to_owned(), number)
        });
        names
    }

    /// A list of cores.
    pub(super) fn cores(&self, path: &str) -> Option<Vec<usize>> {
        cpu_list(&self.read(path)?)
    }

    /// The value of a file that shows its choices as `always [madvise] never`, or all of any other.
    pub(crate) fn chosen(&self, path: &str) -> Option<String> {
        let text = self.read(path)?;
        let inside = text
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'));
        Some(match inside {
            Some((word, _)) => word.to_owned(),
            None => text,
        })
    }

    /// Writes a setting: a file that is there, in one call, as the kernel wants it.
    pub(crate) fn write(&self, path: &str, value: &str) -> io::Result<()> {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.path(path))?;
        file.write_all(value.as_bytes())
    }
}
