//! Files that modules ask for: read in the runtime's own threads, so that a slow disk holds nobody up.

use std::fs::{File, metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use engine::Answer;
use engine::files::{Files, too_long};

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
        let said = |error: std::io::Error| error.to_string();
        // Opening a FIFO waits for whoever writes it.
        if !metadata(path).map_err(said)?.is_file() {
            return Err("not a file".to_owned());
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(said)?;
        let more = bytes_max as u64 + 1;
        file.take(more).read_to_end(&mut bytes).map_err(said)?;
        if bytes.len() > bytes_max {
            return Err(too_long(bytes_max));
        }
        Ok(bytes)
    }
}

/// The answer to a shard's query.
pub(crate) async fn answer(path: PathBuf, bytes_max: usize) -> Answer {
    let read = tokio::task::spawn_blocking(move || Disk.read(&path, bytes_max)).await;
    match read {
        Ok(Ok(bytes)) => Answer::File(Ok(bytes.into())),
        Ok(Err(why)) => Answer::File(Err(why.into())),
        Err(_) => Answer::Failed,
    }
}
