//! The bounds of this crate.

/// Datagrams of one `recvmmsg` or `sendmmsg`. More was measured to gain nothing.
pub const BATCH: usize = 32;

/// What a UDP datagram can hold beyond the caller's buffer; the address space behind it is only
/// touched when such a datagram comes.
pub const SPILL_BYTES: usize = 65_536;

/// Ready descriptors that one wait reports. The rest are reported by the next.
pub const EVENTS: usize = 256;

/// Destinations that one reading of the error queue reports. The rest are reported by the next.
pub const UNREACHABLES: usize = 32;
