//! What an operator sets of `tm`: the timers of RFC 3261 Table 4 and OpenSIPS's own.

/// Settings of `tm`, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TmSettings {
    /// RFC 3261 T1: the estimate of a round trip.
    pub t1_ms: u32,
    /// RFC 3261 T2: the longest interval between retransmissions (INVITE requests know none).
    pub t2_ms: u32,
    /// RFC 3261 T4: how long a message may stay in the network.
    pub t4_ms: u32,
    /// `fr_timeout`: no final response (INVITE: no response at all). Timers B and F.
    pub fr_ms: u32,
    /// `fr_inv_timeout`: a provisional, but no final response to an INVITE. Timer C.
    pub fr_inv_ms: u32,
    /// `restart_fr_on_each_reply`: whether each provisional response starts timer C anew, not only the first one and the
    /// first of 180 or more.
    pub restart_fr_on_each_reply: bool,
    /// `wt_timer`, where the operator set it: how long a finished transaction absorbs what comes
    /// late. Then it takes the place of timers D, J, K, L and M; else those are RFC 3261's.
    pub wt_ms: Option<u32>,
    /// `auto_100trying`: say 100 by ourselves.
    pub auto_100_trying: bool,
}

impl Default for TmSettings {
    fn default() -> Self {
        Self {
            t1_ms: 500,
            t2_ms: 4_000,
            t4_ms: 5_000,
            fr_ms: 30_000,
            fr_inv_ms: 120_000,
            restart_fr_on_each_reply: true,
            wt_ms: None,
            auto_100_trying: true,
        }
    }
}
