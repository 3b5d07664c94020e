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

/// Datagrams that one `sendmmsg` is offered, all runs together.
pub const PIECES: usize = 256;

/// Datagrams of one run: the kernel's `UDP_MAX_SEGMENTS`, in the smallest value it ever had.
pub const RUN_PIECES: usize = 64;

/// Bytes of one run: what a UDP datagram over IPv4 can hold.
pub const RUN_BYTES: usize = 65_507;

/// The largest datagram that becomes part of a run: larger ones would be fragmented on most networks, which the
/// kernel refuses to do to the parts of a run.
pub const SEGMENT_BYTES: usize = 1_452;
