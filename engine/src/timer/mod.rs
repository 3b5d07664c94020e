//! Timers: what can be due, and the wheel that says when.
//!
//! A timer of the wheel is a kind and a slot of the table that set it; whoever set it keeps the
//! [`TimerId`] and cancels it before it ends, so a timer never fires for somebody who is gone.
//! What a timer means is its table's work, not this room's.

mod wheel;

pub use wheel::{Fired, TimerId, Wheel};

/// What can be due. The letters are RFC 3261's (Table 4) and RFC 6026's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Timer {
    /// Client INVITE: retransmit the request. Unreliable only.
    A,
    /// Client INVITE: no response at all. OpenSIPS: `fr_timeout`.
    B,
    /// Client INVITE: provisional, but no final response. OpenSIPS: `fr_inv_timeout`.
    C,
    /// Client INVITE: wait for retransmissions of the final response.
    D,
    /// Client non-INVITE: retransmit the request. Unreliable only.
    E,
    /// Client non-INVITE: no final response. OpenSIPS: `fr_timeout`.
    F,
    /// Server INVITE: retransmit the final response. Unreliable only.
    G,
    /// Server INVITE: no ACK.
    H,
    /// Server INVITE: wait for retransmissions of the ACK.
    I,
    /// Server non-INVITE: wait for retransmissions of the request.
    J,
    /// Client non-INVITE: wait for retransmissions of the response.
    K,
    /// Server INVITE: wait for retransmissions of the INVITE after a 2xx (RFC 6026).
    L,
    /// Client INVITE: wait for further 2xx (RFC 6026).
    M,
    /// Server INVITE: 200 ms without a response, say 100.
    Trying,
    /// Client INVITE: 64*T1 after CANCEL without a final response (§9.1).
    Cancelled,
    /// Server: nobody answered at all; a net under faults of ours.
    Unanswered,
    /// The deadline of a parked run.
    Parked,
    /// A `timer_route` of the script; the slot is its number.
    TimerRoute,
    /// A module's period; the slot is its number in the list of periods.
    Module,
    /// A transaction waits for further branches; the slot is its response context's.
    LateBranches,
}

const KINDS: [Timer; 20] = {
    use Timer::*;
    [
        A,
        B,
        C,
        D,
        E,
        F,
        G,
        H,
        I,
        J,
        K,
        L,
        M,
        Trying,
        Cancelled,
        Unanswered,
        Parked,
        TimerRoute,
        Module,
        LateBranches,
    ]
};

/// Bits of a timer that name its kind; the rest is the slot.
const KIND_BITS: u32 = 5;

/// Slots a timer can name: 134 million.
pub const TIMER_SLOTS_MAX: u32 = 1 << (32 - KIND_BITS);

const _: () = assert!(KINDS.len() <= 1 << KIND_BITS, "a kind fits its bits");

impl Timer {
    fn pack(self, slot: u32) -> u32 {
        debug_assert!(slot < TIMER_SLOTS_MAX);
        ((self as u32) << (32 - KIND_BITS)) | (slot & (TIMER_SLOTS_MAX - 1))
    }

    fn unpack(packed: u32) -> (Timer, u32) {
        (
            KINDS[(packed >> (32 - KIND_BITS)) as usize],
            packed & (TIMER_SLOTS_MAX - 1),
        )
    }
}

#[cfg(test)]
mod tests;
