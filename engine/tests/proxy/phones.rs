//! What phones say, from the words of a story's line.

use std::fmt::Write as _;

use parser::{Frame, HeaderName, Message};

use crate::harness::{Sent, World, address};

impl World {
    pub(crate) fn request(&mut self, who: &str, method: &str, words: &[&str]) -> Vec<u8> {
        let word = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        if method == "ACK" && word("sip:").is_none() {
            return self.ack(who);
        }
        if method == "CANCEL" {
            return self.cancel(who, words);
        }
        let uri = words
            .first()
            .filter(|word| {
                ["sip:", "sips:", "tel:"]
                    .iter()
                    .any(|scheme| word.starts_with(scheme))
            })
            .copied();
        let uri = uri.unwrap_or("sip:bob@10.0.0.20").to_owned();
        // What a strict router does: our own Record-Route becomes the Request-URI.
        let uri = if uri == "sip:our-route" {
            self.our_route()
        } else {
            uri
        };
        let (cseq, call) = (word("cseq=").unwrap_or("1"), word("call=").unwrap_or("c1"));
        let branch = word("branch=").map_or_else(
            || format!("z9hG4bK-{who}-{call}-{method}-{cseq}"),
            str::to_owned,
        );
        let via = word("via=").map_or_else(|| address(who).to_string(), str::to_owned);
        let transport = if words.contains(&"tcp") { "TCP" } else { "UDP" };
        let mut text =
            format!("{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {via};branch={branch}\r\n");
        for header in words.iter().filter_map(|word| word.strip_prefix('+')) {
            let (name, value) = header.split_once(':').unwrap();
            let _ = write!(
                text,
                "{name}: {}\r\n",
                value.replace('_', " ").replace('\'', "\"")
            );
        }
        if !words.contains(&"nohops") {
            let _ = write!(text, "Max-Forwards: {}\r\n", word("hops=").unwrap_or("70"));
        }
        let tag = word("tag=")
            .map(|tag| format!(";tag={tag}"))
            .unwrap_or_default();
        let _ = write!(
            text,
            "From: <sip:{who}@example.com>;tag={}\r\nTo: <sip:bob@example.com>{tag}\r\n",
            word("from_tag=").map_or_else(
                || format!("f-{who}"),
                |tag| tag.replace('_', " ").replace('\'', "\"")
            )
        );
        let _ = write!(text, "Call-ID: {call}\r\nCSeq: {cseq} {method}\r\n");
        let _ = write!(text, "Contact: <sip:{who}@{}>\r\n", address(who));
        let body = "x".repeat(word("body=").map_or(0, |length| length.parse().unwrap()));
        if !body.is_empty() {
            text.push_str("Content-Type: text/plain\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        self.requests
            .push((who.to_owned(), text.clone().into_bytes()));
        text.into_bytes()
    }

    /// The URI of the Record-Route that we wrote last.
    fn our_route(&self) -> String {
        let routed = |sent: &&Sent| {
            sent.bytes
                .windows(14)
                .any(|bytes| bytes == b"\r\nRecord-Route")
        };
        let sent = self
            .sent
            .iter()
            .rev()
            .find(routed)
            .expect("no Record-Route was sent");
        let message = Message::parse(Frame::copy_of(&sent.bytes)).unwrap();
        let route = message.record_routes().next().unwrap();
        String::from_utf8_lossy(route.value.addr_spec).into_owned()
    }

    fn latest_request(&self, who: &str, method: &str) -> Message {
        let found = self
            .requests
            .iter()
            .rev()
            .find(|sent| sent.0 == who && sent.1.starts_with(method.as_bytes()));
        Message::parse(Frame::copy_of(&found.expect("it sent no such request").1)).unwrap()
    }

    fn latest_invite(&self, who: &str, call_id: &[u8]) -> Message {
        let parse = |bytes: &Vec<u8>| Message::parse(Frame::copy_of(bytes)).unwrap();
        let of_call = |sent: &&(String, Vec<u8>)| {
            sent.0 == who && sent.1.starts_with(b"INVITE") && parse(&sent.1).call_id() == call_id
        };
        parse(
            &self
                .requests
                .iter()
                .rev()
                .find(of_call)
                .expect("it sent no such INVITE")
                .1,
        )
    }

    /// The ACK to the latest final response: of 300 and more with the INVITE's Via, else end to end by the route set.
    fn ack(&mut self, who: &str) -> Vec<u8> {
        let response = self
            .sent
            .iter()
            .rev()
            .find(|sent| sent.to == who && sent.bytes.starts_with(b"SIP/2.0 "));
        let response = Message::parse(Frame::copy_of(
            &response.expect("nothing to acknowledge").bytes,
        ))
        .unwrap();
        let call_id = response.call_id().to_vec();
        let invite = self.latest_invite(who, &call_id);
        let is_2xx = response.status().unwrap() < 300;
        let line = |message: &Message, name| {
            let field = message.header(name).unwrap();
            String::from_utf8_lossy(field.line.of(message.bytes())).into_owned()
        };
        let uri = match response.contacts().next().filter(|_| is_2xx) {
            Some(contact) => String::from_utf8_lossy(contact.value.addr_spec).into_owned(),
            None => String::from_utf8_lossy(invite.request_uri()).into_owned(),
        };
        let mut text = format!("ACK {uri} SIP/2.0\r\n");
        if is_2xx {
            let _ = write!(
                text,
                "Via: SIP/2.0/UDP {};branch=z9hG4bK-{who}-ack\r\n",
                address(who)
            );
            let routes: Vec<_> = response
                .record_routes()
                .map(|route| String::from_utf8_lossy(route.raw).into_owned())
                .collect();
            for route in routes.iter().rev() {
                let _ = write!(text, "Route: {route}\r\n");
            }
        } else {
            text.push_str(&line(&invite, HeaderName::Via));
        }
        text.push_str(&line(&invite, HeaderName::From));
        text.push_str(&line(&response, HeaderName::To));
        text.push_str(&line(&invite, HeaderName::CallId));
        let _ = write!(
            text,
            "CSeq: {} ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            invite.cseq().number
        );
        text.into_bytes()
    }

    fn cancel(&mut self, who: &str, words: &[&str]) -> Vec<u8> {
        let invite = self.latest_request(who, "INVITE");
        let mut text = Vec::new();
        parser::writer::write_cancel(invite.bytes(), &mut text).unwrap();
        let mut text = String::from_utf8(text).unwrap();
        for header in words.iter().filter_map(|word| word.strip_prefix('+')) {
            let (name, value) = header.split_once(':').unwrap();
            text = text.replacen(
                "Content-Length",
                &format!(
                    "{name}: {}\r\nContent-Length",
                    value.replace('_', " ").replace('\'', "\"")
                ),
                1,
            );
        }
        text.into_bytes()
    }

    pub(crate) fn response(&mut self, who: &str, code: u16, words: &[&str]) -> Vec<u8> {
        let method = words
            .first()
            .filter(|word| word.chars().all(char::is_uppercase))
            .copied();
        let nth = words
            .iter()
            .find_map(|word| word.strip_prefix("back="))
            .map_or(0, |n| n.parse().unwrap());
        let wanted = |sent: &&Sent| {
            sent.to == who
                && !sent.bytes.starts_with(b"SIP/2.0")
                && match method {
                    Some(method) => sent.bytes.starts_with(method.as_bytes()),
                    None => !sent.bytes.starts_with(b"ACK") && !sent.bytes.starts_with(b"CANCEL"),
                }
        };
        let request = self
            .sent
            .iter()
            .rev()
            .filter(wanted)
            .nth(nth)
            .unwrap_or_else(|| panic!("{who} got no request"));
        let request = Message::parse(Frame::copy_of(&request.bytes)).unwrap();
        let tag = words
            .iter()
            .find_map(|word| word.strip_prefix("tag="))
            .map_or_else(|| format!("t-{who}"), str::to_owned);
        let mut headers = String::new();
        if (200..300).contains(&code) {
            let _ = write!(headers, "Contact: <sip:{who}@{}>\r\n", address(who));
        }
        for header in words.iter().filter_map(|word| word.strip_prefix('+')) {
            let (name, value) = header.split_once(':').unwrap();
            let _ = write!(
                headers,
                "{name}: {}\r\n",
                value.replace('_', " ").replace('\'', "\"")
            );
        }
        let response = parser::Response {
            code,
            to_tag: (code > 100).then_some(tag.as_bytes()),
            record_route: true,
            headers: headers.as_bytes(),
            ..parser::Response::default()
        };
        let mut out = Vec::new();
        response.write(&request, &mut out);
        // Another top Via than the one it got.
        if let Some(via) = words.iter().find_map(|word| word.strip_prefix("via=")) {
            let text = String::from_utf8(out).unwrap();
            let (start, rest) = text.split_once("Via: SIP/2.0/UDP ").unwrap();
            let (_, end) = rest.split_once("\r\n").unwrap();
            out = format!("{start}Via: SIP/2.0/UDP {via}\r\n{end}").into_bytes();
        }
        out
    }
}
