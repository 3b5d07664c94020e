//! Receiving: `recvmmsg` straight into the caller's buffers.
//!
//! Every datagram gets two pieces of room: the caller's buffer, which fits nearly all, and behind
//! it 64 KiB of spill that belong to the batch, so that the rare large one is not cut. The spill is
//! address space only until such a datagram comes.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use super::DatagramSocket;
use crate::address::RawAddress;
use crate::limits::{BATCH, SPILL_BYTES};

/// What one call of the kernel brought.
pub struct ReceiveBatch {
    headers: Box<[libc::mmsghdr; BATCH]>,
    pieces: Box<[[libc::iovec; 2]; BATCH]>,
    addresses: Box<[RawAddress; BATCH]>,
    spill: Vec<u8>,
    rooms: [usize; BATCH],
    count: usize,
}

/// One datagram of the batch.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Its place: it stands in the caller's buffer of this number.
    pub index: usize,
    /// How many of its bytes are in that buffer.
    pub len: usize,
    /// The bytes that did not fit.
    pub spilled: &'a [u8],
    /// Who sent it.
    pub from: SocketAddr,
}

impl Default for ReceiveBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl ReceiveBatch {
    /// An empty batch with its spill.
    pub fn new() -> Self {
        // SAFETY: zero is a valid value for these C structures of integers and pointers; every
        // pointer is set before the kernel sees it.
        let (headers, pieces) = unsafe { (mem::zeroed(), mem::zeroed()) };
        Self {
            headers: Box::new(headers),
            pieces: Box::new(pieces),
            addresses: Box::new([RawAddress::empty(); BATCH]),
            spill: vec![0; BATCH * SPILL_BYTES],
            rooms: [0; BATCH],
            count: 0,
        }
    }

    /// Receives up to `buffers.len()` datagrams, at most 32, without waiting; `room` says where in a buffer the bytes go.
    /// The answer is how many came; `WouldBlock` is zero.
    pub fn receive<B>(
        &mut self,
        socket: &DatagramSocket,
        buffers: &mut [B],
        room: impl for<'a> Fn(&'a mut B) -> &'a mut [u8],
    ) -> io::Result<usize> {
        self.count = 0;
        let offered = buffers.len().min(BATCH);
        for (slot, buffer) in buffers[..offered].iter_mut().enumerate() {
            let room = room(buffer);
            self.rooms[slot] = room.len();
            let spill = &mut self.spill[slot * SPILL_BYTES..(slot + 1) * SPILL_BYTES];
            self.pieces[slot] = [
                libc::iovec {
                    iov_base: room.as_mut_ptr().cast(),
                    iov_len: room.len(),
                },
                libc::iovec {
                    iov_base: spill.as_mut_ptr().cast(),
                    iov_len: spill.len(),
                },
            ];
            let header = &mut self.headers[slot].msg_hdr;
            header.msg_name = (&raw mut self.addresses[slot]).cast();
            header.msg_namelen = RawAddress::SIZE;
            header.msg_iov = self.pieces[slot].as_mut_ptr();
            header.msg_iovlen = 2;
            header.msg_control = std::ptr::null_mut();
            header.msg_controllen = 0;
            header.msg_flags = 0;
        }
        // SAFETY: the first `offered` headers were just pointed at the caller's buffers (borrowed
        // mutably for the length of this call), at disjoint parts of our spill and at our address
        // table; the lengths are those of the slices. The kernel keeps none of them.
        // Asked for by: one `recvfrom` a datagram costs 2-3 times the system time.
        let got = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                offered as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        if got < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock {
                Ok(0)
            } else {
                Err(error)
            };
        }
        self.count = got as usize;
        Ok(self.count)
    }

    /// Datagram `index` of the last call; `None` past its end, or from an address of no family of ours.
    pub fn get(&self, index: usize) -> Option<Received<'_>> {
        if index >= self.count {
            return None;
        }
        let whole = self.headers[index].msg_len as usize;
        let len = whole.min(self.rooms[index]);
        let spilled = &self.spill[index * SPILL_BYTES..][..(whole - len).min(SPILL_BYTES)];
        Some(Received {
            index,
            len,
            spilled,
            from: self.addresses[index].get()?,
        })
    }
}
