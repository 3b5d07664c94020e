//! Sending: `sendmmsg` straight out of an arena of bytes, runs of equal size as one datagram each.
//!
//! Neighbours of one size to one destination are a run: one descriptor with `UDP_SEGMENT`, which the kernel carries
//! as one packet as far as it can. The last of a run may be shorter. What the kernel will not cut up (a device whose
//! MTU is smaller, IPsec) is sent singly, and no run of that size is tried again.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use super::DatagramSocket;
use crate::address::RawAddress;
use crate::limits::{BATCH, PIECES, RUN_BYTES, RUN_PIECES, SEGMENT_BYTES};

/// A datagram to be sent: its bytes and where they go.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The whole datagram.
    pub bytes: &'a [u8],
    /// Its destination.
    pub to: SocketAddr,
}

/// Descriptors for one call of the kernel.
pub struct SendBatch {
    headers: Box<[libc::mmsghdr; BATCH]>,
    pieces: Box<[libc::iovec; PIECES]>,
    segments: Box<[Segment; BATCH]>,
    addresses: Box<[RawAddress; BATCH]>,
    /// Where the pieces of each descriptor begin.
    begins: [usize; BATCH + 1],
    /// The largest datagram that still becomes part of a run; 0: there are none.
    segment_bytes: usize,
}

/// The control message that makes a run of a datagram: how long each is.
#[derive(Clone, Copy)]
#[repr(C)]
struct Segment {
    header: libc::cmsghdr,
    bytes: u16,
}

/// How a send ended.
#[derive(Debug)]
pub struct Sent {
    /// So many, from the front, are on their way.
    pub count: usize,
    /// In so many descriptors: what the kernel walked through its stack.
    pub runs: usize,
    /// What stopped the next one, if anything did. It may be a report about an *earlier* datagram:
    /// the caller reads the error queue and offers the rest again.
    pub error: Option<io::Error>,
}

impl Default for SendBatch {
    fn default() -> Self {
        Self::new(true)
    }
}

impl SendBatch {
    /// An empty batch, that makes runs or does not.
    pub fn new(makes_runs: bool) -> Self {
        // SAFETY: zero is a valid value for these C structures of integers and pointers; every
        // pointer is set before the kernel sees it.
        let (headers, pieces, segments) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Self {
            headers: Box::new(headers),
            pieces: Box::new(pieces),
            segments: Box::new(segments),
            addresses: Box::new([RawAddress::empty(); BATCH]),
            begins: [0; BATCH + 1],
            segment_bytes: if makes_runs { SEGMENT_BYTES } else { 0 },
        }
    }

    /// Sends the datagrams from the front without waiting: at most 32 runs, and at most 256 in all.
    pub fn send<'a>(
        &mut self,
        socket: &DatagramSocket,
        datagrams: impl Iterator<Item = Datagram<'a>>,
    ) -> Sent {
        let offered = self.gather(datagrams);
        let sent = self.offer(socket, offered);
        match sent {
            Ok(runs) => Sent {
                count: self.begins[runs],
                runs,
                error: None,
            },
            Err(error) if self.begins[1] > 1 && is_about_runs(&error) => {
                self.segment_bytes = self.pieces[0].iov_len - 1;
                self.send_singly(socket)
            }
            Err(error) => Sent {
                count: 0,
                runs: 0,
                error: Some(error),
            },
        }
    }

    /// Fills the descriptors; the answer is how many.
    fn gather<'a>(&mut self, datagrams: impl Iterator<Item = Datagram<'a>>) -> usize {
        let mut runs = 0;
        // Of the run that may still grow: its destination, its bytes left, the size of its datagrams.
        let mut open: Option<(SocketAddr, usize, usize)> = None;
        for (at, Datagram { bytes, to }) in datagrams.take(PIECES).enumerate() {
            let len = bytes.len();
            let continues = open.is_some_and(|(same, room, size)| {
                same == to && (1..=size).contains(&len) && len <= room
            });
            if !continues && runs == BATCH {
                break;
            }
            self.pieces[at] = libc::iovec {
                // The kernel only reads through it; C has no word for that here.
                iov_base: bytes.as_ptr().cast_mut().cast(),
                iov_len: len,
            };
            if !continues {
                self.begins[runs] = at;
                runs += 1;
                let slot = runs - 1;
                let name_len = self.addresses[slot].set(to);
                let header = &mut self.headers[slot].msg_hdr;
                header.msg_namelen = name_len;
                header.msg_name = (&raw mut self.addresses[slot]).cast();
                header.msg_control = std::ptr::null_mut();
                header.msg_controllen = 0;
                let begins_run = (1..=self.segment_bytes).contains(&len);
                open = begins_run.then(|| (to, RUN_BYTES - len, len));
            } else if let Some((_, room, size)) = &mut open {
                *room -= len;
                // A shorter one ends its run.
                let is_full = at + 1 - self.begins[runs - 1] == RUN_PIECES;
                if len < *size || is_full {
                    open = None;
                }
            }
            self.begins[runs] = at + 1;
        }
        for slot in 0..runs {
            let (begin, end) = (self.begins[slot], self.begins[slot + 1]);
            let header = &mut self.headers[slot].msg_hdr;
            header.msg_iov = &raw mut self.pieces[begin];
            header.msg_iovlen = end - begin;
            if end - begin > 1 {
                self.segments[slot] = Segment::of(self.pieces[begin].iov_len as u16);
                header.msg_control = (&raw mut self.segments[slot]).cast();
                header.msg_controllen = Segment::SPACE;
            }
        }
        runs
    }

    /// The first run again, each of its datagrams by itself.
    fn send_singly(&mut self, socket: &DatagramSocket) -> Sent {
        let count = self.begins[1].min(BATCH);
        let to = self.headers[0].msg_hdr;
        for slot in 0..count {
            let piece = &raw mut self.pieces[slot];
            let header = &mut self.headers[slot].msg_hdr;
            header.msg_name = to.msg_name;
            header.msg_namelen = to.msg_namelen;
            header.msg_iov = piece;
            header.msg_iovlen = 1;
            header.msg_control = std::ptr::null_mut();
            header.msg_controllen = 0;
        }
        match self.offer(socket, count) {
            Ok(count) => Sent {
                count,
                runs: count,
                error: None,
            },
            Err(error) => Sent {
                count: 0,
                runs: 0,
                error: Some(error),
            },
        }
    }

    /// How many of the first `count` descriptors the kernel took.
    fn offer(&mut self, socket: &DatagramSocket, count: usize) -> io::Result<usize> {
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: `gather` or `send_singly` just pointed these headers at the caller's bytes (borrowed for 'a, which
        // outlives the call of `send`), at our address table and at our control messages, with their lengths. The
        // kernel reads them and keeps none.
        // Asked for by: one `sendto` a datagram costs about twice the system time; a run costs less than two datagrams.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers[..count].as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        // Fewer than offered without an error: the next call says why.
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

impl Segment {
    /// With the padding that the kernel's macros expect behind it.
    const SPACE: usize = mem::size_of::<Segment>();

    fn of(bytes: u16) -> Segment {
        Segment {
            header: libc::cmsghdr {
                cmsg_len: mem::size_of::<libc::cmsghdr>() + mem::size_of::<u16>(),
                cmsg_level: libc::SOL_UDP,
                cmsg_type: libc::UDP_SEGMENT,
            },
            bytes,
        }
    }
}

/// Whether the kernel objects to the run and not to the datagrams.
fn is_about_runs(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    number.is_some_and(|number| {
        [libc::EINVAL, libc::EMSGSIZE, libc::EIO, libc::EOPNOTSUPP].contains(&number)
    })
}
