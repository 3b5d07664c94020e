//! Global parameters: script-language §4.

use super::{Failed, Parsed, Parser, Setting};
use crate::globals::{self, BlacklistRule, ScalingProfile};
use crate::lex::Kind;
use crate::program::{Constant, Net};
use crate::report::suggest;
use crate::source::Span;

/// How the value of a global parameter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bool,
    Int(i32, i32),
    /// A number, and perhaps `use_auto_scaling_profile`.
    Workers,
    Text,
    /// A word or a string.
    Word,
    /// A word or a string, one of these.
    OneOf(&'static [&'static str]),
    /// A host: quoted, an address or a name.
    Host,
    Tos,
    ModulePath,
    MemoryGroup,
    Socket,
    Alias,
    Blacklist,
    Scaling,
}

use Form::*;

const COUNT: Form = Int(0, i32::MAX);
const LEVEL: Form = Int(-3, 4);
const LOG_FORMATS: Form = OneOf(&["plain_text", "json", "json_cee"]);
const POLL_METHODS: Form = OneOf(&[
    "poll",
    "epoll",
    "epoll_lt",
    "sigio_rt",
    "select",
    "kqueue",
    "devpoll",
    "/dev/poll",
]);
const FACILITIES: Form = OneOf(&[
    "LOG_AUTH",
    "LOG_AUTHPRIV",
    "LOG_CRON",
    "LOG_DAEMON",
    "LOG_FTP",
    "LOG_KERN",
    "LOG_LOCAL0",
    "LOG_LOCAL1",
    "LOG_LOCAL2",
    "LOG_LOCAL3",
    "LOG_LOCAL4",
    "LOG_LOCAL5",
    "LOG_LOCAL6",
    "LOG_LOCAL7",
    "LOG_LPR",
    "LOG_MAIL",
    "LOG_NEWS",
    "LOG_SYSLOG",
    "LOG_USER",
    "LOG_UUCP",
]);

/// Every global parameter: as written, the name under which it is kept, its form.
#[rustfmt::skip]
const GLOBALS: &[(&str, &str, Form)] = &[
    ("abort_on_assert", "abort_on_assert", Bool),
    ("advertised_address", "advertised_address", Host),
    ("advertised_port", "advertised_port", Int(1, 65535)),
    ("alias", "alias", Alias),
    ("auto_aliases", "auto_aliases", Bool),
    ("auto_scaling_cycle", "auto_scaling_cycle", COUNT),
    ("auto_scaling_profile", "auto_scaling_profile", Scaling),
    ("check_via", "check_via", Bool),
    ("chroot", "chroot", Text),
    ("db_default_url", "db_default_url", Text),
    ("db_max_async_connections", "db_max_async_connections", COUNT),
    ("db_version_table", "db_version_table", Text),
    ("debug_mode", "debug_mode", Bool),
    ("disable_503_translation", "disable_503_translation", Bool),
    ("disable_core_dump", "disable_core_dump", Bool),
    ("disable_dns_blacklist", "disable_dns_blacklist", Bool),
    ("disable_dns_failover", "disable_dns_failover", Bool),
    ("disable_stateless_fwd", "disable_stateless_fwd", Bool),
    ("dns", "dns", Bool),
    ("dns_retr_no", "dns_retr_no", COUNT),
    ("dns_retr_time", "dns_retr_time", COUNT),
    ("dns_servers_no", "dns_servers_no", COUNT),
    ("dns_try_ipv6", "dns_try_ipv6", Bool),
    ("dns_try_naptr", "dns_try_naptr", Bool),
    ("dns_use_search_list", "dns_use_search_list", Bool),
    ("dst_blacklist", "dst_blacklist", Blacklist),
    ("enable_asserts", "enable_asserts", Bool),
    ("event_pkg_threshold", "event_pkg_threshold", Int(0, 100)),
    ("event_shm_threshold", "event_shm_threshold", Int(0, 100)),
    ("exec_dns_threshold", "exec_dns_threshold", COUNT),
    ("execdnsthreshold", "exec_dns_threshold", COUNT),
    ("exec_msg_threshold", "exec_msg_threshold", COUNT),
    ("execmsgthreshold", "exec_msg_threshold", COUNT),
    ("listen", "socket", Socket),
    ("log_event_enabled", "log_event_enabled", Bool),
    ("log_event_level_filter", "log_event_level_filter", Int(-4, 4)),
    ("log_facility", "syslog_facility", FACILITIES),
    ("log_json_buf_size", "log_json_buf_size", COUNT),
    ("log_level", "log_level", LEVEL),
    ("log_msg_buf_size", "log_msg_buf_size", COUNT),
    ("log_name", "syslog_name", Text),
    ("log_prefix", "log_prefix", Text),
    ("log_stderror", "log_stderror", Bool),
    ("log_stdout", "log_stdout", Bool),
    ("max_while_loops", "max_while_loops", COUNT),
    ("maxbuffer", "maxbuffer", COUNT),
    ("mcast_loopback", "mcast_loopback", Bool),
    ("mcast_ttl", "mcast_ttl", Int(-1, 255)),
    ("mem-group", "mem-group", MemoryGroup),
    ("mem_dump", "mem_dump", Int(i32::MIN, i32::MAX)),
    ("memdump", "mem_dump", Int(i32::MIN, i32::MAX)),
    ("mem_log", "mem_log", Int(i32::MIN, i32::MAX)),
    ("memlog", "mem_log", Int(i32::MIN, i32::MAX)),
    ("mem_warming", "mem_warming", Bool),
    ("mem_warming_enabled", "mem_warming", Bool),
    ("mem_warming_pattern_file", "mem_warming_pattern_file", Text),
    ("mem_warming_percentage", "mem_warming_percentage", Int(0, 100)),
    ("mhomed", "mhomed", Bool),
    ("mpath", "mpath", ModulePath),
    ("open_files_limit", "open_files_limit", COUNT),
    ("pi_framework", "pi_framework", Text),
    ("poll_method", "poll_method", POLL_METHODS),
    ("pv_print_buf_size", "pv_print_buf_size", COUNT),
    ("query_buffer_size", "query_buffer_size", COUNT),
    ("query_flush_time", "query_flush_time", COUNT),
    ("restart_persistency_cache_file", "restart_persistency_cache_file", Text),
    ("restart_persistency_size", "restart_persistency_size", COUNT),
    ("rev_dns", "rev_dns", Bool),
    ("server_header", "server_header", Text),
    ("server_signature", "server_signature", Bool),
    ("shm_hash_split_percentage", "shm_hash_split_percentage", Int(0, 100)),
    ("shm_memlog_size", "shm_memlog_size", COUNT),
    ("shm_secondary_hash_size", "shm_secondary_hash_size", COUNT),
    ("sip_warning", "sip_warning", Bool),
    ("socket", "socket", Socket),
    ("stderror_enabled", "stderror_enabled", Bool),
    ("stderror_level_filter", "stderror_level_filter", Int(-4, 4)),
    ("stderror_log_format", "stderror_log_format", LOG_FORMATS),
    ("syslog_enabled", "syslog_enabled", Bool),
    ("syslog_facility", "syslog_facility", FACILITIES),
    ("syslog_level_filter", "syslog_level_filter", Int(-4, 4)),
    ("syslog_log_format", "syslog_log_format", LOG_FORMATS),
    ("syslog_name", "syslog_name", Text),
    ("tcp_accept_aliases", "tcp_accept_aliases", Int(0, 2)),
    ("tcp_connect_timeout", "tcp_connect_timeout", COUNT),
    ("tcp_connection_lifetime", "tcp_connection_lifetime", COUNT),
    ("tcp_keepalive", "tcp_keepalive", Bool),
    ("tcp_keepcount", "tcp_keepcount", COUNT),
    ("tcp_keepidle", "tcp_keepidle", COUNT),
    ("tcp_keepinterval", "tcp_keepinterval", COUNT),
    ("tcp_max_connections", "tcp_max_connections", COUNT),
    ("tcp_max_msg_time", "tcp_max_msg_time", COUNT),
    ("tcp_no_new_conn_bflag", "tcp_no_new_conn_bflag", Word),
    ("tcp_no_new_conn_rplflag", "tcp_no_new_conn_rplflag", Word),
    ("tcp_parallel_read_on_workers", "tcp_parallel_read_on_workers", Bool),
    ("tcp_socket_backlog", "tcp_socket_backlog", COUNT),
    ("tcp_threads", "tcp_threads", COUNT),
    ("tcp_threshold", "tcp_threshold", COUNT),
    ("tcpthreshold", "tcp_threshold", COUNT),
    ("tcp_workers", "tcp_workers", Workers),
    ("timer_workers", "timer_workers", Workers),
    ("tos", "tos", Tos),
    ("udp_workers", "udp_workers", Workers),
    ("user_agent_header", "user_agent_header", Text),
    ("wdir", "wdir", Text),
    ("workdir", "wdir", Text),
    ("worker_reactor_timeout", "worker_reactor_timeout", COUNT),
    ("xlog_buf_size", "xlog_buf_size", COUNT),
    ("xlog_force_color", "xlog_force_color", Bool),
    ("xlog_level", "xlog_level", LEVEL),
    ("xlog_print_level", "xlog_print_level", LEVEL),
];

/// Names of the past, and what to write today.
const REMOVED: &[(&str, &str)] = &[
    (
        "avp_aliases",
        "aliases of AVPs are gone: use the name itself, `$avp(name)`",
    ),
    (
        "avp_db_url",
        "write `modparam(\"sqlops\", \"db_url\", ...)`",
    ),
    ("children", "write `udp_workers` (and `tcp_workers`)"),
    ("debug", "write `log_level`"),
    (
        "disable_tcp",
        "TCP is on if `proto_tcp.so` is loaded and a `socket=tcp:...` is given",
    ),
    (
        "disable_tls",
        "TLS is on if `proto_tls.so` is loaded and a `socket=tls:...` is given",
    ),
    (
        "fork",
        "write `debug_mode=yes`, or start with -F to stay in the foreground",
    ),
    ("group", "start with -g GROUP"),
    ("log_buf_size", "write `xlog_buf_size`"),
    ("max_buffer_size", "write `maxbuffer`"),
    ("mem_warming_percent", "write `mem_warming_percentage`"),
    (
        "port",
        "the port is part of the socket: `socket=udp:*:5060`",
    ),
    ("reply_to_via", "call `set_via_handling(\"reply-to-via\")`"),
    ("tcp_children", "write `tcp_workers`"),
    (
        "tcp_send_timeout",
        "write `modparam(\"proto_tcp\", \"tcp_send_timeout\", ...)`",
    ),
    ("user", "start with -u USER"),
];

/// Every name, and the one under which it is kept.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    GLOBALS.iter().map(|(written, kept, _)| (*written, *kept))
}

impl Parser<'_, '_> {
    /// `NAME = value`.
    pub(super) fn global(&mut self) -> Parsed<()> {
        let start = self.span();
        let mut name = String::from_utf8_lossy(self.word()).into_owned();
        self.advance();
        if name == "mem" && self.kind() == Kind::Minus && self.peek(1) == Kind::Ident {
            self.advance();
            name.push('-');
            name.push_str(&String::from_utf8_lossy(self.word()));
            self.advance();
        }
        let span = start.to(self.previous());
        let Some((written, kept, form)) = GLOBALS.iter().find(|(one, _, _)| *one == name).copied()
        else {
            return self.unknown_global(&name, span);
        };
        self.expect(Kind::Assign, &format!("`=` after `{name}`"))?;
        if written != kept && (written == "listen" || written.starts_with("log_")) {
            self.report.warn(
                span,
                format!("`{written}` is an old name"),
                Some(format!("write `{kept}`")),
            );
        }
        self.global_value(kept, form, span)?;
        let number = self.script.globals.int(kept);
        self.set(kept.to_owned(), number, span);
        Ok(())
    }

    /// Remembers that something was set.
    pub(super) fn set(&mut self, name: String, number: Option<i32>, span: Span) {
        self.script.settings.push(Setting { name, number, span });
    }

    fn unknown_global(&mut self, name: &str, span: Span) -> Parsed<()> {
        let removed = REMOVED
            .iter()
            .find(|(old, _)| *old == name)
            .map(|(_, hint)| (*hint).to_owned());
        let hint = if let Some(hint) = removed {
            Some(hint)
        } else if name.starts_with("tls_") {
            Some("TLS is set up by parameters of the module tls_mgm".to_owned())
        } else if self.kind() == Kind::Open {
            Some("functions are called inside of routes".to_owned())
        } else {
            let near = suggest(name, GLOBALS.iter().map(|(one, _, _)| *one));
            let kept = |near: &str| GLOBALS.iter().find(|(one, _, _)| *one == near);
            near.and_then(kept)
                .map(|(written, today, _)| match written == today {
                    true => format!("did you mean `{written}`?"),
                    false => format!("did you mean `{written}`? Today it is `{today}`"),
                })
        };
        let reason = match self.kind() {
            Kind::Assign => format!("unknown config variable `{name}`"),
            _ => format!("unknown statement `{name}`"),
        };
        match hint {
            Some(hint) => self.report.error_with(span, reason, hint),
            None => self.report.error(span, reason),
        }
        Err(Failed)
    }

    fn global_value(&mut self, name: &'static str, form: Form, span: Span) -> Parsed<()> {
        let start = self.span();
        let value = match form {
            Bool => Constant::Int(i32::from(self.signed_number("yes or no")? != 0)),
            Int(least, most) => {
                let number = self.signed_number("a number")?;
                if number < least || number > most {
                    let reason = format!("`{name}` is a number from {least} to {most}");
                    self.report.error(start.to(self.previous()), reason);
                }
                Constant::Int(number)
            }
            Workers => {
                let number = self.signed_number("a number")?;
                if number < 1 {
                    self.report
                        .error(start.to(self.previous()), format!("`{name}` is at least 1"));
                }
                self.scaling_profile_use()?;
                Constant::Int(number)
            }
            Text => text(self.string("a string in quotes")?.bytes),
            Word => text(self.word_or_string()?),
            OneOf(words) => {
                let written = self.word_or_string()?;
                let written = String::from_utf8_lossy(&written).into_owned();
                if !words.contains(&written.as_str()) {
                    let span = start.to(self.previous());
                    let hint = match suggest(&written, words.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("it is one of {}", words.join(", ")),
                    };
                    self.report
                        .error_with(span, format!("`{name}` cannot be `{written}`"), hint);
                }
                text(written.into_bytes())
            }
            Host => text(self.host()?.into_bytes()),
            Tos => self.tos()?,
            ModulePath => {
                let path = self.string("a path in quotes")?.bytes;
                if self.take(Kind::Colon).is_some() {
                    self.string("a path in quotes")?;
                }
                text(path)
            }
            MemoryGroup => {
                let group = self.string("the name of the group")?.bytes;
                self.expect(Kind::Colon, "`:` and the modules of the group")?;
                self.strings("the modules of the group")?;
                text(group)
            }
            Socket => return self.socket(span),
            Alias => return self.aliases(span),
            Blacklist => return self.blacklist(span),
            Scaling => return self.scaling_profile(span),
        };
        let at = self.report.source.position(span);
        self.script.globals.values.insert(name, (value, at));
        Ok(())
    }

    fn word_or_string(&mut self) -> Parsed<Vec<u8>> {
        match self.kind() {
            Kind::Ident => {
                let word = self.word().to_vec();
                self.advance();
                Ok(word)
            }
            _ => Ok(self.string("a word")?.bytes),
        }
    }

    fn tos(&mut self) -> Parsed<Constant> {
        let start = self.span();
        if self.kind() != Kind::Ident {
            let number = self.signed_number("a number or an IPTOS_ word")?;
            if !(0..=255).contains(&number) {
                self.report
                    .error(start.to(self.previous()), "`tos` is a number from 0 to 255");
            }
            return Ok(Constant::Int(number));
        }
        let number = match self.word() {
            b"IPTOS_LOWDELAY" => 0x10,
            b"IPTOS_THROUGHPUT" => 0x08,
            b"IPTOS_RELIABILITY" => 0x04,
            b"IPTOS_MINCOST" | b"IPTOS_LOWCOST" => 0x02,
            _ => {
                let hint = "IPTOS_LOWDELAY, IPTOS_THROUGHPUT, IPTOS_RELIABILITY, IPTOS_MINCOST, or a number";
                self.report.error_with(start, "not a type of service", hint);
                0
            }
        };
        self.advance();
        Ok(Constant::Int(number))
    }

    /// `[ "use_auto_scaling_profile" ID ]`.
    fn scaling_profile_use(&mut self) -> Parsed<()> {
        if self.is_word("use_auto_scaling_profile") {
            self.advance();
            self.profile_name()?;
        }
        Ok(())
    }

    pub(super) fn profile_name(&mut self) -> Parsed<String> {
        let span = self.span();
        let name = String::from_utf8_lossy(self.word()).into_owned();
        self.expect(Kind::Ident, "the name of a scaling profile")?;
        self.script.profiles_used.push((name.clone(), span));
        Ok(name)
    }

    /// `NAME scale up to N on N % for N cycles [within N] [scale down to N on N % for N cycles]`.
    fn scaling_profile(&mut self, span: Span) -> Parsed<()> {
        let name = String::from_utf8_lossy(self.word()).into_owned();
        self.expect(Kind::Ident, "the name of the profile")?;
        let up_to = self.scaling_rule("up")?;
        if self.is_word("within") {
            self.advance();
            self.signed_number("a number of cycles")?;
        }
        let start = self.span();
        let down_to = if self.is_word("scale") {
            Some(self.scaling_rule("down")?)
        } else {
            None
        };
        if down_to.is_some_and(|down_to| down_to > up_to) {
            let reason = "it scales down to more than it scales up to";
            self.report.error(start.to(self.previous()), reason);
        }
        let at = self.report.source.position(span);
        self.script.globals.scaling_profiles.push(ScalingProfile {
            name,
            up_to,
            down_to,
            at,
        });
        Ok(())
    }

    fn scaling_rule(&mut self, way: &str) -> Parsed<u32> {
        for word in ["scale", way, "to"] {
            self.expect_word(word)?;
        }
        let bound = self.signed_number("a number of workers")?;
        // `on` is a word for 1 everywhere.
        if self.word() != b"on" {
            return self.expected("`on`");
        }
        self.advance();
        let span = self.span();
        if !(0..=100).contains(&self.signed_number("a share of load")?) {
            self.report.error(span, "a share is a number from 0 to 100");
        }
        self.expect(Kind::Percent, "`%`")?;
        self.expect_word("for")?;
        self.signed_number("a number of cycles")?;
        self.expect_word("cycles")?;
        Ok(u32::try_from(bound).unwrap_or(0))
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if !self.is_word(word) {
            return self.expected(&format!("`{word}`"));
        }
        self.advance();
        Ok(())
    }

    /// `NAME [/flags] [: { rules }]`.
    fn blacklist(&mut self, span: Span) -> Parsed<()> {
        let at = self.report.source.position(span);
        let name = String::from_utf8_lossy(self.word()).into_owned();
        self.expect(Kind::Ident, "the name of the blacklist")?;
        let mut list = globals::Blacklist {
            name,
            read_only: true,
            expire: false,
            default: false,
            rules: Vec::new(),
            at,
        };
        if self.take(Kind::Slash).is_some() {
            list.read_only = false;
            loop {
                self.blacklist_flag(&mut list)?;
                if self.take(Kind::Comma).is_none() {
                    break;
                }
            }
        }
        if self.take(Kind::Colon).is_some() {
            self.expect(Kind::OpenBrace, "`{` and the rules")?;
            while self.take(Kind::CloseBrace).is_none() {
                let rule = self.blacklist_rule()?;
                list.rules.push(rule);
                if self.kind() != Kind::CloseBrace {
                    self.expect(Kind::Comma, "`,` or `}` after a rule")?;
                }
            }
        }
        self.script.globals.blacklists.push(list);
        Ok(())
    }

    fn blacklist_flag(&mut self, list: &mut globals::Blacklist) -> Parsed<()> {
        match self.word() {
            b"readonly" => list.read_only = true,
            b"read" if self.peek(1) == Kind::Minus => {
                self.advance();
                self.advance();
                if !self.is_word("only") {
                    return self.expected("`read-only`");
                }
                list.read_only = true;
            }
            b"expire" => list.expire = true,
            b"default" => list.default = true,
            _ => return self.expected("`readonly`, `expire` or `default`"),
        }
        self.advance();
        Ok(())
    }

    fn blacklist_rule(&mut self) -> Parsed<BlacklistRule> {
        let negated = self.take(Kind::Not).is_some();
        let any = Net {
            address: std::net::Ipv4Addr::UNSPECIFIED.into(),
            prefix: 0,
        };
        let mut rule = BlacklistRule {
            negated,
            protocol: None,
            net: any,
            port: None,
            pattern: None,
        };
        if self.take(Kind::Open).is_none() {
            rule.net = self.net()?;
            return Ok(rule);
        }
        if self.kind() == Kind::Ident {
            let protocol = self.protocol()?;
            rule.protocol = (protocol != "any").then_some(protocol);
            self.expect(Kind::Comma, "`,` and the destination")?;
        }
        rule.net = self.net()?;
        if self.take(Kind::Comma).is_some() {
            // 0 is any port.
            rule.port = Some(self.port()?).filter(|port| *port != 0);
            if self.take(Kind::Comma).is_some() {
                rule.pattern = Some(self.string("a pattern")?.bytes);
            }
        }
        self.expect(Kind::Close, "`)` after the rule")?;
        Ok(rule)
    }
}

fn text(bytes: Vec<u8>) -> Constant {
    Constant::Str(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::GLOBALS;

    #[test]
    fn the_table_of_globals_holds_each_name_once() {
        let mut names: Vec<_> = GLOBALS.iter().map(|(name, _, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), GLOBALS.len());
    }
}
