//! Who is ready: epoll, and the eventfd that wakes a waiting shard.
//!
//! A token is the caller's own number for a descriptor. Level-triggered: what was not read is
//! reported again.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use crate::limits::EVENTS;

/// What is asked about a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Something to read, or the end.
    pub read: bool,
    /// Room to write, or connected.
    pub write: bool,
}

impl Interest {
    /// Only errors.
    pub const NOTHING: Interest = Interest {
        read: false,
        write: false,
    };
    /// Something to read.
    pub const READ: Interest = Interest {
        read: true,
        write: false,
    };
    /// Something to read, or room to write.
    pub const BOTH: Interest = Interest {
        read: true,
        write: true,
    };
    /// Room to write.
    pub const WRITE: Interest = Interest {
        read: false,
        write: true,
    };

    fn bits(self) -> u32 {
        let read = if self.read {
            libc::EPOLLIN | libc::EPOLLRDHUP
        } else {
            0
        };
        let write = if self.write { libc::EPOLLOUT } else { 0 };
        (read | write) as u32
    }
}

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Epoll {
    fd: OwnedFd,
}

impl Epoll {
    /// An empty set.
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers. The descriptor is checked and then owned by nobody else.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        Ok(Epoll { fd: own(fd)? })
    }

    /// Adds a descriptor.
    pub fn add(&self, fd: &impl AsRawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_raw_fd(), token, interest)
    }

    /// Changes what is asked about a descriptor.
    pub fn modify(&self, fd: &impl AsRawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_raw_fd(), token, interest)
    }

    /// Takes a descriptor out. Closing it does the same if it was not duplicated.
    pub fn remove(&self, fd: &impl AsRawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_raw_fd(), 0, Interest::NOTHING)
    }

    fn control(&self, operation: i32, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest.bits(),
            u64: token,
        };
        // SAFETY: the event is a local that the kernel copies; a wrong descriptor is an error, not
        // undefined.
        let done = unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &mut event) };
        if done < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Waits until something is ready or the time is over; a signal ends the wait early. Zero does
    /// not wait. Rounded up to milliseconds, so that a timer is not met early again and again.
    pub fn wait(&self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        let milliseconds = timeout.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
        // SAFETY: the kernel writes at most EVENTS entries into our table of that length.
        let got = unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                events.table.as_mut_ptr(),
                EVENTS as i32,
                milliseconds,
            )
        };
        events.count = usize::try_from(got).unwrap_or(0);
        if got < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        Ok(())
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// What a wait reported.
pub struct Events {
    table: Box<[libc::epoll_event; EVENTS]>,
    count: usize,
}

/// One ready descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The number it was added with.
    pub token: u64,
    /// Something to read, or the end.
    pub readable: bool,
    /// Room to write.
    pub writable: bool,
    /// An error is pending, or both ends are closed. Reading says which.
    pub failed: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl Events {
    /// An empty report.
    pub fn new() -> Events {
        Events {
            table: Box::new([libc::epoll_event { events: 0, u64: 0 }; EVENTS]),
            count: 0,
        }
    }

    /// How many are ready.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ready descriptor number `index`.
    pub fn get(&self, index: usize) -> Option<Event> {
        let event = self.table[..self.count].get(index)?;
        let (bits, token) = (event.events, event.u64);
        let has = |bit: i32| bits & bit as u32 != 0;
        Some(Event {
            token,
            readable: has(libc::EPOLLIN | libc::EPOLLRDHUP),
            writable: has(libc::EPOLLOUT),
            failed: has(libc::EPOLLERR | libc::EPOLLHUP),
        })
    }

    /// All ready descriptors.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        (0..self.count).filter_map(|index| self.get(index))
    }
}

/// Wakes a shard that waits in [`Epoll::wait`]; anybody may ring, the shard answers.
#[derive(Clone, Debug)]
pub struct Doorbell {
    fd: Arc<OwnedFd>,
}

impl Doorbell {
    /// A silent one.
    pub fn new() -> io::Result<Doorbell> {
        // SAFETY: no pointers. The descriptor is checked and then owned by nobody else.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        Ok(Doorbell {
            fd: Arc::new(own(fd)?),
        })
    }

    /// Rings. Ringing twice is ringing once.
    pub fn ring(&self) {
        let one = 1u64;
        // SAFETY: eight bytes of a local are read. It fails only when it rings 2^64 times already.
        unsafe {
            libc::write(
                self.fd.as_raw_fd(),
                (&raw const one).cast(),
                mem::size_of::<u64>(),
            )
        };
    }

    /// Makes it silent again.
    pub fn answer(&self) {
        let mut count = 0u64;
        // SAFETY: eight bytes of a local are written. It fails only when it does not ring.
        unsafe {
            libc::read(
                self.fd.as_raw_fd(),
                (&raw mut count).cast(),
                mem::size_of::<u64>(),
            )
        };
    }
}

impl AsRawFd for Doorbell {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn own(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just gave us this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
