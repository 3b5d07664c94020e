//! Steering: programs that the kernel runs for every datagram to choose one of the sockets that share an address.
//!
//! An assembler each for eBPF ([`ebpf`]) and classic BPF ([`classic`]), a loader of what the first makes ([`load`]),
//! and [`DatagramSocket::steer`](crate::DatagramSocket::steer), which gives a program to the group of a socket. What a
//! program looks for in the bytes is its writer's; this room knows instructions.
//!
//! Both kinds see the payload of the UDP datagram from offset 0, IPv4 or IPv6, put together from its fragments, and
//! answer the number of a socket in the order of binding. Any other number leaves the choice to the kernel, which
//! takes a hash of both addresses and ports.

pub mod classic;
pub mod ebpf;
mod listing;
mod load;

pub use load::{Map, Program, Refusal, load};

/// The answer of a program that leaves the choice to the kernel.
pub const UNDECIDED: u32 = u32::MAX;
