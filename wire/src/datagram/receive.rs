//! Receiving: `recvmmsg` straight into the caller's buffers.
//!
//! Every datagram gets two pieces of room: the caller's buffer, which fits nearly all, and behind
//! it 64 KiB of spill that belong to the batch, so that the rare large one is not cut. The spill is
//! address space only until such a datagram comes.
//!
//! A socket that takes runs (`UDP_GRO`) may give several datagrams of one peer and one size as one: its
//! [segments](ReceiveBatch::segments), of which the last may be shorter.

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
    notes: Box<[Note; BATCH]>,
    spill: Vec<u8>,
    rooms: [usize; BATCH],
    count: usize,
}

/// Room for the control message that says how long the datagrams of a run are.
#[derive(Clone, Copy)]
#[repr(C)]
struct Note {
    header: libc::cmsghdr,
    segment: libc::c_int,
    padding: libc::c_int,
}

/// One datagram of the batch.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Its place: it stands in the caller's buffer of this number.
    pub index: usize,
    /// Where in that buffer it begins.
    pub start: usize,
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
        let (headers, pieces, notes) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Self {
            headers: Box::new(headers),
            pieces: Box::new(pieces),
            addresses: Box::new([RawAddress::empty(); BATCH]),
            notes: Box::new(notes),
            spill: vec![0; BATCH * SPILL_BYTES],
            rooms: [0; BATCH],
            count: 0,
        }
    }

    /// Receives up to `buffers.len()` datagrams or runs, at most 32, without waiting; `room` says where in a buffer the
    /// bytes go. The answer is how many came; `WouldBlock` is zero.
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
            header.msg_control = (&raw mut self.notes[slot]).cast();
            header.msg_controllen = mem::size_of::<Note>();
            header.msg_flags = 0;
        }
        // SAFETY: the first `offered` headers were just pointed at the caller's buffers (borrowed
        // mutably for the length of this call), at disjoint parts of our spill and at our address
        // and control tables; the lengths are those of the slices. The kernel keeps none of them.
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

    /// Of how many datagrams number `index` of the last call consists: one, or those of a run.
    pub fn segments(&self, index: usize) -> usize {
        match self.segment_of(index) {
            Some(segment) => self.whole(index).div_ceil(segment),
            None => 1,
        }
    }

    /// Datagram `segment` of number `index` of the last call; `None` past the end, or from an address of no family of
    /// ours.
    pub fn get(&self, index: usize, segment: usize) -> Option<Received<'_>> {
        if index >= self.count {
            return None;
        }
        let (whole, room) = (self.whole(index), self.rooms[index]);
        let (start, end) = match self.segment_of(index) {
            Some(bytes) => (
                segment * bytes,
                segment.saturating_add(1).saturating_mul(bytes).min(whole),
            ),
            None => (segment * whole, whole),
        };
        if start > end || (segment > 0 && start == end) {
            return None;
        }
        let spill = &self.spill[index * SPILL_BYTES..(index + 1) * SPILL_BYTES];
        let behind = |at: usize| at.saturating_sub(room).min(SPILL_BYTES);
        Some(Received {
            index,
            start: start.min(room),
            len: end.min(room) - start.min(room),
            spilled: &spill[behind(start)..behind(end)],
            from: self.addresses[index].get()?,
        })
    }

    fn whole(&self, index: usize) -> usize {
        self.headers
            .get(index)
            .map_or(0, |header| header.msg_len as usize)
    }

    /// How long the datagrams of a run are; `None`: it is no run.
    fn segment_of(&self, index: usize) -> Option<usize> {
        let header = &self.headers.get(index)?.msg_hdr;
        let note = &self.notes[index];
        // What the kernel wrote: nothing, or one control message of ours.
        let is_note = header.msg_controllen
            >= mem::size_of::<libc::cmsghdr>() + mem::size_of::<libc::c_int>()
            && note.header.cmsg_level == libc::SOL_UDP
            && note.header.cmsg_type == libc::UDP_GRO;
        if !is_note {
            return None;
        }
        usize::try_from(note.segment)
            .ok()
            .filter(|&bytes| bytes > 0 && bytes < self.whole(index))
    }
}
