//! The `[keywords]` of messages and texts.
//!
//! What is the same for all calls of a run becomes text here. Keywords that may have nothing to say take the rest of
//! their line with them.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use super::super::diagnostic::nearest;
use super::super::program::{Keyword, Login, Operand, Part, Slot, Template, VariableId};
use super::Compiler;

const KEYWORDS: [&str; 37] = [
    "service",
    "remote_ip",
    "remote_port",
    "remote_host",
    "local_ip",
    "local_ip_type",
    "local_port",
    "server_ip",
    "media_ip",
    "media_ip_type",
    "media_port",
    "auto_media_port",
    "transport",
    "call_id",
    "call_number",
    "cseq",
    "branch",
    "pid",
    "len",
    "peer_tag_param",
    "routes",
    "next_url",
    "msg_index",
    "timestamp",
    "clock_tick",
    "users",
    "userid",
    "sipp_version",
    "authentication",
    "last_message",
    "last_Request_URI",
    "last_cseq_number",
    "last_Via:",
    "last_From:",
    "last_To:",
    "last_Call-ID:",
    "last_CSeq:",
];

/// Templates in the making.
#[derive(Default)]
struct Builder {
    parts: Vec<Part>,
    text: Vec<u8>,
    /// Slots of this line that may come to nothing.
    open: Vec<usize>,
}

impl Builder {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.parts.push(Part::Text(text.into_boxed_slice()));
        }
    }

    fn slot(&mut self, keyword: Keyword, may_be_nothing: bool) {
        self.flush();
        if may_be_nothing {
            self.open.push(self.parts.len());
        }
        self.parts.push(Part::Slot(Slot {
            keyword,
            otherwise: None,
        }));
    }

    /// The end of a line. What comes to nothing takes the rest of the line with it, and the whole line where it
    /// began it.
    fn end_line(&mut self, begun_by_slot: bool) {
        if self.open.is_empty() {
            self.text.extend_from_slice(b"\r\n");
            return;
        }
        if begun_by_slot {
            self.text.extend_from_slice(b"\r\n");
        }
        self.flush();
        for place in std::mem::take(&mut self.open) {
            let target = self.parts.len() as u32;
            if let Part::Slot(slot) = &mut self.parts[place] {
                slot.otherwise = Some(target);
            }
        }
        if !begun_by_slot {
            self.text.extend_from_slice(b"\r\n");
        }
    }
}

impl Keyword {
    fn may_be_nothing(&self) -> bool {
        matches!(
            self,
            Keyword::LastHeader(_)
                | Keyword::LastRequestUri
                | Keyword::Routes
                | Keyword::Authentication(_)
        )
    }
}

impl Template {
    /// Nothing but this variable.
    pub(super) fn of_variable(id: VariableId) -> Template {
        Template {
            parts: vec![Part::Slot(Slot {
                keyword: Keyword::Variable(id),
                otherwise: None,
            })],
        }
    }
}

/// What stands between brackets.
enum Found {
    Text(String),
    Slot(Keyword),
}

impl Compiler<'_> {
    /// A message: lines without their indentation, empty ones before and behind it left out.
    pub(super) fn lines(&mut self, data: Range<usize>) -> Template {
        let source = self.source;
        let text = &source.bytes[data.clone()];
        let text = text.trim_ascii_end();
        let mut builder = Builder::default();
        let (mut at, mut begun, mut in_body) = (data.start, false, false);
        for line in text.split(|&byte| byte == b'\n') {
            let start = at;
            at += line.len() + 1;
            let indented = line.len() - trim_start(line).len();
            let line = line[indented..]
                .strip_suffix(b"\r")
                .unwrap_or(&line[indented..]);
            if line.is_empty() {
                if begun && !in_body {
                    in_body = true;
                    builder.text.extend_from_slice(b"\r\n");
                    builder.flush();
                    builder.parts.push(Part::Body);
                } else if begun {
                    builder.text.extend_from_slice(b"\r\n");
                }
                continue;
            }
            begun = true;
            let first = self.pieces(line, start + indented, &mut builder);
            builder.end_line(first);
        }
        if !in_body {
            builder.text.extend_from_slice(b"\r\n");
            builder.flush();
            builder.parts.push(Part::Body);
        }
        builder.flush();
        if !begun {
            self.complain(data, "an empty message", "");
        }
        Template {
            parts: builder.parts,
        }
    }

    /// A text that is one line.
    pub(super) fn inline(&mut self, text: &[u8], at: usize) -> Template {
        let mut builder = Builder::default();
        self.pieces(text, at, &mut builder);
        builder.flush();
        Template {
            parts: builder.parts,
        }
    }

    /// Text and keywords of a line; whether a keyword that may be nothing began it.
    fn pieces(&mut self, line: &[u8], at: usize, builder: &mut Builder) -> bool {
        let mut place = 0;
        let mut first = false;
        while let Some(open) = line[place..].iter().position(|&byte| byte == b'[') {
            let open = place + open;
            builder.text.extend_from_slice(&line[place..open]);
            let Some(close) = closing(&line[open..]) else {
                self.complain(
                    at + open..at + open + 1,
                    "a bracket that nothing closes",
                    "[keyword]",
                );
                return first;
            };
            let inner = String::from_utf8_lossy(&line[open + 1..open + close]).into_owned();
            let span = at + open..at + open + close + 1;
            match self.keyword(&inner, span) {
                Some(Found::Text(text)) => builder.text.extend_from_slice(text.as_bytes()),
                Some(Found::Slot(keyword)) => {
                    // A field that is a line of its own may be an empty one, or credentials nobody asked for.
                    let is_line = open == 0 && open + close + 1 == line.len();
                    let is_field = matches!(keyword, Keyword::Field { .. });
                    let may_be_nothing = keyword.may_be_nothing() || (is_line && is_field);
                    first |= open == 0 && may_be_nothing;
                    builder.slot(keyword, may_be_nothing);
                }
                None => {}
            }
            place = open + close + 1;
        }
        builder.text.extend_from_slice(&line[place..]);
        first
    }

    fn keyword(&mut self, inner: &str, at: Range<usize>) -> Option<Found> {
        if let Some(text) = self.given_key(inner) {
            return Some(Found::Text(text));
        }
        if let Some(name) = inner.strip_prefix('$') {
            return Some(Found::Slot(Keyword::Variable(self.read_variable(name, at))));
        }
        if let Some(rest) = inner.strip_prefix("field") {
            return self.field(rest, at).map(Found::Slot);
        }
        if let Some(rest) = inner.strip_prefix("authentication") {
            return self.authentication(rest, at).map(Found::Slot);
        }
        if let Some(name) = inner.strip_prefix("last_") {
            return Some(Found::Slot(self.last(name, at)?));
        }
        let (name, offset) = split_offset(inner);
        if let Some(found) = self.constant(name, offset) {
            return Some(Found::Text(found));
        }
        let keyword = match name {
            "call_id" => Keyword::CallId,
            "call_number" => Keyword::CallNumber(offset),
            "cseq" => Keyword::Cseq(offset),
            // The branch of the message so many steps away, as an ACK to a failure needs it.
            "branch" => Keyword::Branch((self.step as i64 + offset).max(0) as u32),
            "local_port" => Keyword::LocalPort(offset),
            "remote_ip" | "remote_host" => Keyword::RemoteIp,
            "remote_port" => Keyword::RemotePort(offset),
            "auto_media_port" => Keyword::AutoMediaPort(offset),
            "len" => Keyword::Len(offset),
            "peer_tag_param" => {
                self.uses.peer_tag = true;
                Keyword::PeerTag
            }
            "routes" => {
                self.uses.routes = true;
                Keyword::Routes
            }
            "next_url" => {
                self.uses.routes = true;
                Keyword::NextUrl
            }
            "timestamp" => Keyword::Timestamp,
            "clock_tick" => Keyword::ClockTick,
            "users" => Keyword::Users,
            "userid" => Keyword::UserId,
            _ if inner.parse::<Ipv6Addr>().is_ok() => {
                return Some(Found::Text(format!("[{inner}]")));
            }
            _ => {
                let help = match nearest(name, KEYWORDS) {
                    Some(near) => format!("did you mean `[{near}]`?"),
                    None => "a keyword of your own is given by -key NAME VALUE".to_owned(),
                };
                self.complain(at, format!("`[{inner}]` is no keyword"), help);
                return None;
            }
        };
        Some(Found::Slot(keyword))
    }

    fn given_key(&self, name: &str) -> Option<String> {
        let keys = &self.constants.keys;
        let found = keys.iter().find(|(key, _)| key == name)?;
        Some(found.1.clone())
    }

    /// What all calls of a run agree on.
    fn constant(&self, name: &str, offset: i64) -> Option<String> {
        let constants = self.constants;
        Some(match (name, constants.remote) {
            ("service", _) => constants.service.clone(),
            ("pid", _) => (i64::from(constants.pid) + offset).to_string(),
            ("transport", _) => "UDP".to_owned(),
            ("sipp_version", _) => env!("CARGO_PKG_VERSION").to_owned(),
            ("local_ip" | "server_ip", _) => in_brackets(constants.local_ip),
            ("local_ip_type", _) => family(constants.local_ip).to_owned(),
            ("media_ip", _) => constants.media_ip.to_string(),
            ("media_ip_type", _) => family(constants.media_ip).to_owned(),
            ("media_port", _) => (i64::from(constants.media_port) + offset).to_string(),
            ("msg_index", _) => (self.step as i64 + offset).to_string(),
            ("remote_ip", Some(remote)) => in_brackets(remote.ip()),
            ("remote_port", Some(remote)) => (i64::from(remote.port()) + offset).to_string(),
            ("remote_host", Some(_)) => constants.remote_host.clone(),
            _ => return None,
        })
    }

    fn last(&mut self, name: &str, at: Range<usize>) -> Option<Keyword> {
        let (bare, offset) = split_offset(name);
        let header = name.strip_suffix(':').unwrap_or(name);
        match (bare, header) {
            ("message", _) => Some(Keyword::LastMessage),
            ("Request_URI", _) => Some(Keyword::LastRequestUri),
            ("cseq_number", _) => Some(Keyword::LastCseqNumber(offset)),
            (_, header) if !header.is_empty() && header.bytes().all(is_token) => {
                Some(Keyword::LastHeader(header.as_bytes().into()))
            }
            _ => {
                let message = format!("`[last_{name}]` names no header");
                self.complain(at, message, "[last_Via:], whole lines with their names");
                None
            }
        }
    }

    /// `[field0 file="users.csv" line="$1"]`.
    fn field(&mut self, rest: &str, at: Range<usize>) -> Option<Keyword> {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(column) = rest[..digits].parse::<u16>() else {
            self.complain(at, "which field?", "[field0], [field1 file=\"users.csv\"]");
            return None;
        };
        let mut file = None;
        let mut row = None;
        for (key, value) in parameters(&rest[digits..]) {
            match key {
                "file" => file = Some(value),
                "line" => {
                    let found = match value.strip_prefix('$') {
                        Some(name) => Operand::Variable(self.read_variable(name, at.clone())),
                        None => match value.parse::<u32>() {
                            Ok(number) => Operand::Number(f64::from(number)),
                            Err(_) => {
                                let message = format!("`{value}` is no line");
                                self.complain(at, message, "a number from 0, or line=$name");
                                return None;
                            }
                        },
                    };
                    row = Some(found);
                }
                other => {
                    let message = format!("a field has no `{other}`");
                    self.complain(at, message, "file, line");
                    return None;
                }
            }
        }
        let place = match file {
            None if self.files.is_empty() => {
                self.complain(at, "a field without a file of values", "-inf FILE");
                return None;
            }
            None => 0,
            Some(name) => {
                let found = self
                    .files
                    .iter()
                    .position(|file| file.source.name == name || base(&file.source.name) == name);
                let Some(place) = found else {
                    let message = format!("no file of values `{name}`");
                    self.complain(at, message, "give it by -inf");
                    return None;
                };
                place
            }
        };
        let injection = &self.files[place];
        if let Some(short) = injection.lacking(usize::from(column)) {
            let mistake = injection.source.diagnostic(
                short,
                format!("this row has no field {column}"),
                "fields are counted from 0, a semicolon between them",
            );
            self.mistakes.push(mistake);
            return None;
        }
        self.cells_of(place, column);
        Some(Keyword::Field {
            file: place as u16,
            column,
            row,
        })
    }

    /// Fields may hold an `[authentication ...]` of their own.
    fn cells_of(&mut self, file: usize, column: u16) {
        for row in 0..self.files[file].rows() {
            let name = (file as u16, row as u32, column);
            let injection = &self.files[file];
            let Some(at) = injection.span(row, usize::from(column)) else {
                continue;
            };
            let text = &injection.source.bytes[at];
            if self.cells.contains_key(&name)
                || memchr::memmem::find(text, b"[authentication").is_none()
            {
                continue;
            }
            let text = text.to_vec();
            // Said of the scenario: the place in the file of values is in the message.
            let before = self.mistakes.len();
            let template = self.inline(&text, 0);
            if self.mistakes.len() > before {
                self.mistakes.truncate(before);
                let injection = &self.files[file];
                let at = injection.span(row, usize::from(column)).unwrap_or(0..1);
                let mistake = injection.source.diagnostic(
                    at,
                    "this field has a keyword that is not known",
                    "[authentication username=alice password=secret]",
                );
                self.mistakes.push(mistake);
                return;
            }
            self.cells.insert(name, template);
        }
    }

    /// `[authentication username=alice password=secret]`.
    fn authentication(&mut self, rest: &str, at: Range<usize>) -> Option<Keyword> {
        let (mut user, mut password) = (None, None);
        for (key, value) in parameters(rest) {
            let start = at.start;
            match key {
                "username" => user = Some(self.inline(value.as_bytes(), start)),
                "password" => password = Some(self.inline(value.as_bytes(), start)),
                other => {
                    let message = format!("`{other}` of [authentication] is not supported");
                    self.complain(
                        at,
                        message,
                        "username, password: digest (RFC 7616, RFC 8760)",
                    );
                    return None;
                }
            }
        }
        let service = self.constants.service.clone();
        let given = |key: &str| {
            let keys = &self.constants.keys;
            let found = keys.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.clone())
        };
        let user = user.unwrap_or_else(|| text(given("-au").unwrap_or(service)));
        let password =
            password.unwrap_or_else(|| text(given("-ap").unwrap_or_else(|| "password".into())));
        Some(Keyword::Authentication(Box::new(Login { user, password })))
    }
}

fn text(text: String) -> Template {
    Template {
        parts: vec![Part::Text(text.into_bytes().into_boxed_slice())],
    }
}

/// `key=value key="a value"`; a value may hold keywords with blanks of their own.
fn parameters(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some(equals) = rest.find('=') else {
            found.push((rest.trim(), ""));
            break;
        };
        let key = rest[..equals].trim();
        let value = &rest[equals + 1..];
        let (mut depth, mut quoted) = (0, false);
        let end = value.find(|letter: char| {
            match letter {
                '"' => quoted = !quoted,
                '[' => depth += 1,
                ']' => depth -= 1,
                blank if blank.is_whitespace() => return depth == 0 && !quoted,
                _ => {}
            }
            false
        });
        let end = end.unwrap_or(value.len());
        found.push((key, value[..end].trim_matches('"')));
        rest = value[end..].trim_start();
    }
    found
}

/// Where the bracket that opens `text` is closed.
fn closing(text: &[u8]) -> Option<usize> {
    let mut depth = 0;
    text.iter().position(|byte| {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// `cseq+1`, `branch-2`.
fn split_offset(word: &str) -> (&str, i64) {
    let Some(sign) = word.rfind(['+', '-']) else {
        return (word, 0);
    };
    match word[sign..].parse() {
        Ok(offset) => (&word[..sign], offset),
        Err(_) => (word, 0),
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn trim_start(line: &[u8]) -> &[u8] {
    let blank = line
        .iter()
        .take_while(|&&byte| byte == b' ' || byte == b'\t')
        .count();
    &line[blank..]
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

fn in_brackets(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn family(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(_) => "4",
        IpAddr::V6(_) => "6",
    }
}
