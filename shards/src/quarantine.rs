//! Messages that made the engine panic, one file each, for whoever mends it.
//!
//! Written by glommio's own file I/O: the shard goes on meanwhile, and lets it advance.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use glommio::io::BufferedFile;

use crate::limits::{QUARANTINE_FILES_MAX, QUARANTINE_PENDING_MAX};

/// glommio's work in progress. While there is any, the turn does not block.
#[derive(Clone, Default)]
pub(crate) struct Background {
    outstanding: Rc<Cell<usize>>,
}

impl Background {
    pub(crate) fn is_busy(&self) -> bool {
        self.outstanding.get() > 0
    }
}

/// Where the files go.
pub(crate) struct Quarantine {
    directory: PathBuf,
    shard: u16,
    count: u64,
    background: Background,
}

impl Quarantine {
    pub(crate) fn new(directory: PathBuf, shard: u16, background: Background) -> Quarantine {
        Quarantine {
            directory,
            shard,
            count: 0,
            background,
        }
    }

    /// Keeps a message with the reason before it. False if there are enough of them, or too many on
    /// their way.
    pub(crate) fn keep(&mut self, unix_us: u64, reason: &[u8], message: &[u8]) -> bool {
        let outstanding = self.background.outstanding.clone();
        if outstanding.get() >= QUARANTINE_PENDING_MAX || self.count >= QUARANTINE_FILES_MAX {
            return false;
        }
        self.count += 1;
        let name = format!(
            "quarantine-{}-{}-{}.sip",
            unix_us / 1_000_000,
            self.shard,
            self.count
        );
        let path = self.directory.join(name);
        let mut text = b"; ".to_vec();
        text.extend(
            reason
                .iter()
                .map(|&byte| if byte == b'\n' { b' ' } else { byte }),
        );
        text.push(b'\n');
        text.extend_from_slice(message);
        outstanding.set(outstanding.get() + 1);
        glommio::spawn_local(async move {
            // No place to keep it is no reason to stop; the log has the reason anyway.
            if let Ok(file) = BufferedFile::create(&path).await {
                let _ = file.write_at(text, 0).await;
                let _ = file.close().await;
            }
            outstanding.set(outstanding.get() - 1);
        })
        .detach();
        true
    }
}
