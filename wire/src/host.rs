//! What this machine has: addresses, cores, io_uring.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// An address of a network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The interface: `eth0`.
    pub interface: String,
    /// The address.
    pub address: IpAddr,
}

/// The addresses of all interfaces that are up, in the system's order. Link-local IPv6 addresses
/// are left out: without their interface they name nobody in a Via or Contact.
pub fn addresses() -> io::Result<Vec<InterfaceAddress>> {
    let mut head: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the kernel library writes one pointer and gives us the list, which is freed below.
    // std and socket2 cannot list interfaces; `*` in a socket definition needs them.
    if unsafe { libc::getifaddrs(&mut head) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found: Vec<InterfaceAddress> = Vec::new();
    let mut at = head;
    while !at.is_null() {
        // SAFETY: a non-null node of the list, not freed yet.
        let node = unsafe { &*at };
        at = node.ifa_next;
        if node.ifa_flags & libc::IFF_UP as u32 == 0 || node.ifa_addr.is_null() {
            continue;
        }
        // SAFETY: ifa_addr is not null and points at a sockaddr whose family says its real type;
        // ifa_name is a C string of the node.
        let (address, name) = unsafe {
            let address = match i32::from((*node.ifa_addr).sa_family) {
                libc::AF_INET => {
                    let v4 = &*node.ifa_addr.cast::<libc::sockaddr_in>();
                    Some(IpAddr::V4(Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes())))
                }
                libc::AF_INET6 => {
                    let v6 = &*node.ifa_addr.cast::<libc::sockaddr_in6>();
                    Some(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
                }
                _ => None,
            };
            (
                address,
                CStr::from_ptr(node.ifa_name).to_string_lossy().into_owned(),
            )
        };
        let Some(address) = address else { continue };
        let is_link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if !is_link_local && !found.iter().any(|one| one.address == address) {
            found.push(InterfaceAddress {
                interface: name,
                address,
            });
        }
    }
    // SAFETY: the list of getifaddrs, freed once; nothing borrowed from it is left.
    unsafe { libc::freeifaddrs(head) };
    Ok(found)
}

/// The cores this process may run on, by number.
pub fn cores() -> Vec<usize> {
    // SAFETY: a cpu_set_t is plain bits, zero is the empty set; the kernel writes into our local of
    // the size that is told.
    let set = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        if libc::sched_getaffinity(0, mem::size_of::<libc::cpu_set_t>(), &mut set) < 0 {
            return vec![0];
        }
        set
    };
    (0..libc::CPU_SETSIZE as usize)
        // SAFETY: the index is below CPU_SETSIZE.
        .filter(|&core| unsafe { libc::CPU_ISSET(core, &set) })
        .collect()
}

/// The name of an address, by the hosts file or reverse DNS as this machine is set up. Waits for it.
pub fn name_of(address: IpAddr) -> Option<String> {
    const NAME_BYTES: usize = libc::NI_MAXHOST as usize;
    let address = socket2::SockAddr::from(SocketAddr::new(address, 0));
    let mut name = [0u8; NAME_BYTES];
    // SAFETY: the address and its length belong together, and the C library writes a terminated string of at
    // most the bytes that are told into our local. std has no reverse lookup.
    let failed = unsafe {
        libc::getnameinfo(
            address.as_ptr().cast(),
            address.len(),
            name.as_mut_ptr().cast(),
            NAME_BYTES as libc::socklen_t,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if failed != 0 {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&name).ok()?.to_str().ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The address of ours that the routing table chooses towards another. Nothing is sent.
pub fn source_towards(destination: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match destination {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(destination).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Whether the kernel gives us an io_uring. Containers and hardened systems refuse.
pub fn probe_io_uring() -> io::Result<()> {
    // struct io_uring_params of <linux/io_uring.h>: 120 bytes of integers, zero asks for nothing special.
    let mut params = [0u64; 15];
    // SAFETY: the kernel reads and writes 120 bytes of our local. libc has no wrapper for the call.
    let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, 4u32, params.as_mut_ptr()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that only we know, closed once.
    unsafe { libc::close(fd as i32) };
    Ok(())
}
