//! A server that the generator starts itself, so that every probe meets a fresh one.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take until it has its port.
const START_WAIT: Duration = Duration::from_secs(20);
/// How long its first process may take to end all others after SIGTERM.
const MAIN_WAIT: Duration = Duration::from_secs(5);
/// How long all of them may take after SIGTERM to each.
const STOP_WAIT: Duration = Duration::from_secs(5);
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

    /// A signal to its first process or to the whole group.
    fn signal(&self, name: &str, group: &str) {
        // A group that is gone already is what was wanted.
        // The shell's own `kill`: there is always one.
        let line = format!("kill {name} {group}{}", self.child.id());
        let _ = Command::new("/bin/sh")
            .args(["-c", &line])
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server with children ends them itself; one that is told together with them may wait for them in vain.
        self.signal("-TERM", "");
        self.wait(MAIN_WAIT, |ended, _| ended);
        // A shell that started the server is gone before it: the port says when that is.
        for signal in ["-TERM", "-KILL"] {
            if self.wait(LOOK, |ended, bound| ended && !bound) {
                break;
            }
            self.signal(signal, "-");
            self.wait(STOP_WAIT, |ended, bound| ended && !bound);
        }
        let _ = self.child.try_wait();
    }
}

impl Server {
    /// Until it is enough that the first process has ended, or that somebody has the port; whether it came to that.
    fn wait(&mut self, at_most: Duration, is_enough: impl Fn(bool, bool) -> bool) -> bool {
        let deadline = Instant::now() + at_most;
        loop {
            let ended = matches!(self.child.try_wait(), Ok(Some(_)) | Err(_));
            if is_enough(ended, is_bound(self.port)) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
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
