//! One screen that says what runs: what a person needs to know after the start and at the end.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use control::FifoSettings;
use engine::sockets::Listener;
use shards::Counters;

/// What the banner says.
pub(crate) struct Banner<'a> {
    pub(crate) listeners: &'a [Listener],
    pub(crate) shards: u16,
    pub(crate) cores: &'a [usize],
    /// Who finds the owner of a datagram; `None`: there is one shard.
    pub(crate) steering: Option<&'a str>,
    /// This program, if the system knows where it is.
    pub(crate) program: Option<PathBuf>,
    /// `None`: the built-in one.
    pub(crate) script: Option<&'a str>,
    pub(crate) fifo: Option<&'a FifoSettings>,
    pub(crate) took: Duration,
    pub(crate) pid: u32,
}

/// Columns of a line.
const WIDTH: usize = 96;

impl Banner<'_> {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |word: &str, says: &str| {
            let _ = writeln!(text, "  {word:<11}{says}");
        };
        let names: Vec<String> = self
            .listeners
            .iter()
            .map(|one| format!("{}:{}", one.transport.as_str(), one.address))
            .collect();
        for (index, row) in rows(&names).iter().enumerate() {
            line(if index == 0 { "listens on" } else { "" }, row);
        }
        let pinned = match self.cores {
            [] => "not pinned".to_owned(),
            cores => format!("pinned to cores {cores:?}"),
        };
        line("shards", &format!("{}, {pinned}", self.shards));
        if let Some(steering) = self.steering {
            line("steering", steering);
        }
        match self.script {
            Some(script) => line("script", script),
            None => {
                line("script", "built in: a registrar and proxy for this host");
                let program = self.program.as_deref().unwrap_or(Path::new("tandem"));
                line("", &format!("{} --print-script", program.display()));
                let first = self
                    .listeners
                    .iter()
                    .map(|one| one.address)
                    .find(|one| !one.ip().is_loopback());
                let at = first.or_else(|| self.listeners.first().map(|one| one.address));
                if let Some(at) = at {
                    let at = if at.port() == 5060 {
                        host(at.ip())
                    } else {
                        at.to_string()
                    };
                    line(
                        "register",
                        &format!("a phone as sip:NAME@{at}, any name, no password"),
                    );
                    line(
                        "call",
                        &format!("sip:NAME@{at} from another registered phone"),
                    );
                }
            }
        }
        if let Some(fifo) = self.fifo {
            line("manage", &ask(fifo, self.program.as_deref()));
            line("", "or opensips-cli -x mi ps");
        }
        line("stop", &format!("Ctrl-C or kill {}", self.pid));
        let shards = if self.shards == 1 { "shard" } else { "shards" };
        format!(
            "Tandem {} is ready: {} {shards}, started in {} ms.\n{text}",
            env!("CARGO_PKG_VERSION"),
            self.shards,
            self.took.as_millis(),
        )
    }
}

/// A line for a shell that asks `ps`.
fn ask(fifo: &FifoSettings, program: Option<&Path>) -> String {
    let program = quoted(program.unwrap_or(Path::new("tandem")));
    let mut line = format!("{program} mi --fifo {}", quoted(&fifo.path));
    // Compared by their parts: `/tmp` is `/tmp/`.
    if fifo.reply_directory != FifoSettings::default().reply_directory {
        let _ = write!(line, " --reply-dir {}", quoted(&fifo.reply_directory));
    }
    line + " ps"
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@%,".contains(c);
    match path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

fn host(ip: std::net::IpAddr) -> String {
    match ip {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

/// Names side by side, as many as fit into a line.
fn rows(names: &[String]) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for name in names {
        match rows.last_mut() {
            Some(row) if row.len() + 2 + name.len() + 13 <= WIDTH => {
                row.push_str("  ");
                row.push_str(name);
            }
            _ => rows.push(name.clone()),
        }
    }
    rows
}

/// The last line: what was done.
pub(crate) fn farewell(counters: &Counters, up: Duration, cpu: (Duration, Duration)) -> String {
    let dropped =
        counters.dropped_ring_full + counters.dropped_send_buffer + counters.lost_ring_full;
    format!(
        "Tandem stopped after {:.1} s: {} datagrams in, {} out, {} stream messages in, {} out, \
         {} handovers between shards, {dropped} dropped, CPU {:.2} s user {:.2} s system.",
        up.as_secs_f64(),
        counters.datagrams_received,
        counters.datagrams_sent,
        counters.stream_messages_received,
        counters.stream_messages_sent,
        counters.handovers,
        cpu.0.as_secs_f64(),
        cpu.1.as_secs_f64(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_to_ask_names_what_is_not_as_usual() {
        let ask = |path: &str, reply: &str| {
            let fifo = FifoSettings {
                path: path.into(),
                reply_directory: reply.into(),
                ..FifoSettings::default()
            };
            ask(&fifo, Some(Path::new("/usr/bin/tandem")))
        };
        assert_eq!(
            ask("/tmp/opensips_fifo", "/tmp"),
            "/usr/bin/tandem mi --fifo /tmp/opensips_fifo ps"
        );
        assert_eq!(
            ask("/run/tandem/fifo", "/run/it's here"),
            r"/usr/bin/tandem mi --fifo /run/tandem/fifo --reply-dir '/run/it'\''s here' ps"
        );
    }
}
