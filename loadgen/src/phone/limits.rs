//! The bounds of a phone.

/// Calls of one phone, lingering ones included. A command beyond it is refused with a notice, a
/// received INVITE with 503.
pub const CALLS_MAX: usize = 8 << 20;

/// Transactions of one phone, lingering ones included.
pub const TRANSACTIONS_MAX: usize = 16 << 20;

/// A call that ends sooner than this is not packed away, microseconds.
pub const REST_MIN: u64 = 2_000_000;

/// Registrations of one phone.
pub const REGISTRATIONS_MAX: usize = 8 << 20;

/// Message buffers kept for reuse: what is in flight at 40,000 calls/s and half a second of
/// retransmission, and no more than 32 MiB.
pub const BUFFERS_POOLED: usize = 16_384;

/// A pooled buffer that grew past this is freed instead.
pub const BUFFER_BYTES_MAX: usize = 2_048;

/// Record-Route elements that become a route set. More are a peer's mistake; the rest is left out.
pub const ROUTES_MAX: usize = 32;

/// Further 2xx responses of one forked INVITE that are acknowledged and hung up.
pub const FORKS_MAX: usize = 16;

/// How often one request is sent again with credentials.
pub const CHALLENGES_MAX: u8 = 2;

/// How often a re-INVITE is tried again after 491.
pub const GLARES_MAX: u8 = 4;

const _: () = assert!(CALLS_MAX < u32::MAX as usize, "a slot is a u32");
