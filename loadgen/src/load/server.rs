//! A server that the generator starts itself, so that every probe meets a fresh one.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take until it has its port.
const START_WAIT: Duration = Duration::from_secs(20);
/// How long it may take to end by itself after SIGTERM.
const STOP_WAIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);
/// After its port is bound: shards and children that are still waking.
const SETTLE: Duration = Duration::from_millis(300);

/// A running server; ends when it is dropped, with all that it started.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Runs a shell command in a process group of its own and waits until somebody has the UDP port.
    pub(super) fn start(command: &str, at: SocketAddr) -> Result<Self, String> {
        if is_bound(at.port()) {
            return Err(format!(
                "port {} is taken: a server from before the run?",
                at.port()
            ));
        }
        let child = Command::new("/bin/sh")
            .args(["-c", command])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot start `{command}`: {error}"))?;
        let mut server = Self {
            child,
            port: at.port(),
        };
        let deadline = Instant::now() + START_WAIT;
        while !is_bound(at.port()) {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("`{command}` ended at once: {status}"));
            }
            if Instant::now() > deadline {
                let seconds = START_WAIT.as_secs();
                return Err(format!(
                    "`{command}` has no UDP socket at {at} after {seconds} s"
                ));
            }
            sleep(LOOK);
        }
        sleep(SETTLE);
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A signal to the whole group.
    fn signal(&self, name: &str) {
        // A group that is gone already is what was wanted.
        // The shell's own `kill`: there is always one.
        let line = format!("kill {name} -{}", self.child.id());
        let _ = Command::new("/bin/sh")
            .args(["-c", &line])
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal("-TERM");
        // The shell may be gone before what it started: the port says when that is.
        self.wait();
        self.signal("-KILL");
        self.wait();
    }
}

impl Server {
    /// Until the shell has ended and nobody has the port, [`STOP_WAIT`] at most.
    fn wait(&mut self) {
        let deadline = Instant::now() + STOP_WAIT;
        while Instant::now() < deadline {
            let ended = matches!(self.child.try_wait(), Ok(Some(_)) | Err(_));
            if ended && !is_bound(self.port) {
                break;
            }
            sleep(LOOK);
        }
    }
}

fn is_bound(port: u16) -> bool {
    ["/proc/net/udp", "/proc/net/udp6"].iter().any(|table| {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        super::observe::ports(&table).any(|bound| bound == port)
    })
}
