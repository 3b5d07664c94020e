//! A UDP socket: made, bound, shared between shards.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::option;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// How a UDP socket is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatagramOptions {
    /// Receive buffer in bytes; 0 leaves the system's.
    pub receive_buffer: usize,
    /// Send buffer in bytes; 0 leaves the system's.
    pub send_buffer: usize,
    /// Type of service of what is sent; 0 leaves it alone.
    pub tos: u32,
    /// What is sent to a multicast group.
    pub multicast: Multicast,
    /// Whether datagrams of one peer and one size may be received as a run (`UDP_GRO`). A kernel that knows no runs
    /// gives them singly.
    pub takes_runs: bool,
}

/// How datagrams to multicast groups leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Multicast {
    /// This host hears them as well.
    pub loopback: bool,
    /// Networks they may cross; `None` leaves the system's choice.
    pub ttl: Option<u8>,
}

/// A non-blocking UDP socket that hears of ICMP errors.
#[derive(Debug)]
pub struct DatagramSocket {
    fd: OwnedFd,
    local: SocketAddr,
}

impl DatagramSocket {
    /// Binds `count` sockets to one address, so that the kernel spreads the datagrams over them.
    ///
    /// The first is bound without `SO_REUSEPORT`: it fails if anybody else, even another Tandem,
    /// has the port. Only then it and the others share. Of a multicast group every socket would get every
    /// datagram: the first one joins, the others only send.
    pub fn bind_shared(
        address: SocketAddr,
        count: usize,
        options: &DatagramOptions,
    ) -> io::Result<Vec<DatagramSocket>> {
        let first = make(address, options)?;
        first.bind(&SockAddr::from(address))?;
        let local = local_of(&first)?;
        join(&first, address)?;
        // Allowed after bind; a group forms when the next one joins. No moment in between in which
        // a stranger could take the port.
        first.set_reuse_port(true)?;
        let mut sockets = vec![DatagramSocket {
            fd: first.into(),
            local,
        }];
        for _ in 1..count {
            let next = make(address, options)?;
            next.set_reuse_port(true)?;
            next.bind(&SockAddr::from(local))?;
            sockets.push(DatagramSocket {
                fd: next.into(),
                local,
            });
        }
        Ok(sockets)
    }

    /// A socket for one peer, on a port that the kernel chooses: for questions to a server.
    pub fn connect(peer: SocketAddr) -> io::Result<DatagramSocket> {
        let socket = Socket::new(
            Domain::for_address(peer),
            Type::DGRAM.nonblocking(),
            Some(Protocol::UDP),
        )?;
        socket.connect(&SockAddr::from(peer))?;
        let local = local_of(&socket)?;
        Ok(DatagramSocket {
            fd: socket.into(),
            local,
        })
    }

    /// The address it is bound to, with the port that was chosen.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends to the peer of [`connect`](Self::connect).
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        socket2::SockRef::from(self).send(bytes)
    }

    /// Receives from the peer of [`connect`](Self::connect).
    pub fn receive(&self, room: &mut [u8]) -> io::Result<usize> {
        use std::io::Read;
        (&*socket2::SockRef::from(self)).read(room)
    }

    /// The size of the receive buffer, as the kernel counts it.
    pub fn receive_buffer(&self) -> io::Result<usize> {
        socket2::SockRef::from(self).recv_buffer_size()
    }

    /// The size of the send buffer, as the kernel counts it.
    pub fn send_buffer(&self) -> io::Result<usize> {
        socket2::SockRef::from(self).send_buffer_size()
    }

    /// How many datagrams the kernel has dropped because the receive buffer was full. Wraps at 2^32.
    pub fn dropped(&self) -> io::Result<u32> {
        option::drops(self)
    }
}

/// Of <linux/in6.h>; libc does not name it everywhere.
const IPV6_MULTICAST_ALL: i32 = 29;

/// Asks the network for what is sent to a group, where the routing table says it comes from.
fn join(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address.ip() {
        IpAddr::V4(group) if group.is_multicast() => {
            socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)
        }
        IpAddr::V6(group) if group.is_multicast() => socket.join_multicast_v6(&group, 0),
        _ => Ok(()),
    }
}

fn make(address: SocketAddr, options: &DatagramOptions) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM.nonblocking(),
        Some(Protocol::UDP),
    )?;
    if options.receive_buffer > 0 {
        // Beyond net.core.rmem_max only with CAP_NET_ADMIN; as much as the system gives otherwise.
        let bytes = i32::try_from(options.receive_buffer).unwrap_or(i32::MAX);
        if option::set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes).is_err() {
            socket.set_recv_buffer_size(options.receive_buffer)?;
        }
    }
    if options.send_buffer > 0 {
        let bytes = i32::try_from(options.send_buffer).unwrap_or(i32::MAX);
        if option::set(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, bytes).is_err() {
            socket.set_send_buffer_size(options.send_buffer)?;
        }
    }
    if options.takes_runs {
        let _ = option::set(&socket, libc::SOL_UDP, libc::UDP_GRO, 1);
    }
    match address {
        SocketAddr::V4(_) => {
            super::errors::hear_v4(&socket)?;
            if options.tos > 0 {
                socket.set_tos_v4(options.tos)?;
            }
            socket.set_multicast_loop_v4(options.multicast.loopback)?;
            if let Some(ttl) = options.multicast.ttl {
                socket.set_multicast_ttl_v4(ttl.into())?;
            }
            option::set(&socket, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, 0)?;
        }
        SocketAddr::V6(_) => {
            // 0.0.0.0 and :: are two sockets, as in Via there are two addresses.
            socket.set_only_v6(true)?;
            super::errors::hear_v6(&socket)?;
            if options.tos > 0 {
                socket.set_tclass_v6(options.tos)?;
            }
            socket.set_multicast_loop_v6(options.multicast.loopback)?;
            if let Some(hops) = options.multicast.ttl {
                socket.set_multicast_hops_v6(hops.into())?;
            }
            // Unknown to kernels before 4.20, where every shard hears the group.
            let _ = option::set(&socket, libc::IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
        }
    }
    Ok(socket)
}

fn local_of(socket: &Socket) -> io::Result<SocketAddr> {
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

impl AsFd for DatagramSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for DatagramSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
