//! ICMP errors: who could not be reached (RFC 3261 §18.4).
//!
//! A UDP socket for many peers gets them by `IP_RECVERR`: the kernel queues each with the address
//! the datagram was sent to. Until the queue is read, the next call on the socket fails with the
//! error of some *other* datagram, so readers and writers come here first and then try again.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use socket2::Socket;

use super::DatagramSocket;
use crate::address::RawAddress;
use crate::limits::UNREACHABLES;
use crate::option;

/// A destination that a datagram of ours did not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// Where it was sent.
    pub to: SocketAddr,
    /// The error number the kernel made of it: `ECONNREFUSED`, `EHOSTUNREACH`...
    pub errno: i32,
}

/// What one reading of the error queue brought.
#[derive(Clone, Debug, Default)]
pub struct Unreachables {
    list: [Option<Unreachable>; UNREACHABLES],
    count: usize,
    /// The queue may hold more.
    pub more: bool,
}

impl Unreachables {
    /// The destinations, in the order of the reports.
    pub fn iter(&self) -> impl Iterator<Item = Unreachable> + '_ {
        self.list[..self.count].iter().flatten().copied()
    }
}

impl DatagramSocket {
    /// Reads the error queue. Only what RFC 3261 §18.4 calls a failure is reported; source quench
    /// and exceeded hop limits are read and forgotten.
    pub fn unreachables(&self) -> Unreachables {
        let mut found = Unreachables {
            more: true,
            ..Default::default()
        };
        while found.count < UNREACHABLES {
            match read_one(self.as_raw_fd()) {
                Ok(Some(unreachable)) => {
                    found.list[found.count] = Some(unreachable);
                    found.count += 1;
                }
                Ok(None) => {}
                // Empty, or an error that another call will meet as well.
                Err(_) => {
                    found.more = false;
                    break;
                }
            }
        }
        found
    }
}

/// Asks for the error queue on an IPv4 socket, and that large messages be fragmented rather than
/// refused: SIP over UDP has no other way to be large.
pub(super) fn hear_v4(socket: &Socket) -> io::Result<()> {
    option::set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
    option::set(
        socket,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        libc::IP_PMTUDISC_DONT,
    )
}

/// Asks for the error queue on an IPv6 socket.
pub(super) fn hear_v6(socket: &Socket) -> io::Result<()> {
    option::set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)
}

/// Reads one report. `Ok(None)`: a report that is no failure.
fn read_one(fd: i32) -> io::Result<Option<Unreachable>> {
    let mut to = RawAddress::empty();
    // Aligned for cmsghdr, with room for an extended error and the address of the reporting router.
    let mut control = [0u64; 32];
    // SAFETY: zero is a valid msghdr: no name, no data, no control.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = (&raw mut to).cast();
    header.msg_namelen = RawAddress::SIZE;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = mem::size_of_val(&control);
    // SAFETY: name and control point at locals that outlive the call, with their sizes; there is no
    // data part. Asked for by RFC 3261 §18.4; std and socket2 have no way to the error queue.
    let got = unsafe { libc::recvmsg(fd, &mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel filled `control` as far as msg_controllen says; the macros walk it inside
    // those bounds and answer null at the end.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(&header) };
    while !at.is_null() {
        // SAFETY: `at` is not null, so it points at a whole, aligned cmsghdr inside `control`.
        let (level, kind) = unsafe { ((*at).cmsg_level, (*at).cmsg_type) };
        let is_error = (level == libc::IPPROTO_IP && kind == libc::IP_RECVERR)
            || (level == libc::IPPROTO_IPV6 && kind == libc::IPV6_RECVERR);
        if is_error {
            // SAFETY: with this level and type the data begins with a sock_extended_err; read
            // unaligned, since cmsg data promises no alignment.
            let report: libc::sock_extended_err =
                unsafe { std::ptr::read_unaligned(libc::CMSG_DATA(at).cast()) };
            let failed = is_failure(&report);
            return Ok(to.get().filter(|_| failed).map(|to| Unreachable {
                to,
                errno: report.ee_errno as i32,
            }));
        }
        // SAFETY: as for CMSG_FIRSTHDR.
        at = unsafe { libc::CMSG_NXTHDR(&header, at) };
    }
    Ok(None)
}

/// RFC 3261 §18.4: unreachable host, network, port or protocol, and parameter problems. What is
/// merely too large was measured on the way and will be fragmented next time.
fn is_failure(report: &libc::sock_extended_err) -> bool {
    const DESTINATION_UNREACHABLE: u8 = 3;
    const FRAGMENTATION_NEEDED: u8 = 4;
    const PARAMETER_PROBLEM: u8 = 12;
    const V6_DESTINATION_UNREACHABLE: u8 = 1;
    const V6_PARAMETER_PROBLEM: u8 = 4;
    match report.ee_origin {
        libc::SO_EE_ORIGIN_ICMP => match report.ee_type {
            DESTINATION_UNREACHABLE => report.ee_code != FRAGMENTATION_NEEDED,
            PARAMETER_PROBLEM => true,
            _ => false,
        },
        libc::SO_EE_ORIGIN_ICMP6 => {
            matches!(
                report.ee_type,
                V6_DESTINATION_UNREACHABLE | V6_PARAMETER_PROBLEM
            )
        }
        libc::SO_EE_ORIGIN_LOCAL => report.ee_errno != libc::EMSGSIZE as u32,
        _ => false,
    }
}
