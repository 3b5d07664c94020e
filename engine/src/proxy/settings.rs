//! What an operator sets of the proxy core, and buffers that one message after the other uses.

use parser::Draft;
use script::globals::Globals;

use crate::run::FlagNames;

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
    /// `tm:minor_branch_flag`: the branch flag, as a mask, of branches that nobody waits for; 0 for none.
    pub minor_flag: u32,
    /// `path:use_received`: a Path of ours that says where the phone was seen leads there.
    pub path_received: bool,
    /// `tcp_no_new_conn_bflag`: the branch flag, as a mask, of branches for which no connection is opened; 0 for none.
    pub no_connection_flag: u32,
    /// `tcp_no_new_conn_rplflag`: the message flag, as a mask, of requests whose responses open no connection.
    pub no_reply_connection_flag: u32,
    /// `tcp_accept_aliases`.
    pub accept_aliases: super::AcceptAliases,
    /// A request longer than this leaves by TCP when UDP was nobody's wish (RFC 3261 §18.1.1 says 1300).
    pub udp_bytes_max: Option<u32>,
    /// RFC 3261 §16.3 step 4 and RFC 5393: look for loops.
    pub loop_detection: bool,
    /// `disable_dns_failover`: only the first address of a destination.
    pub no_dns_failover: bool,
    /// The Server line of replies of ours, with its CRLF; empty for none.
    pub server_header: Vec<u8>,
    /// The User-Agent line of requests of ours, with its CRLF; empty for none.
    pub user_agent_header: Vec<u8>,
    /// `tm:onreply_avp_mode`: attributes of the request are seen in reply routes.
    pub reply_avps: bool,
    /// `check_via`: responses whose top Via names none of our sockets are dropped unseen.
    pub check_via: bool,
    /// `disable_stateless_fwd=no`: a response to us that no transaction waits for goes on by its second Via.
    pub forward_strays: bool,
    /// `sip_warning`: replies of ours say in a Warning what they are about.
    pub warning: bool,
}

impl Default for ProxySettings {
    fn default() -> Self {
        ProxySettings {
            append_from_tag: true,
            double_record_route: true,
            ignore_user: Vec::new(),
            pass_503: false,
            branches_after_6xx: false,
            minor_flag: 0,
            no_connection_flag: 0,
            no_reply_connection_flag: 0,
            path_received: false,
            accept_aliases: super::AcceptAliases::Never,
            udp_bytes_max: None,
            loop_detection: true,
            no_dns_failover: false,
            server_header: Vec::from(concat!(
                "Server: Tandem/",
                env!("CARGO_PKG_VERSION"),
                "\r\n"
            )),
            user_agent_header: Vec::from(concat!(
                "User-Agent: Tandem/",
                env!("CARGO_PKG_VERSION"),
                "\r\n"
            )),
            reply_avps: false,
            check_via: false,
            forward_strays: false,
            warning: false,
        }
    }
}

impl ProxySettings {
    /// Takes over what a script sets by global parameters.
    pub fn read(&mut self, globals: &Globals) {
        let set = |field: &mut bool, name: &str| *field = globals.is_on(name).unwrap_or(*field);
        set(&mut self.pass_503, "disable_503_translation");
        set(&mut self.no_dns_failover, "disable_dns_failover");
        set(&mut self.check_via, "check_via");
        set(&mut self.warning, "sip_warning");
        self.accept_aliases = super::AcceptAliases::of(globals);
        self.forward_strays = globals.is_on("disable_stateless_fwd") == Some(false);
        let line = |field: &mut Vec<u8>, name: &str| {
            if let Some(text) = globals.text(name) {
                *field = [text, b"\r\n"].concat();
            }
        };
        line(&mut self.server_header, "server_header");
        line(&mut self.user_agent_header, "user_agent_header");
        if globals.is_on("server_signature") == Some(false) {
            self.server_header.clear();
            self.user_agent_header.clear();
        }
    }
}

impl ProxySettings {
    /// Takes over the flags that a script names by global parameters.
    pub(crate) fn read_flags(
        &mut self,
        globals: &Globals,
        flags: &mut FlagNames,
    ) -> Result<(), String> {
        const FULL: &str = "more than 32 flags of one class";
        if let Some(name) = globals.text("tcp_no_new_conn_bflag") {
            self.no_connection_flag = flags.add(true, name).ok_or(FULL)?;
        }
        if let Some(name) = globals.text("tcp_no_new_conn_rplflag") {
            self.no_reply_connection_flag = flags.add(false, name).ok_or(FULL)?;
        }
        Ok(())
    }
}

/// The proxy core's own part of the core.
#[derive(Debug, Default)]
pub struct Proxy {
    /// What an operator sets.
    pub settings: ProxySettings,
    /// Keys of the tags that we mint. Chance gives them, once an engine.
    pub(crate) key: (u64, u64),
    /// What is rewritten, and how it is put back.
    pub rewriting: super::Rewriting,
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
