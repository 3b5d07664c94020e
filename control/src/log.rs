//! Where log lines go: standard error, the system log, or both.
//!
//! Shards never write: their lines come here in pages. A reader of standard error that does not read
//! holds up this thread, never a call.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use chrono::Local;

/// How the log is written.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// To standard error.
    pub standard_error: bool,
    /// To the system log.
    pub syslog: Option<Syslog>,
    /// Put before each line.
    pub prefix: String,
    /// Lines above this level are not written: 4 is all.
    pub level: i8,
}

/// How the system log knows us.
#[derive(Clone, Debug)]
pub struct Syslog {
    /// The program's name.
    pub name: String,
    /// RFC 5424 §6.2.1: 3 is the daemons'.
    pub facility: u8,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings {
            standard_error: true,
            syslog: None,
            prefix: String::new(),
            level: 3,
        }
    }
}

impl LogSettings {
    /// Whether the only place for it is a system log that is not there.
    pub fn goes_nowhere(&self) -> bool {
        !self.standard_error && self.syslog.is_some() && !Path::new(SYSLOG_SOCKET).exists()
    }
}

/// Where the system log listens.
pub const SYSLOG_SOCKET: &str = "/dev/log";

pub(crate) struct Log {
    settings: LogSettings,
    socket: Option<UnixDatagram>,
    text: Vec<u8>,
}

impl Log {
    pub(crate) fn new(settings: LogSettings) -> Log {
        let socket = settings
            .syslog
            .as_ref()
            .and_then(|_| UnixDatagram::unbound().ok());
        Log {
            settings,
            socket,
            text: Vec::new(),
        }
    }

    /// A line of our own.
    pub(crate) fn line(&mut self, level: i8, line: &str) {
        self.lines(0, std::iter::once((level, line.as_bytes())));
    }

    /// Lines of a shard, written with one call.
    pub(crate) fn lines<'a>(&mut self, shard: usize, lines: impl Iterator<Item = (i8, &'a [u8])>) {
        self.text.clear();
        let now = Local::now();
        for (level, line) in lines {
            if level > self.settings.level {
                continue;
            }
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if let (Some(syslog), Some(socket)) = (&self.settings.syslog, &self.socket) {
                let priority = syslog.facility * 8 + severity(level);
                let mut text = format!(
                    "<{priority}>{} {}[{}]: {}",
                    now.format("%b %e %H:%M:%S"),
                    syslog.name,
                    std::process::id(),
                    self.settings.prefix,
                )
                .into_bytes();
                text.extend_from_slice(line);
                // A full or missing system log must not hold up anybody.
                let _ = socket.set_nonblocking(true);
                let _ = socket.send_to(&text, SYSLOG_SOCKET);
            }
            if self.settings.standard_error {
                let _ = write!(
                    self.text,
                    "{} [{shard}] {}{}",
                    now.format("%b %e %H:%M:%S"),
                    word(level),
                    self.settings.prefix
                );
                // Control characters of a peer do not reach a terminal, and a line of a peer's text never
                // looks like a line of ours.
                for &byte in line.trim_ascii_end() {
                    match byte {
                        b'\t' | 0x20..=0x7e | 0x80.. => self.text.push(byte),
                        b'\r' => {}
                        _ => {
                            let _ = write!(self.text, "\\x{byte:02x}");
                        }
                    }
                }
                self.text.push(b'\n');
            }
        }
        if !self.text.is_empty() {
            let _ = std::io::stderr().lock().write_all(&self.text);
        }
    }
}

/// The word of a level, for those that ask for attention.
fn word(level: i8) -> &'static str {
    match level {
        ..=-3 => "ALERT: ",
        -2 => "CRITICAL: ",
        -1 => "ERROR: ",
        1 => "WARNING: ",
        _ => "",
    }
}

/// RFC 5424 §6.2.1.
fn severity(level: i8) -> u8 {
    match level {
        ..=-3 => 1,
        -2 => 2,
        -1 => 3,
        0 | 1 => 4,
        2 => 5,
        3 => 6,
        _ => 7,
    }
}
