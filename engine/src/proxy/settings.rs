//! What an operator sets of the proxy core, and buffers that one message after the other uses.

use parser::Draft;

/// Settings of the proxy core; the parameters of `rr` and `tm` and the globals that concern it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySettings {
    /// `rr:append_fromtag`: our Record-Route says who called, for `is_direction`.
    pub append_from_tag: bool,
    /// `rr:enable_double_rr`: two Record-Routes where transport, family or socket change.
    pub double_record_route: bool,
    /// `rr:ignore_user`: a Route with a user part that is this one is ours all the same.
    pub ignore_user: Vec<u8>,
    /// `disable_503_translation`: a 503 goes back as it is, not as 500 (RFC 3261 §16.7 step 6).
    pub pass_503: bool,
    /// `tm:disable_6xx_block`: new branches may be tried after a 6xx.
    pub branches_after_6xx: bool,
    /// A request longer than this leaves by TCP when UDP was nobody's wish (RFC 3261 §18.1.1 says 1300).
    pub udp_bytes_max: Option<u32>,
    /// RFC 3261 §16.3 step 4 and RFC 5393: look for loops.
    pub loop_detection: bool,
    /// `tm:onreply_avp_mode`: attributes of the request are seen in reply routes.
    pub reply_avps: bool,
}

impl Default for ProxySettings {
    fn default() -> Self {
        ProxySettings {
            append_from_tag: true,
            double_record_route: true,
            ignore_user: Vec::new(),
            pass_503: false,
            branches_after_6xx: false,
            udp_bytes_max: None,
            loop_detection: true,
            reply_avps: false,
        }
    }
}

/// The proxy core's own part of the core.
#[derive(Debug, Default)]
pub struct Proxy {
    /// What an operator sets.
    pub settings: ProxySettings,
    /// Keys of the tags that we mint. Chance gives them, once an engine.
    pub(crate) key: (u64, u64),
    /// The draft of the branch that is being written.
    pub(super) draft: Draft,
    /// Header lines being made.
    pub(super) line: Vec<u8>,
}

impl Proxy {
    /// With the settings' defaults and this key.
    pub fn new(key: (u64, u64)) -> Self {
        Proxy {
            key,
            ..Proxy::default()
        }
    }
}
