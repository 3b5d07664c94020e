//! TCP: listening, accepting, connecting, reading, writing. Never waits.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

/// How TCP sockets are made.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    /// Connections that may wait to be accepted.
    pub backlog: i32,
    /// Receive buffer in bytes; 0 leaves the system's.
    pub receive_buffer: usize,
    /// Send buffer in bytes; 0 leaves the system's.
    pub send_buffer: usize,
    /// Keep-alive probes of the kernel.
    pub keepalive: Option<Keepalive>,
    /// Type of service of what is sent; 0 leaves it alone.
    pub tos: u32,
}

impl Default for StreamOptions {
    fn default() -> Self {
        StreamOptions {
            backlog: 1024,
            receive_buffer: 0,
            send_buffer: 0,
            keepalive: Some(Keepalive::default()),
            tos: 0,
        }
    }
}

/// The kernel's probes on a silent connection; zero leaves the system's value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keepalive {
    /// Probes before the connection is given up.
    pub count: u32,
    /// Seconds of silence before the first.
    pub idle_s: u32,
    /// Seconds between two.
    pub interval_s: u32,
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    local: SocketAddr,
    options: StreamOptions,
}

impl Listener {
    /// Listens with `count` sockets on one address, so that the kernel spreads the connections.
    ///
    /// As with datagrams the first is bound without `SO_REUSEPORT`, to learn that the port is free.
    pub fn listen_shared(
        address: SocketAddr,
        count: usize,
        options: &StreamOptions,
    ) -> io::Result<Vec<Listener>> {
        let first = make(address, options)?;
        // Only against connections of an earlier run in TIME_WAIT; a listener still conflicts.
        first.set_reuse_address(true)?;
        first.bind(&SockAddr::from(address))?;
        let local = address_of(first.local_addr()?)?;
        first.set_reuse_port(true)?;
        let mut sockets = vec![first];
        for _ in 1..count {
            let next = make(address, options)?;
            next.set_reuse_address(true)?;
            next.set_reuse_port(true)?;
            next.bind(&SockAddr::from(local))?;
            sockets.push(next);
        }
        for socket in &sockets {
            socket.listen(options.backlog)?;
        }
        Ok(sockets
            .into_iter()
            .map(|socket| Listener {
                socket,
                local,
                options: *options,
            })
            .collect())
    }

    /// The address it is bound to, with the port that was chosen.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The next connection, if one waits.
    pub fn accept(&self) -> io::Result<Option<(Stream, SocketAddr)>> {
        loop {
            match self.socket.accept_raw() {
                Ok((socket, remote)) => {
                    socket.set_nonblocking(true)?;
                    socket.set_cloexec(true)?;
                    prepare(&socket, &self.options)?;
                    let remote = address_of(remote)?;
                    return Ok(Some((
                        Stream {
                            socket: socket.into(),
                        },
                        remote,
                    )));
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(None),
                    // The peer went away between its SYN and our accept.
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => return Err(error),
                },
            }
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Stream {
    socket: OwnedFd,
}

impl Stream {
    /// Begins to connect from `local` (its port is not used) to `remote`. When it is writable,
    /// [`outcome`](Self::outcome) says how that ended.
    pub fn connect(
        local: SocketAddr,
        remote: SocketAddr,
        options: &StreamOptions,
    ) -> io::Result<Stream> {
        let socket = make(remote, options)?;
        prepare(&socket, options)?;
        if !local.ip().is_unspecified() && local.is_ipv4() == remote.is_ipv4() {
            let mut from = local;
            from.set_port(0);
            bind_without_port(&socket, from)?;
        }
        match socket.connect(&SockAddr::from(remote)) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(Stream {
            socket: socket.into(),
        })
    }

    /// How connecting ended, or what went wrong since.
    pub fn outcome(&self) -> io::Result<()> {
        match socket2::SockRef::from(&self.socket).take_error()? {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The address the kernel chose for our end.
    pub fn local(&self) -> io::Result<SocketAddr> {
        address_of(socket2::SockRef::from(&self.socket).local_addr()?)
    }

    /// Reads what is there. `Ok(None)`: nothing now. `Ok(Some(0))`: the peer has finished.
    pub fn read(&self, room: &mut [u8]) -> io::Result<Option<usize>> {
        later((&*socket2::SockRef::from(&self.socket)).read(room))
    }

    /// Writes what fits. `Ok(None)`: nothing now.
    pub fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        later((&*socket2::SockRef::from(&self.socket)).write(bytes))
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn later(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NotConnected => Ok(None),
            _ => Err(error),
        },
    }
}

fn make(address: SocketAddr, options: &StreamOptions) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking(),
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Before listen or connect, so that the window scale fits.
    if options.receive_buffer > 0 {
        socket.set_recv_buffer_size(options.receive_buffer)?;
    }
    if options.send_buffer > 0 {
        socket.set_send_buffer_size(options.send_buffer)?;
    }
    Ok(socket)
}

fn prepare(socket: &Socket, options: &StreamOptions) -> io::Result<()> {
    // Requests and responses are whole messages; waiting for more only delays them.
    socket.set_tcp_nodelay(true)?;
    if let Some(wanted) = options.keepalive {
        let mut keepalive = TcpKeepalive::new();
        if wanted.idle_s > 0 {
            keepalive = keepalive.with_time(Duration::from_secs(wanted.idle_s.into()));
        }
        if wanted.interval_s > 0 {
            keepalive = keepalive.with_interval(Duration::from_secs(wanted.interval_s.into()));
        }
        if wanted.count > 0 {
            keepalive = keepalive.with_retries(wanted.count);
        }
        socket.set_keepalive(true)?;
        socket.set_tcp_keepalive(&keepalive)?;
    }
    if options.tos > 0 {
        let peer_is_v6 = socket.local_addr()?.is_ipv6();
        if peer_is_v6 {
            socket.set_tclass_v6(options.tos)?
        } else {
            socket.set_tos_v4(options.tos)?
        }
    }
    Ok(())
}

/// Chooses the address now and the port at connect, when the kernel knows the peer and can use one
/// port towards many (`IP_BIND_ADDRESS_NO_PORT`); otherwise 28,000 connections would be the end.
fn bind_without_port(socket: &Socket, from: SocketAddr) -> io::Result<()> {
    // An old kernel without it still connects, only to fewer peers.
    let _ = crate::option::set(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1);
    socket.bind(&SockAddr::from(from))
}

fn address_of(address: SockAddr) -> io::Result<SocketAddr> {
    address
        .as_socket()
        .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
