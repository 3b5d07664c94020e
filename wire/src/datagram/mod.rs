//! UDP, a batch at a time.
//!
//! One [`DatagramSocket`] per address and shard; the batches are the shard's and serve all of its
//! sockets. Measured before this was chosen: `recvmmsg`/`sendmmsg` in batches of 32 on raw
//! descriptors, plain sends where no run of equal sizes forms.

mod errors;
mod receive;
mod send;
mod socket;

pub use errors::{Unreachable, Unreachables};
pub use receive::{ReceiveBatch, Received};
pub use send::{Datagram, SendBatch, Sent};
pub use socket::{DatagramOptions, DatagramSocket, Multicast};
