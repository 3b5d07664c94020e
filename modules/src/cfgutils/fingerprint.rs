//! `hash_file`: whether a file is still what it was when the server started.

use std::fmt::Write;

use engine::module::{CommandArgs, CommandResult, Context, Exports};
use md5::{Digest, Md5};

use super::CfgUtils;

/// The file, and what it was.
#[derive(Debug, Default)]
pub(super) struct Fingerprint {
    /// Empty: none is watched.
    pub(super) path: String,
    known: String,
}

impl Fingerprint {
    /// At start.
    pub(super) fn take(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        if !self.path.is_empty() {
            self.known = fingerprint(&cx.read_file(&self.path)?);
        }
        Ok(())
    }

    fn known(&self) -> Result<&str, (i32, String)> {
        if self.path.is_empty() {
            return Err((404, "No file for hashing has been configured".into()));
        }
        Ok(&self.known)
    }
}

/// MD5 finds out that somebody edited a file, and nothing more is asked of it.
fn fingerprint(bytes: &[u8]) -> String {
    Md5::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing into memory does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

pub(super) fn export_commands(exports: &mut Exports<CfgUtils>) {
    exports.command("get_config_hash", &[&[]], |cfgutils, _, _, out| {
        let known = cfgutils.fingerprint.known()?;
        out.extend_from_slice(format!("\"{known}\"").as_bytes());
        Ok(())
    });
    exports.command("check_config_hash", &[&[]], check);
}

fn check(
    cfgutils: &mut CfgUtils,
    cx: &mut Context<'_>,
    _: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let known = cfgutils.fingerprint.known()?;
    let bytes = cx.read_file(&cfgutils.fingerprint.path)?;
    if fingerprint(&bytes) != known {
        return Err((
            400,
            "The actual config file hash is not identical to the stored one.".into(),
        ));
    }
    out.extend_from_slice(b"\"The actual config file hash is identical to the stored one.\"");
    Ok(())
}
