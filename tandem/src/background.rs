//! Where and as whom the server runs: foreground or background, user, directories, pid file.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use script::globals::Globals;
use wire::process::{self, Fork};

use crate::arguments::Arguments;

/// Which process goes on.
pub(crate) enum Place {
    /// This one.
    Here(Here),
    /// A child does, and it serves; this one leaves.
    Elsewhere,
}

/// The process that serves, and who waits for its word.
pub(crate) struct Here {
    tell: Option<OwnedFd>,
}

/// The child's word to the one that waits for it.
const READY: u8 = b'r';

/// Stays, or goes to the background: before any thread and any socket. The first process waits
/// until the child serves, so that its exit status is the truth; what goes wrong the child says itself.
pub(crate) fn choose(stays: bool) -> Result<Place, String> {
    if stays {
        return Ok(Place::Here(Here { tell: None }));
    }
    match process::background()
        .map_err(|error| format!("cannot go to the background: {error}. Use -F."))?
    {
        Fork::Child { tell } => Ok(Place::Here(Here { tell: Some(tell) })),
        Fork::Parent { word } => {
            let mut said = [0];
            match File::from(word).read(&mut said) {
                Ok(1) if said == [READY] => Ok(Place::Elsewhere),
                // It has said why.
                _ => std::process::exit(1),
            }
        }
    }
}

impl Here {
    /// Tells who waits that the server serves, and lets go of the terminal.
    pub(crate) fn announce(self, keep_error: bool) {
        if let Some(tell) = self.tell {
            let _ = process::detach_standard_streams(keep_error);
            let _ = File::from(tell).write_all(&[READY]);
        }
    }
}

/// A pid file, removed when the server ends.
pub(crate) struct PidFile(PathBuf);

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Once the sockets are bound: pid file, directories, user. In this order, since each may take away
/// what the one before needs.
pub(crate) fn settle(arguments: &Arguments, globals: &Globals) -> Result<Option<PidFile>, String> {
    let user = arguments.user.as_deref().map(process::user).transpose();
    let user = user.map_err(|error| format!("-u: {error}."))?;
    let group = arguments.group.as_deref().map(process::group).transpose();
    let group = group.map_err(|error| format!("-g: {error}."))?;

    let pid_file = arguments.pid_file.as_ref().map(|path| {
        if let Some(pid) = other_server(path) {
            return Err(format!(
                "-P {}: it is the pid file of another Tandem, process {pid}, which runs. Stop that one, or \
                 choose another file.",
                path.display()
            ));
        }
        std::fs::write(path, format!("{}\n", std::process::id()))
            .map(|()| PidFile(std::path::absolute(path).unwrap_or_else(|_| path.clone())))
            .map_err(|error| format!("-P {}: {error}.", path.display()))
    });
    let pid_file = pid_file.transpose()?;
    let path_of = |name: &str| {
        globals
            .text(name)
            .map(|text| PathBuf::from(String::from_utf8_lossy(text).into_owned()))
    };
    if let Some(root) = arguments.root.clone().or_else(|| path_of("chroot")) {
        process::change_root(&root).map_err(|error| format!("-t {}: {error}.", root.display()))?;
    }
    let directory = arguments
        .directory
        .clone()
        .or_else(|| path_of("wdir"))
        .or_else(|| path_of("workdir"));
    if let Some(directory) = directory {
        std::env::set_current_dir(&directory)
            .map_err(|error| format!("-w {}: {error}.", directory.display()))?;
    }
    if globals.is_on("disable_core_dump") == Some(true) {
        let _ = process::forbid_core_dump();
    }
    if let Some((uid, own_group)) = user {
        process::become_user(Some(uid), group.or(own_group))
            .map_err(|error| format!("cannot become the user of -u: {error}."))?;
    } else if group.is_some() {
        process::become_user(None, group)
            .map_err(|error| format!("cannot become the group of -g: {error}."))?;
    }
    Ok(pid_file)
}

/// The process that a pid file names, if it runs and is another Tandem. What is left of a server that was
/// killed is overwritten.
fn other_server(pid_file: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(pid_file).ok()?;
    let pid = text.trim().parse::<u32>().ok()?;
    let name = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    let own = std::process::id();
    (pid != own && name(pid).is_some() && name(pid) == name(own)).then_some(pid)
}
