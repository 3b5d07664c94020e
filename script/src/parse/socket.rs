//! Sockets and aliases: script-language §3.1.

use std::net::Ipv4Addr;

use super::{Failed, Parsed, Parser};
use crate::globals::{Alias, Bond, Socket};
use crate::lex::Kind;
use crate::report::suggest;
use crate::source::Span;

/// Protocols a socket can name, each with the module that provides it.
pub(crate) const PROTOCOLS: &[(&str, &str)] = &[
    ("udp", "proto_udp"),
    ("tcp", "proto_tcp"),
    ("tls", "proto_tls"),
    ("sctp", "proto_sctp"),
    ("ws", "proto_ws"),
    ("wss", "proto_wss"),
    ("bin", "proto_bin"),
    ("bins", "proto_bins"),
    ("hep_udp", "proto_hep"),
    ("hep_tcp", "proto_hep"),
    ("hep_tls", "proto_hep"),
    ("smpp", "proto_smpp"),
    ("msrp", "proto_msrp"),
    ("msrps", "proto_msrp"),
    ("ipsec", "proto_ipsec"),
];

type Ports = Vec<(u16, u16)>;

impl Parser<'_, '_> {
    /// `proto:host[:ports] {option}`, or a bond.
    pub(super) fn socket(&mut self, span: Span) -> Parsed<()> {
        let at = self.report.source.position(span);
        if self.is_word("bond") && self.peek(1) == Kind::Colon {
            return self.bond(span);
        }
        let start = self.span();
        if self.kind() != Kind::Ident {
            let hint = "the protocol comes first: `socket=udp:10.0.0.1:5060`";
            self.report
                .error_with(start, "a socket without a protocol", hint);
            return Err(Failed);
        }
        let protocol = self.protocol()?;
        self.expect(Kind::Colon, "`:` and the address of the socket")?;
        let host = if self.take(Kind::Star).is_some() {
            "*".to_owned()
        } else {
            self.host()?
        };
        let ports = self.ports()?;
        self.script.protocols.push((protocol.clone(), start));
        let mut socket = Socket {
            protocol,
            host,
            ports,
            advertised: None,
            workers: None,
            scaling_profile: None,
            tag: None,
            tos: None,
            anycast: false,
            frag: false,
            reuse_port: false,
            accept_subdomain: false,
            proxy_protocol_in: false,
            proxy_protocol_out: false,
            at,
        };
        while self.socket_option(&mut socket)? {}
        self.unknown_option()?;
        self.script.globals.sockets.push(socket);
        Ok(())
    }

    /// One option, if one follows.
    fn socket_option(&mut self, socket: &mut Socket) -> Parsed<bool> {
        // What begins the next line is the next statement, unless it is an option that was wrapped.
        if self.kind() != Kind::Ident || self.peek(1) == Kind::Assign || self.opens_top(self.at) {
            return Ok(false);
        }
        let start = self.span();
        let word = self.word();
        // All lower or all upper case.
        let lower = word.to_ascii_lowercase();
        if word != lower && word != word.to_ascii_uppercase() {
            return Ok(false);
        }
        match lower.as_slice() {
            b"as" => {
                self.advance();
                let host = self.host()?;
                let ports = self.ports()?;
                if !ports.is_empty()
                    && !socket.ports.is_empty()
                    && count(&ports) != count(&socket.ports)
                {
                    let reason = "as many ports must be advertised as are opened";
                    self.report.error(start.to(self.previous()), reason);
                }
                socket.advertised = Some((host, ports));
            }
            b"use_workers" => {
                self.advance();
                let workers = self.signed_number("a number of workers")?;
                socket.workers = u32::try_from(workers).ok();
            }
            b"use_auto_scaling_profile" => {
                self.advance();
                socket.scaling_profile = Some(self.profile_name()?);
            }
            b"tag" => {
                self.advance();
                let tag = String::from_utf8_lossy(self.word()).into_owned();
                self.expect(Kind::Ident, "the name of the tag")?;
                socket.tag = Some(tag);
            }
            b"tos" => {
                self.advance();
                let span = self.span();
                let tos = self.signed_number("a number")?;
                match u8::try_from(tos) {
                    Ok(tos) => socket.tos = Some(tos),
                    Err(_) => self.report.error(span, "`tos` is a number from 0 to 255"),
                }
            }
            b"anycast" => {
                self.advance();
                socket.anycast = true;
            }
            b"frag" => {
                self.advance();
                socket.frag = true;
            }
            b"reuse_port" => {
                self.advance();
                socket.reuse_port = true;
            }
            b"accept_subdomain" => {
                self.advance();
                socket.accept_subdomain = true;
            }
            _ => return self.proxy_protocol_option(socket),
        }
        let option = String::from_utf8_lossy(&lower).into_owned();
        self.set(format!("socket/{option}"), None, start.to(self.previous()));
        Ok(true)
    }

    /// A word behind the options, on their line, is one that is not known.
    fn unknown_option(&mut self) -> Parsed<()> {
        if self.kind() != Kind::Ident || self.is_first_on_line(self.at) {
            return Ok(());
        }
        let word = String::from_utf8_lossy(self.word()).into_owned();
        let options = [
            "as",
            "use_workers",
            "use_auto_scaling_profile",
            "tag",
            "tos",
            "anycast",
            "frag",
            "reuse_port",
            "accept_subdomain",
            "allow_proxy_protocol",
            "send_proxy_protocol",
            "proxy_protocol",
        ];
        let hint = match suggest(&word, options.into_iter()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", options.join(", ")),
        };
        let reason = format!("unknown option `{word}` of a socket");
        self.report.error_with(self.span(), reason, hint);
        Err(Failed)
    }

    /// `allow_proxy_protocol`, `send-proxy`, `proxy-protocol`, `proxy`: with `-` or `_`.
    fn proxy_protocol_option(&mut self, socket: &mut Socket) -> Parsed<bool> {
        let mut word = String::new();
        let mut len = 0;
        loop {
            let kind = self.peek(len);
            match kind {
                Kind::Ident | Kind::Minus => {
                    let token = self.tokens[self.at + len];
                    word.push_str(
                        &String::from_utf8_lossy(self.report.source.text(token.span))
                            .to_ascii_lowercase(),
                    );
                }
                _ => break,
            }
            len += 1;
            let (this, next) = (
                self.tokens[self.at + len - 1],
                self.tokens.get(self.at + len),
            );
            if next.is_none_or(|next| next.span.start != this.span.end) || len > 5 {
                break;
            }
        }
        let (inward, outward) = match word.replace('-', "_").as_str() {
            "allow_proxy" | "allow_proxy_protocol" => (true, false),
            "send_proxy" | "send_proxy_protocol" => (false, true),
            "proxy" | "proxy_protocol" => (true, true),
            _ => return Ok(false),
        };
        let start = self.span();
        for _ in 0..len {
            self.advance();
        }
        let span = start.to(self.previous());
        self.set("socket/proxy_protocol".to_owned(), None, span);
        socket.proxy_protocol_in |= inward;
        socket.proxy_protocol_out |= outward;
        Ok(true)
    }

    /// `bond:NAME{"...", ...}`, from 4.0 on.
    fn bond(&mut self, span: Span) -> Parsed<()> {
        let at = self.report.source.position(span);
        self.advance();
        self.advance();
        let name = String::from_utf8_lossy(self.word()).into_owned();
        self.expect(Kind::Ident, "the name of the bond")?;
        self.expect(Kind::OpenBrace, "`{` and the sockets")?;
        let mut sockets = vec![self.string("a socket in quotes")?.bytes];
        while self.take(Kind::Comma).is_some() {
            sockets.push(self.string("a socket in quotes")?.bytes);
        }
        self.expect(Kind::CloseBrace, "`}` after the sockets")?;
        self.set("socket/bond".to_owned(), None, span);
        self.script.globals.bonds.push(Bond { name, sockets, at });
        Ok(())
    }

    /// One or more aliases, blanks between them.
    pub(super) fn aliases(&mut self, span: Span) -> Parsed<()> {
        let at = self.report.source.position(span);
        loop {
            let mut protocol = None;
            if self.kind() == Kind::Ident && self.peek(1) == Kind::Colon && self.is_protocol() {
                let written = self.protocol()?;
                protocol = (written != "any").then_some(written);
                self.advance();
            }
            let host = self.host()?;
            let port = match self.take(Kind::Colon) {
                Some(_) => Some(self.port()?),
                None => None,
            };
            let accept_subdomain = self.is_word("accept_subdomain");
            if accept_subdomain {
                let span = self.span();
                self.set("alias/accept_subdomain".to_owned(), None, span);
                self.advance();
            }
            self.script.globals.aliases.push(Alias {
                protocol,
                host,
                port,
                accept_subdomain,
                at,
            });
            let more = matches!(
                self.kind(),
                Kind::Ident | Kind::Str | Kind::Ip4 | Kind::Ip6 | Kind::OpenBracket
            ) && !self.is_first_on_line(self.at);
            if !more {
                return Ok(());
            }
        }
    }

    fn is_protocol(&self) -> bool {
        let word = self.word().to_ascii_lowercase();
        word == b"any" || PROTOCOLS.iter().any(|(name, _)| name.as_bytes() == word)
    }

    /// The word of a protocol, in lower case.
    pub(super) fn protocol(&mut self) -> Parsed<String> {
        let word = String::from_utf8_lossy(self.word()).to_ascii_lowercase();
        if !self.is_protocol() {
            let names: Vec<_> = PROTOCOLS.iter().map(|(name, _)| *name).collect();
            let hint = format!("it is one of {}", names.join(", "));
            self.report
                .error_with(self.span(), format!("unknown protocol `{word}`"), hint);
            return Err(Failed);
        }
        self.advance();
        Ok(word)
    }

    /// `lid`: an address, a quoted or bare host name, an interface.
    pub(super) fn host(&mut self) -> Parsed<String> {
        let start = self.span();
        if self.is_first_on_line(self.at) && self.peek(1) == Kind::Assign {
            return self.expected("a host");
        }
        let bracket = self.take(Kind::OpenBracket).is_some();
        if let Some(address) = self.ip()? {
            if bracket {
                self.expect(Kind::CloseBracket, "`]` after the address")?;
            }
            return Ok(address.to_string());
        }
        if bracket {
            return self.expected("an IPv6 address");
        }
        if self.kind() == Kind::Str {
            let text = self.string("a host")?;
            let host = text.lossy();
            let bare = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .unwrap_or(&host);
            if bare.is_empty() || bare.contains(|c: char| c.is_whitespace() || c == '/') {
                self.report.error(text.span, "not a host name");
            }
            self.refuse_numbers(text.span, bare)?;
            return Ok(bare.to_owned());
        }
        if self.kind() != Kind::Ident {
            let written = start.to(self.end_of_word());
            let text = String::from_utf8_lossy(self.report.source.text(written)).into_owned();
            self.refuse_numbers(written, &text)?;
            self.report.error_with(
                start,
                "invalid host name",
                "names that begin otherwise than with a letter are quoted",
            );
            return Err(Failed);
        }
        // Words, numbers, `.` and `-` without a blank between them.
        let mut last = start;
        self.advance();
        while self.span().start == last.end
            && matches!(
                self.kind(),
                Kind::Ident
                    | Kind::Number
                    | Kind::Dot
                    | Kind::Minus
                    | Kind::And
                    | Kind::Or
                    | Kind::Not
                    | Kind::Null
            )
            && self.word() != b"!"
        {
            last = self.span();
            self.advance();
        }
        let host = String::from_utf8_lossy(self.report.source.text(start.to(last))).into_owned();
        if host.ends_with(['.', '-']) {
            self.report
                .error_with(start.to(last), "invalid host name", "quote it");
            return Err(Failed);
        }
        Ok(host)
    }

    /// Where the word that begins here ends, whatever tokens it is made of.
    fn end_of_word(&self) -> Span {
        let tokens = self.tokens.get(self.at..).unwrap_or_default();
        let mut last = self.span();
        for token in tokens.iter().skip(1) {
            let is_part = matches!(
                token.kind,
                Kind::Number | Kind::Dot | Kind::Ip4 | Kind::Ident | Kind::Minus
            );
            if !is_part || token.span.start != last.end {
                break;
            }
            last = token.span;
        }
        last
    }

    /// Refuses what can only be meant for an IPv4 address and is none.
    fn refuse_numbers(&mut self, written: Span, host: &str) -> Parsed<()> {
        let is_of_numbers = host.contains('.')
            && host
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !is_of_numbers || host.parse::<Ipv4Addr>().is_ok() {
            return Ok(());
        }
        self.report.error_with(
            written,
            format!("`{host}` is not an IP address"),
            "an IPv4 address is four numbers from 0 to 255, dots between them",
        );
        Err(Failed)
    }

    /// `[ ":" portrange ]`.
    fn ports(&mut self) -> Parsed<Ports> {
        let mut ports = Ports::new();
        if self.take(Kind::Colon).is_none() {
            return Ok(ports);
        }
        loop {
            let start = self.span();
            let first = self.port()?;
            let last = match self.take(Kind::Minus) {
                Some(_) => self.port()?,
                None => first,
            };
            if first == 0 || last < first {
                self.report
                    .error(start.to(self.previous()), "bad port or range");
            } else {
                ports.push((first, last));
            }
            if self.take(Kind::Comma).is_none() {
                return Ok(ports);
            }
        }
    }

    pub(super) fn port(&mut self) -> Parsed<u16> {
        let span = self.span();
        if self.kind() != Kind::Number {
            return self.expected("a port");
        }
        let number = u16::try_from(self.number_here()?).ok();
        match number {
            Some(port) => Ok(port),
            None => {
                self.report
                    .error(span, "bad port: it is a number up to 65535");
                Err(Failed)
            }
        }
    }
}

fn count(ports: &[(u16, u16)]) -> u32 {
    ports
        .iter()
        .map(|(first, last)| u32::from(*last) - u32::from(*first) + 1)
        .sum()
}
