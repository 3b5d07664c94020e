//! Socket options that socket2 does not offer.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::os::fd::AsRawFd;

/// Sets an option whose value is one int.
pub(crate) fn set(socket: &impl AsRawFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the value is one int, its length is told, the kernel copies it.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            mem::size_of::<i32>() as libc::socklen_t,
        )
    };
    if done < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// How many datagrams the kernel dropped because this socket's buffer was full, since it was made. Wraps.
pub(crate) fn drops(socket: &impl AsRawFd) -> io::Result<u32> {
    let mut counts = [0u32; libc::SK_MEMINFO_DROPS as usize + 1];
    let mut length = mem::size_of_val(&counts) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which is the size of `counts`.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            counts.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if done < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(counts[libc::SK_MEMINFO_DROPS as usize])
    }
}
