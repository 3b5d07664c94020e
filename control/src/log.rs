//! Where log lines go: standard error, the system log, or both.
//!
//! Shards never write: their lines come here in pages. A reader of standard error that does not read
//! holds up this thread, never a call.

use std::borrow::Cow;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use chrono::{DateTime, Local, SecondsFormat};

/// How the log is written.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// To standard error.
    pub standard_error: bool,
    /// To the system log.
    pub syslog: Option<Syslog>,
    /// Put before each line.
    pub prefix: String,
    /// Lines above this level do not go to standard error: 4 is all.
    pub standard_error_level: i8,
    /// Lines above this level do not go to the system log.
    pub syslog_level: i8,
    /// How lines look on standard error.
    pub standard_error_format: LogFormat,
    /// How lines look in the system log.
    pub syslog_format: LogFormat,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    PlainText,
    /// A JSON object a line.
    Json,
    /// A JSON object with the names of the Common Event Expression; in the system log behind its `@cee:` cookie.
    JsonCee,
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
            standard_error_level: 3,
            syslog_level: 3,
            standard_error_format: LogFormat::PlainText,
            syslog_format: LogFormat::PlainText,
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
    /// The name of this machine, for events.
    host: String,
    text: Vec<u8>,
}

impl Log {
    pub(crate) fn new(settings: LogSettings) -> Log {
        let socket = settings
            .syslog
            .as_ref()
            .and_then(|_| UnixDatagram::unbound().ok());
        let host = std::fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
        Log {
            settings,
            socket,
            host: host.trim_ascii().to_owned(),
            text: Vec::new(),
        }
    }

    /// A line of our own.
    pub(crate) fn line(&mut self, level: i8, line: &str) {
        self.lines(0, std::iter::once((level, line.as_bytes())));
    }

    /// Lines of a shard, written with one call.
    pub(crate) fn lines<'a>(&mut self, shard: usize, lines: impl Iterator<Item = (i8, &'a [u8])>) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let time = Local::now();
        for (level, line) in lines {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let entry = Entry {
                time,
                shard,
                level,
                line,
                prefix: &self.settings.prefix,
                host: &self.host,
                process: std::process::id(),
            };
            if let (Some(syslog), Some(socket)) = (&self.settings.syslog, &self.socket)
                && level <= self.settings.syslog_level
            {
                let text = entry.for_syslog(syslog, self.settings.syslog_format);
                // A full or missing system log must not hold up anybody.
                let _ = socket.set_nonblocking(true);
                let _ = socket.send_to(&text, SYSLOG_SOCKET);
            }
            if self.settings.standard_error && level <= self.settings.standard_error_level {
                entry.for_standard_error(self.settings.standard_error_format, &mut text);
            }
        }
        if !text.is_empty() {
            let _ = std::io::stderr().lock().write_all(&text);
        }
        self.text = text;
    }
}

/// Where the kernel says what this machine is called.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// One line, and all that is told with it.
struct Entry<'a> {
    time: DateTime<Local>,
    shard: usize,
    level: i8,
    line: &'a [u8],
    prefix: &'a str,
    host: &'a str,
    process: u32,
}

impl Entry<'_> {
    /// RFC 3164 §4.1, as the local system log wants it.
    fn for_syslog(&self, syslog: &Syslog, format: LogFormat) -> Vec<u8> {
        let priority = syslog.facility * 8 + severity(self.level);
        let mut text = format!(
            "<{priority}>{} {}[{}]: ",
            self.time.format("%b %e %H:%M:%S"),
            syslog.name,
            self.process,
        )
        .into_bytes();
        match format {
            LogFormat::PlainText => {
                text.extend_from_slice(self.prefix.as_bytes());
                text.extend_from_slice(self.line);
            }
            LogFormat::Json => text.extend_from_slice(self.json().as_bytes()),
            LogFormat::JsonCee => {
                text.extend_from_slice(b"@cee: ");
                text.extend_from_slice(self.event(&syslog.name).as_bytes());
            }
        }
        text
    }

    fn for_standard_error(&self, format: LogFormat, out: &mut Vec<u8>) {
        match format {
            LogFormat::PlainText => self.for_people(out),
            LogFormat::Json => out.extend_from_slice(self.json().as_bytes()),
            LogFormat::JsonCee => out.extend_from_slice(self.event("tandem").as_bytes()),
        }
        out.push(b'\n');
    }

    fn for_people(&self, out: &mut Vec<u8>) {
        // Writing into memory does not fail.
        let _ = write!(
            out,
            "{} [{}] {}{}",
            self.time.format("%b %e %H:%M:%S"),
            self.shard,
            word(self.level),
            self.prefix
        );
        // Control characters of a peer do not reach a terminal, and a line of a peer's text never
        // looks like a line of ours.
        for &byte in self.line.trim_ascii_end() {
            match byte {
                b'\t' | 0x20..=0x7e | 0x80.. => out.push(byte),
                b'\r' => {}
                _ => {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
        }
    }

    fn json(&self) -> String {
        format!(
            r#"{{"time": {}, "pid": {}, "shard": {}, "level": "{}", "prefix": {}, "message": {}}}"#,
            quoted(&self.time.format("%b %e %H:%M:%S").to_string()),
            self.process,
            self.shard,
            name(self.level),
            quoted(self.prefix.trim_end_matches(':')),
            quoted(&self.message()),
        )
    }

    /// The core profile of the Common Event Expression; the shard is a field of ours.
    fn event(&self, program: &str) -> String {
        format!(
            r#"{{"time": {}, "host": {}, "pname": {}, "pid": {}, "shard": {}, "pri": "{}", "msg": {}}}"#,
            quoted(&self.time.to_rfc3339_opts(SecondsFormat::Micros, false)),
            quoted(self.host),
            quoted(program),
            self.process,
            self.shard,
            name(self.level),
            quoted(&format!("{}{}", self.prefix, self.message())),
        )
    }

    fn message(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.line.trim_ascii_end())
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The name of a level, as scripts and documents have it.
fn name(level: i8) -> &'static str {
    match level {
        ..=-3 => "ALERT",
        -2 => "CRITICAL",
        -1 => "ERROR",
        0 | 1 => "WARNING",
        2 => "NOTICE",
        3 => "INFO",
        _ => "DEBUG",
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

#[cfg(test)]
#[path = "tests/log.rs"]
mod tests;
