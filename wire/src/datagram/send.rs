//! Sending: `sendmmsg` straight out of an arena of bytes.
//!
//! Each descriptor of the batch is one datagram. (Runs of equal size to one destination will become
//! one descriptor with `UDP_SEGMENT`; the caller already offers them next to each other.)

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use super::DatagramSocket;
use crate::address::RawAddress;
use crate::limits::BATCH;

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
    pieces: Box<[libc::iovec; BATCH]>,
    addresses: Box<[RawAddress; BATCH]>,
}

/// How a send ended.
#[derive(Debug)]
pub struct Sent {
    /// So many, from the front, are on their way.
    pub count: usize,
    /// What stopped the next one, if anything did. It may be a report about an *earlier* datagram:
    /// the caller reads the error queue and offers the rest again.
    pub error: Option<io::Error>,
}

impl Default for SendBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl SendBatch {
    /// An empty batch.
    pub fn new() -> Self {
        // SAFETY: zero is a valid value for these C structures of integers and pointers; every
        // pointer is set before the kernel sees it.
        let (headers, pieces) = unsafe { (mem::zeroed(), mem::zeroed()) };
        Self {
            headers: Box::new(headers),
            pieces: Box::new(pieces),
            addresses: Box::new([RawAddress::empty(); BATCH]),
        }
    }

    /// Sends the datagrams from the front, at most 32, without waiting.
    pub fn send<'a>(
        &mut self,
        socket: &DatagramSocket,
        datagrams: impl Iterator<Item = Datagram<'a>>,
    ) -> Sent {
        let mut offered = 0;
        for (slot, datagram) in datagrams.take(BATCH).enumerate() {
            self.pieces[slot] = libc::iovec {
                // The kernel only reads through it; C has no word for that here.
                iov_base: datagram.bytes.as_ptr().cast_mut().cast(),
                iov_len: datagram.bytes.len(),
            };
            let header = &mut self.headers[slot].msg_hdr;
            header.msg_namelen = self.addresses[slot].set(datagram.to);
            header.msg_name = (&raw mut self.addresses[slot]).cast();
            header.msg_iov = &raw mut self.pieces[slot];
            header.msg_iovlen = 1;
            offered = slot + 1;
        }
        if offered == 0 {
            return Sent {
                count: 0,
                error: None,
            };
        }
        // SAFETY: the first `offered` headers were just pointed at the caller's bytes (borrowed for
        // 'a, which outlives this call) and at our address table, with their lengths. The kernel
        // reads them and keeps none. No control data was ever set.
        // Asked for by: one `sendto` a datagram costs about twice the system time.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                offered as libc::c_uint,
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        if sent < 0 {
            return Sent {
                count: 0,
                error: Some(io::Error::last_os_error()),
            };
        }
        // Fewer than offered without an error: the next call says why.
        Sent {
            count: sent as usize,
            error: None,
        }
    }
}
