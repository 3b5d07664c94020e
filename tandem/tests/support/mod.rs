//! A running Tandem and the peers that talk to it, on loopback, everything bounded in time.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long anything here may take.
pub const WITHIN: Duration = Duration::from_secs(10);

/// Answers every request by itself.
pub const ECHO: &str = r#"
loadmodule "proto_udp.so"
loadmodule "proto_tcp.so"
loadmodule "sl.so"
route {
	sl_send_reply(200, "OK");
	exit;
}
"#;

/// Relays every request to where its Request-URI says.
pub const RELAY: &str = r#"
loadmodule "proto_udp.so"
loadmodule "proto_tcp.so"
loadmodule "sl.so"
loadmodule "tm.so"
modparam("tm", "fr_timeout", 5)
route {
	if (!t_relay())
		sl_send_reply(500, "Relay failed");
	exit;
}
"#;

/// A folder of a test, gone with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("tandem-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The command, with nothing of this machine in it.
pub fn tandem() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command
        .env("STATE_DIRECTORY", "/nonexistent")
        .stdin(Stdio::null());
    command
}

/// What a command that ends says.
pub struct Said {
    pub status: ExitStatus,
    pub out: String,
    pub error: String,
}

/// Runs a command that has to end by itself.
pub fn run(mut command: Command) -> Said {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = end_of(&mut child);
    let (mut out, mut error) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    Said { status, out, error }
}

fn end_of(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > WITHIN {
            let _ = child.kill();
            panic!("it did not end within {WITHIN:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A Tandem that serves.
pub struct Server {
    child: Child,
    pub banner: String,
    pub ready_after: Duration,
    folder: Folder,
}

impl Server {
    /// Starts with this script on ports of its own, UDP and TCP, IPv4 loopback.
    pub fn start(script: &str, options: &[&str]) -> Server {
        let folder = Folder::new();
        let script = folder.file("test.cfg", script);
        let mut command = tandem();
        command
            .arg("-f")
            .arg(script)
            .args(["-l", "udp:127.0.0.1:0", "-l", "tcp:127.0.0.1:0"]);
        Server::spawn(command, options, folder)
    }

    /// Starts with the built-in script.
    pub fn built_in(options: &[&str]) -> Server {
        let mut command = tandem();
        command.args(["-l", "udp:127.0.0.1:0", "-l", "tcp:127.0.0.1:0"]);
        Server::spawn(command, options, Folder::new())
    }

    pub fn spawn(command: Command, options: &[&str], folder: Folder) -> Server {
        let error = std::fs::File::create(folder.path().join("stderr")).unwrap();
        Server::spawn_saying_to(error.into(), command, options, folder)
    }

    /// The same with another standard error than a file of the folder.
    pub fn spawn_saying_to(
        error: Stdio,
        mut command: Command,
        options: &[&str],
        folder: Folder,
    ) -> Server {
        let begun = Instant::now();
        command.args(["-F", "-w"]).arg(folder.path()).args(options);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(error)
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        let (lines, banner) = mpsc::channel();
        std::thread::Builder::new()
            .spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    let _ = lines.send(line);
                }
            })
            .unwrap();
        let mut text = String::new();
        let mut ready_after = Duration::ZERO;
        // The line about stopping is the last one.
        while !text.contains("stop ") {
            match banner.recv_timeout(WITHIN) {
                Ok(line) => {
                    if text.is_empty() {
                        ready_after = begun.elapsed();
                    }
                    text += &line;
                    text.push('\n');
                }
                Err(_) => {
                    let _ = child.kill();
                    let error = std::fs::read_to_string(folder.path().join("stderr"));
                    let error = error.unwrap_or_default();
                    panic!("it does not serve: {text}{error}");
                }
            }
        }
        Server {
            child,
            banner: text,
            ready_after,
            folder,
        }
    }

    /// Where it listens.
    pub fn address(&self, transport: &str) -> SocketAddr {
        let prefix = format!("{transport}:");
        let found = self
            .banner
            .split_whitespace()
            .find_map(|word| word.strip_prefix(&prefix));
        found.expect("it listens there").parse().unwrap()
    }

    pub fn udp(&self) -> SocketAddr {
        self.address("udp")
    }

    pub fn tcp(&self) -> SocketAddr {
        self.address("tcp")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Stops it by SIGTERM. The farewell line, and how long it took.
    pub fn stop(mut self) -> (String, Duration) {
        let begun = Instant::now();
        self.signal("-TERM");
        let status = end_of(&mut self.child);
        let took = begun.elapsed();
        let error = std::fs::read_to_string(self.folder.path().join("stderr")).unwrap();
        assert!(status.success(), "{status}: {error}");
        let farewell = error
            .lines()
            .find(|line| line.starts_with("Tandem stopped"));
        (
            farewell
                .unwrap_or_else(|| panic!("no farewell in {error}"))
                .to_owned(),
            took,
        )
    }

    /// The same when standard error is nobody's to read: only how long it took.
    pub fn stop_unheard(mut self) -> Duration {
        let begun = Instant::now();
        self.signal("-TERM");
        let status = end_of(&mut self.child);
        assert!(status.success(), "{status}");
        begun.elapsed()
    }

    /// Waits until it has ended by itself: how, and what standard error says.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = end_of(&mut self.child);
        (status, self.error())
    }

    /// The other end of a piped standard error.
    pub fn take_error(&mut self) -> std::process::ChildStderr {
        self.child.stderr.take().unwrap()
    }

    /// What is said to standard error so far.
    pub fn error(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// A management command over the FIFO that the script names `fifo` in the folder.
    pub fn manage(&self, json: &str) -> String {
        let name = "reply";
        let reply = self.folder().join(name);
        let _ = std::fs::remove_file(&reply);
        assert!(
            Command::new("mkfifo")
                .arg(&reply)
                .status()
                .unwrap()
                .success()
        );
        let mut fifo = std::fs::OpenOptions::new()
            .write(true)
            .open(self.folder().join("fifo"))
            .unwrap();
        fifo.write_all(format!(":{name}:{json}").as_bytes())
            .unwrap();
        drop(fifo);
        let mut text = String::new();
        std::fs::File::open(&reply)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The number before a word of the farewell line.
pub fn number_before(farewell: &str, word: &str) -> u64 {
    let before = farewell.split(word).next().unwrap().trim_end();
    before
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap_or_else(|_| panic!("{word}: {farewell}"))
}

/// A peer: a socket, UDP or TCP.
pub enum Peer {
    Udp(UdpSocket, SocketAddr),
    Tcp(TcpStream, Vec<u8>),
}

impl Peer {
    pub fn udp(server: SocketAddr) -> Peer {
        let any = if server.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        };
        let socket = UdpSocket::bind(any).unwrap();
        socket.set_read_timeout(Some(WITHIN)).unwrap();
        Peer::Udp(socket, server)
    }

    pub fn tcp(server: SocketAddr) -> Peer {
        Peer::of(TcpStream::connect(server).unwrap())
    }

    pub fn of(stream: TcpStream) -> Peer {
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        Peer::Tcp(stream, Vec::new())
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Peer::Udp(socket, _) => socket.local_addr().unwrap(),
            Peer::Tcp(stream, _) => stream.local_addr().unwrap(),
        }
    }

    pub fn transport(&self) -> &'static str {
        match self {
            Peer::Udp(..) => "UDP",
            Peer::Tcp(..) => "TCP",
        }
    }

    pub fn send(&mut self, text: &str) {
        match self {
            Peer::Udp(socket, server) => {
                socket.send_to(text.as_bytes(), *server).unwrap();
            }
            Peer::Tcp(stream, _) => stream.write_all(text.as_bytes()).unwrap(),
        }
    }

    /// The next message that came.
    pub fn receive(&mut self) -> String {
        match self {
            Peer::Udp(socket, _) => {
                let mut room = [0; 65_536];
                let (len, _) = socket.recv_from(&mut room).expect("a message within 10 s");
                String::from_utf8(room[..len].to_vec()).unwrap()
            }
            Peer::Tcp(stream, read) => loop {
                if let Some(len) = whole(read) {
                    return String::from_utf8(read.drain(..len).collect()).unwrap();
                }
                let mut room = [0; 65_536];
                let len = stream.read(&mut room).expect("a message within 10 s");
                assert!(
                    len > 0,
                    "it closed the connection after {:?}",
                    String::from_utf8_lossy(read)
                );
                read.extend_from_slice(&room[..len]);
            },
        }
    }

    /// The next message that is not a provisional response.
    pub fn receive_final(&mut self) -> String {
        loop {
            let message = self.receive();
            if !message.starts_with("SIP/2.0 1") {
                return message;
            }
        }
    }
}

fn whole(read: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(read);
    let head = text.find("\r\n\r\n")? + 4;
    let length = header(&text[..head], "Content-Length").map_or(0, |value| value.parse().unwrap());
    (read.len() >= head + length).then_some(head + length)
}

/// The value of the first header of this name.
pub fn header(message: &str, name: &str) -> Option<String> {
    message.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

/// All header lines of this name, whole.
pub fn header_lines(message: &str, name: &str) -> String {
    let lines = message.lines().filter(|line| {
        line.split_once(':')
            .is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
    });
    lines.map(|line| format!("{line}\r\n")).collect()
}

/// A request of this peer. `extra` are whole header lines.
pub fn request(
    peer: &Peer,
    method: &str,
    uri: &str,
    call_id: &str,
    cseq: u32,
    extra: &str,
) -> String {
    let (address, transport) = (peer.address(), peer.transport());
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {address};rport;branch=z9hG4bK-{call_id}-{cseq}-{method}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:tester@127.0.0.1>;tag=from-{call_id}\r\n\
         To: <{uri}>\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: {cseq} {method}\r\n\
         {extra}\
         Content-Length: 0\r\n\r\n"
    )
}

/// A response to a request that came, with a To tag. `extra` are whole header lines.
pub fn response(request: &str, status: &str, extra: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "Record-Route", "From"] {
        text += &header_lines(request, name);
    }
    let to = header(request, "To").unwrap();
    let tag = if to.contains(";tag=") {
        ""
    } else {
        ";tag=callee"
    };
    text += &format!("To: {to}{tag}\r\n");
    for name in ["Call-ID", "CSeq"] {
        text += &header_lines(request, name);
    }
    format!("{text}{extra}Content-Length: 0\r\n\r\n")
}
