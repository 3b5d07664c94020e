//! Messages as a peer of a test sees them: text with lines, as much of RFC 3261 as a script can tell.
//!
//! Not the server's parser on purpose: what the server writes is read here by other code.

/// A message in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sip {
    pub(super) start: String,
    /// Names as they are written.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
}

impl Sip {
    pub(super) fn read(bytes: &[u8]) -> Sip {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut sip = Sip {
            body: body.to_owned(),
            ..Sip::default()
        };
        for (number, line) in head.split("\r\n").enumerate() {
            if number == 0 {
                line.clone_into(&mut sip.start);
            } else if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = sip.fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                sip.fields
                    .push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        sip
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.fields {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }

    /// `None` for a response.
    pub(super) fn method(&self) -> Option<&str> {
        match self.start.split(' ').next() {
            Some("SIP/2.0") | None => None,
            method => method,
        }
    }

    /// `None` for a request.
    pub(super) fn code(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(move |(own, _)| is_name(own, name))
            .map(|(_, value)| value.as_str())
    }

    /// The elements of a list, over all fields of the name.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(elements).collect()
    }

    pub(super) fn add(&mut self, name: &str, value: impl Into<String>) {
        self.fields.push((name.to_owned(), value.into()));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.fields.retain(|(own, _)| !is_name(own, name));
    }

    pub(super) fn cseq(&self) -> (u32, String) {
        let mut words = self.get("CSeq").unwrap_or_default().split_whitespace();
        let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        (number, words.next().unwrap_or_default().to_owned())
    }

    /// The branch of the topmost Via.
    pub(super) fn branch(&self) -> String {
        let via = self.list("Via").into_iter().next().unwrap_or_default();
        param(&via, "branch").unwrap_or_default().to_owned()
    }
}

/// Whether two names of a field are the same, compact forms included.
pub(super) fn is_name(one: &str, other: &str) -> bool {
    long(one).eq_ignore_ascii_case(long(other))
}

fn long(name: &str) -> &str {
    match name {
        "v" => "Via",
        "f" => "From",
        "t" => "To",
        "i" => "Call-ID",
        "m" => "Contact",
        "l" => "Content-Length",
        "c" => "Content-Type",
        name => name,
    }
}

/// The elements of a list: split at commas that stand neither in quotes nor in angle brackets.
fn elements(value: &str) -> Vec<String> {
    let (mut quoted, mut angle) = (false, false);
    let mut list = vec![String::new()];
    for c in value.chars() {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' if !quoted && !angle => {
                list.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = list.last_mut() {
            last.push(c);
        }
    }
    list.iter()
        .map(|one| one.trim().to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

/// A parameter behind the address or the value: `tag`, `branch`.
pub(super) fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let behind = value.rsplit_once('>').map_or(value, |(_, behind)| behind);
    behind.split(';').skip(1).find_map(|one| {
        let (own, value) = one.split_once('=').unwrap_or((one, ""));
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The URI of a name-addr or addr-spec.
pub(super) fn uri_of(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest),
        None => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// Host and port of a URI, as they are written, and whether it says TCP.
pub(super) fn place_of(uri: &str) -> (&str, Option<u16>, bool) {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let is_tcp = rest.to_ascii_lowercase().contains("transport=tcp");
    let rest = rest.split([';', '?']).next().unwrap_or(rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    match rest
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'))
    {
        Some((host, port)) => (host, port.parse().ok(), is_tcp),
        None => (rest, None, is_tcp),
    }
}

/// The usual phrase of a status code (RFC 3261 §21).
pub(super) fn reason_of(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        415 => "Unsupported Media Type",
        420 => "Bad Extension",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        _ => "Reply",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas_outside_quotes_and_brackets() {
        assert_eq!(
            elements(r#""a, b" <sip:x;a=1,2>;lr, <sip:y>"#),
            [r#""a, b" <sip:x;a=1,2>;lr"#, "<sip:y>"]
        );
    }

    #[test]
    fn a_place_is_host_port_and_transport() {
        assert_eq!(
            place_of("sip:bob@10.0.0.2:5062;transport=TCP"),
            ("10.0.0.2", Some(5062), true)
        );
        assert_eq!(
            place_of("sip:[2001:db8::1]"),
            ("[2001:db8::1]", None, false)
        );
    }
}
