//! What a network device says of itself: queues, ring, and what it spreads UDP by.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// Facts of a device; what its driver does not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Receive queues in use, and the most there can be.
    pub queues: Option<(u32, u32)>,
    /// Descriptors of a receive ring in use, and the most there can be.
    pub ring: Option<(u32, u32)>,
    /// Whether ports choose the queue of an IPv4 UDP datagram (RSS), and not the addresses alone.
    pub hashes_ports: Option<bool>,
}

// <linux/ethtool.h>
const GRINGPARAM: u32 = 0x10;
const GRXFH: u32 = 0x29;
const GCHANNELS: u32 = 0x3c;
const UDP_V4_FLOW: u32 = 0x02;
const RXH_L4_PORTS: u32 = 1 << 6 | 1 << 7;

/// Integers of the largest structure asked for, `struct ethtool_rxnfc`, and some to spare.
const WORDS: usize = 64;

/// Asks the driver of an interface.
#[must_use]
pub fn device(interface: &str) -> Device {
    let ask = |command, second| ask(interface, command, second).ok();
    Device {
        // cmd, max rx, tx, other, combined, then the same in use: a queue of both directions receives as well.
        queues: ask(GCHANNELS, 0).map(|says| (says[5] + says[8], says[1] + says[4])),
        // cmd, max rx, mini, jumbo, tx, then the same in use.
        ring: ask(GRINGPARAM, 0).map(|says| (says[5], says[1])),
        // cmd, flow type, then 64 bits of RXH_*, of which the low half counts.
        hashes_ports: ask(GRXFH, UDP_V4_FLOW)
            .map(|says| {
                if cfg!(target_endian = "little") {
                    says[2]
                } else {
                    says[3]
                }
            })
            .map(|hashed| hashed & RXH_L4_PORTS == RXH_L4_PORTS),
    }
}

fn ask(interface: &str, command: u32, second: u32) -> io::Result<[u32; WORDS]> {
    let mut words = [0u32; WORDS];
    words[0] = command;
    words[1] = second;
    // SAFETY: an ifreq is plain bytes and a union of such; zero is a valid one.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    if interface.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
    // Any socket will do.
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    // SAFETY: the kernel reads the name, which ends with a zero, and reads and writes at most the structure of the command
    // behind ifru_data: `words` is larger than each of the three and outlives the call. std and socket2 have no ethtool.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
    match done {
        0.. => Ok(words),
        _ => Err(io::Error::last_os_error()),
    }
}
