//! The operator's preprocessor (`-p COMMAND`): a process that turns one text into another.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longest run of a preprocessor: m4 over the largest public script takes milliseconds.
const DEADLINE_S: u64 = 10;
/// Bytes that are taken of its output and of its complaints; the script's own bound is far smaller.
const OUTPUT_BYTES_MAX: u64 = 16 << 20;
/// Bytes of its complaints that are shown.
const COMPLAINT_BYTES_SHOWN: usize = 400;

/// Sends `text` through a command that works in this directory: words split on blanks, no shell. The error is for a
/// person.
pub(crate) fn run(command: &str, directory: &Path, text: Vec<u8>) -> Result<Vec<u8>, String> {
    let mut words = command.split_whitespace();
    let Some(program) = words.next() else {
        return Err("-p wants a command, such as `-p m4`".to_owned());
    };
    let mut child = Command::new(program)
        .args(words)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            format!("cannot run `{program}`: {error}; is it installed, and in PATH?")
        })?;
    let input = child.stdin.take();
    // All three ends at once: a process that writes before it has read everything must not stop.
    thread::spawn(move || {
        // One that reads no further, like `head`, is none the worse for it.
        let _ = input.map(|mut input| input.write_all(&text));
    });
    let output = drain(child.stdout.take());
    let complaints = drain(child.stderr.take());
    let deadline = Instant::now() + Duration::from_secs(DEADLINE_S);
    let left = || deadline.saturating_duration_since(Instant::now());
    let Ok(output) = output.recv_timeout(left()) else {
        return Err(stop(child, command));
    };
    let complaints = complaints.recv_timeout(left()).unwrap_or_default();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if !left().is_zero() => thread::sleep(Duration::from_millis(2)),
            Ok(None) => return Err(stop(child, command)),
            Err(error) => return Err(format!("`{command}`: {error}")),
        }
    };
    if status.success() {
        return Ok(output);
    }
    let shown = &complaints[..complaints.len().min(COMPLAINT_BYTES_SHOWN)];
    let shown = String::from_utf8_lossy(shown);
    Err(format!("`{command}`: {status}: {}", shown.trim_end()))
}

fn stop(mut child: Child, command: &str) -> String {
    let _ = child.kill();
    let _ = child.wait();
    format!("`{command}` did not end within {DEADLINE_S} s")
}

fn drain(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (to, all) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.map(|from| from.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes));
        let _ = to.send(bytes);
    });
    all
}
