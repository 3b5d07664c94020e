//! How a script wants a request relayed.

use std::net::SocketAddr;

use crate::input::Transport;

/// Options of `relay`; the flags are `t_relay`'s.
#[derive(Clone, Copy, Debug, Default)]
pub struct RelayOptions<'a> {
    /// A fixed destination (`proto:host:port`) for all branches, in place of the next hop.
    pub destination: Option<&'a [u8]>,
    /// `no-auto-477`: when no branch could be sent, make no 477 of our own; the script answers.
    pub no_auto_477: bool,
    /// `no-dns-failover`: only the first address of a destination.
    pub no_dns_failover: bool,
    /// `pass-reason-hdr`: the Reason of the caller's CANCEL goes into ours.
    pub pass_reason: bool,
    /// `allow-no-cancel`: a `Request-Disposition: no-cancel` keeps branches from being cancelled.
    pub allow_no_cancel: bool,
    /// A copy whose responses nobody waits for (`t_replicate`).
    pub replicate: bool,
}

/// The stored, owned form of [`RelayOptions`] flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayFlags {
    /// See [`RelayOptions::no_auto_477`].
    pub no_auto_477: bool,
    /// See [`RelayOptions::no_dns_failover`].
    pub no_dns_failover: bool,
    /// See [`RelayOptions::pass_reason`].
    pub pass_reason: bool,
    /// See [`RelayOptions::allow_no_cancel`].
    pub allow_no_cancel: bool,
    /// See [`RelayOptions::replicate`].
    pub replicate: bool,
}

impl From<&RelayOptions<'_>> for RelayFlags {
    fn from(options: &RelayOptions<'_>) -> Self {
        RelayFlags {
            no_auto_477: options.no_auto_477,
            no_dns_failover: options.no_dns_failover,
            pass_reason: options.pass_reason,
            allow_no_cancel: options.allow_no_cancel,
            replicate: options.replicate,
        }
    }
}

/// Why a relay did not happen, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum RelayError {
    /// Something of ours: a full table, no transaction.
    Internal = -1,
    /// The request cannot be forwarded as it is.
    BadMessage = -2,
    /// No target at all.
    NoDestination = -3,
    /// A target that does not resolve.
    BadDestination = -4,
    /// Every destination is filtered.
    Filtered = -5,
    /// Nothing could be sent.
    SendFailed = -6,
}

impl RelayError {
    /// What `t_relay` returns.
    pub fn value(self) -> i32 {
        self as i32
    }

    /// What `sl_reply_error` answers after it.
    pub fn status(self) -> (u16, &'static [u8]) {
        let code = match self {
            RelayError::Internal => 500,
            RelayError::BadMessage => 400,
            RelayError::NoDestination => 404,
            RelayError::BadDestination => 478,
            RelayError::Filtered => 473,
            RelayError::SendFailed => 477,
        };
        (code, parser::writer::reason_of(code).as_bytes())
    }
}

/// Which branches to cancel (`t_cancel_branch`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// All of them.
    All,
    /// All but the one the response came by.
    Others,
    /// Only the one the response came by.
    This,
}

/// One place to send to: what RFC 3263 ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}
