//! The other end of the FIFO: asks a server one thing, as `opensips-cli` does.
//!
//! Blocking, for a command of the shell; every wait ends at one deadline.

#![expect(
    clippy::disallowed_methods,
    reason = "control owns a clock, and its waits end"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use serde_json::{Value, json};

/// Bytes of an answer: a list of a million contacts is longer than anybody reads.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What a server answered.
pub type Answered = Result<Value, (i64, String)>;

/// Asks the server behind this pipe, and waits until the answer has come or the time is over. Parameters are named or
/// in order, not both. `Err` of the outer result is for a person: nobody was asked, or nobody answered.
pub fn ask(
    fifo: &Path,
    reply_directory: &Path,
    method: &str,
    parameters: &[(Option<String>, String)],
    within: Duration,
) -> Result<Answered, String> {
    let deadline = Instant::now() + within;
    let request = request(method, parameters)?;
    let mut server = open_writing(fifo)?;
    let reply = Reply::make(reply_directory, fifo)?;
    let whole = format!(":{}:{request}\n", reply.name);
    server
        .write_all(whole.as_bytes())
        .map_err(|error| format!("{}: {error}.", fifo.display()))?;
    drop(server);
    let text = reply.read(deadline).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => format!(
            "{}: the server did not answer within {} s. It may have more to do than that (--timeout), or look for our \
             pipe in another directory than {}, its modparam(\"mi_fifo\", \"reply_dir\") (--reply-dir).",
            fifo.display(),
            within.as_secs(),
            reply_directory.display(),
        ),
        _ => format!("{}: {error}.", reply.path.display()),
    })?;
    let mut answer: Value = serde_json::from_slice(&text)
        .map_err(|error| format!("the answer is not JSON ({error})."))?;
    if let Some(error) = answer.get("error") {
        let message = error["message"].as_str().unwrap_or("failed");
        let detail = match &error["data"] {
            Value::Null => String::new(),
            Value::String(text) => format!(": {text}"),
            other => format!(": {other}"),
        };
        let code = error["code"].as_i64().unwrap_or(0);
        return Ok(Err((code, format!("{message}{detail}"))));
    }
    Ok(Ok(answer["result"].take()))
}

fn request(method: &str, parameters: &[(Option<String>, String)]) -> Result<Value, String> {
    let is_named = parameters.iter().any(|(name, _)| name.is_some());
    let params = if is_named {
        let mut named = serde_json::Map::new();
        for (name, value) in parameters {
            let name = name.as_ref().ok_or_else(|| {
                format!("`{value}` has no name, others have; name all parameters or none")
            })?;
            // A name given again makes a list, as of `get_statistics statistics=a statistics=b`.
            match named.get_mut(name) {
                None => {
                    named.insert(name.clone(), json!(value));
                }
                Some(Value::Array(list)) => list.push(json!(value)),
                Some(there) => *there = json!([there.take(), value]),
            }
        }
        Value::Object(named)
    } else {
        parameters.iter().map(|(_, value)| json!(value)).collect()
    };
    let mut request = json!({ "jsonrpc": "2.0", "method": method, "id": 1 });
    if !parameters.is_empty() {
        request["params"] = params;
    }
    Ok(request)
}

fn open_writing(fifo: &Path) -> Result<File, String> {
    let explain = |error: io::Error| {
        let path = fifo.display();
        match error.raw_os_error() {
            Some(libc::ENXIO) => {
                format!(
                    "{path}: no server reads this pipe; the one that made it has ended. Say where another is with --fifo, or with \
                 -f and its script."
                )
            }
            Some(libc::ENOENT) => format!(
                "{path}: there is no such pipe. Does a server run, and does its script load mi_fifo? \
                 Say where with --fifo, or with -f and its script."
            ),
            _ => format!("{path}: {error}."),
        }
    };
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(fifo)
        .map_err(explain)?;
    let is_pipe = file
        .metadata()
        .is_ok_and(|there| std::os::unix::fs::FileTypeExt::is_fifo(&there.file_type()));
    if is_pipe {
        Ok(file)
    } else {
        Err(format!("{}: it is not a pipe.", fifo.display()))
    }
}

/// Our pipe, gone with us.
struct Reply {
    name: String,
    path: PathBuf,
    file: File,
}

impl Reply {
    fn make(directory: &Path, fifo: &Path) -> Result<Reply, String> {
        let name = format!("tandem_mi_{}", std::process::id());
        let path = directory.join(&name);
        let _ = std::fs::remove_file(&path);
        let explain = |error: io::Error| format!("{}: {error}.", path.display());
        // The server may be another user; who may write to its pipe shares a group with it.
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o666), 0)
            .map_err(|error| explain(error.into()))?;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(&path)
            .map_err(explain);
        let group =
            std::fs::metadata(fifo).map(|there| std::os::unix::fs::MetadataExt::gid(&there));
        if let Ok(group) = group {
            let _ = std::os::unix::fs::chown(&path, None, Some(group));
        }
        match file {
            Ok(file) => Ok(Reply { name, path, file }),
            Err(error) => {
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Everything that comes, until the server closes its end.
    fn read(&self, deadline: Instant) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let wait = Timespec::try_from(left).ok();
            let mut ends = [PollFd::new(&self.file, PollFlags::IN)];
            poll(&mut ends, wait.as_ref())?;
            match (&self.file).read(&mut piece) {
                // Before the server has opened its end there is nobody either.
                Ok(0) if text.is_empty() => std::thread::sleep(Duration::from_millis(1)),
                Ok(0) => return Ok(text),
                Ok(count) => text.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if text.len() > ANSWER_BYTES_MAX {
                return Err(io::Error::other("the answer is too long"));
            }
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
