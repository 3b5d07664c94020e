//! Reads and writes SIP and SDP: RFC 3261 §25 as far as a server meets it.
//!
//! Knows bytes only: no clock, no socket, no other crate of ours. Bytes come in as a [`Frame`],
//! [`Peek`] says which shard they belong to, [`Message::parse`] indexes them once, and what goes
//! out again is a [`Draft`] over that message. A `Message` never changes.
//!
//! Nothing here allocates for a normal message, recurses on input or panics on a peer's bytes.

pub mod draft;
pub mod fault;
pub mod frame;
pub mod framing;
mod grammar;
pub mod header;
pub mod limits;
pub mod message;
pub mod method;
pub mod multipart;
pub mod params;
pub mod peek;
mod scan;
pub mod sdp;
pub mod span;
pub mod uri;
pub mod writer;

pub use draft::Draft;
pub use fault::{Expected, Fault, FaultKind};
pub use frame::Frame;
pub use header::{
    HeaderName,
    auth::{Challenge, Credentials},
    cseq::CSeq,
    name_addr::NameAddr,
    via::{Transport, Via},
};
pub use message::{Element, HeaderField, Message, Rejected};
pub use method::Method;
pub use params::{Param, Params};
pub use peek::Peek;
pub use span::Span;
pub use uri::{Host, Scheme, Uri};
pub use writer::{RequestWriter, Response};
