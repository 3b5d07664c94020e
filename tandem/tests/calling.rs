//! Two phones register with the built-in script and call each other, over each pair of transports.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "peers are real sockets"
)]

mod support;

use support::{Peer, Server, header, header_lines, number_before, request, response};

/// A phone: a user with a socket.
struct Phone {
    user: &'static str,
    peer: Peer,
    server: String,
}

impl Phone {
    fn new(user: &'static str, transport: &str, server: &Server) -> Phone {
        let peer = match transport {
            "udp" => Peer::udp(server.udp()),
            _ => Peer::tcp(server.tcp()),
        };
        Phone {
            user,
            peer,
            server: server.address(transport).to_string(),
        }
    }

    fn contact(&self) -> String {
        let transport = self.peer.transport().to_ascii_lowercase();
        format!(
            "sip:{}@{};transport={transport}",
            self.user,
            self.peer.address()
        )
    }

    fn register(&mut self) {
        let aor = format!("sip:{}@{}", self.user, self.server);
        let contact = format!("Contact: <{}>\r\nExpires: 300\r\n", self.contact());
        let text = request(
            &self.peer,
            "REGISTER",
            &format!("sip:{}", self.server),
            self.user,
            1,
            &contact,
        );
        let text = text
            .replace("<sip:tester@127.0.0.1>", &format!("<{aor}>"))
            .replace(
                &format!("To: <sip:{}>", self.server),
                &format!("To: <{aor}>"),
            );
        self.peer.send(&text);
        let answer = self.peer.receive_final();
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        let bound = header(&answer, "Contact").unwrap_or_default();
        assert!(bound.contains(&self.contact()), "{answer}");
    }

    /// A request inside the dialog that `ok` confirmed, by the route it recorded.
    fn inside(&mut self, method: &str, ok: &str, call_id: &str, cseq: u32) {
        let contact = header(ok, "Contact").unwrap();
        let target = contact
            .trim_start_matches('<')
            .split('>')
            .next()
            .unwrap()
            .to_owned();
        let mut routes: Vec<String> = header_lines(ok, "Record-Route")
            .lines()
            .map(str::to_owned)
            .collect();
        routes.reverse();
        let routes: String = routes
            .iter()
            .map(|line| line.replacen("Record-Route", "Route", 1) + "\r\n")
            .collect();
        let text = request(&self.peer, method, &target, call_id, cseq, &routes);
        let to = format!("To: <{target}>");
        self.peer
            .send(&text.replace(&to, header_lines(ok, "To").trim_end()));
    }
}

/// Registers both, calls, hangs up from the calling side.
fn call(caller: &mut Phone, callee: &mut Phone, call_id: &str) {
    let uri = format!("sip:{}@{}", callee.user, caller.server);
    let contact = format!("Contact: <{}>\r\n", caller.contact());
    let invite = request(&caller.peer, "INVITE", &uri, call_id, 1, &contact);
    caller.peer.send(&invite);
    let asked = callee.peer.receive();
    assert!(
        asked.starts_with(&format!("INVITE {} SIP/2.0", callee.contact())),
        "{asked}"
    );
    assert!(header(&asked, "Record-Route").is_some(), "{asked}");
    callee.peer.send(&response(&asked, "180 Ringing", ""));
    let answer = format!("Contact: <{}>\r\n", callee.contact());
    callee.peer.send(&response(&asked, "200 OK", &answer));
    let ok = caller.peer.receive_final();
    assert!(ok.starts_with("SIP/2.0 200"), "{ok}");

    caller.inside("ACK", &ok, call_id, 1);
    let ack = callee.peer.receive();
    assert!(ack.starts_with("ACK "), "{ack}");
    caller.inside("BYE", &ok, call_id, 2);
    let bye = callee.peer.receive();
    assert!(bye.starts_with("BYE "), "{bye}");
    callee.peer.send(&response(&bye, "200 OK", ""));
    let bye_ok = caller.peer.receive_final();
    assert!(bye_ok.starts_with("SIP/2.0 200"), "{bye_ok}");
    assert_eq!(header(&bye_ok, "CSeq").as_deref(), Some("2 BYE"));
}

#[test]
fn phones_register_and_call_each_other_over_both_transports_and_shards() {
    let server = Server::built_in(&["--shards", "2"]);
    let pairs = [
        ("udp", "udp"),
        ("tcp", "tcp"),
        ("udp", "tcp"),
        ("tcp", "udp"),
    ];
    for (number, (from, to)) in pairs.into_iter().enumerate() {
        let mut alice = Phone::new("alice", from, &server);
        let mut bob = Phone::new(["bob", "bert", "ben", "bill"][number], to, &server);
        alice.register();
        bob.register();
        for round in 0..8 {
            call(&mut alice, &mut bob, &format!("{from}-{to}-{round}"));
        }
    }
    let (farewell, _) = server.stop();
    assert!(number_before(&farewell, "handovers") > 8, "{farewell}");
}

#[test]
fn who_is_not_registered_is_not_found() {
    let server = Server::built_in(&["--shards", "2"]);
    let mut alice = Phone::new("alice", "udp", &server);
    let uri = format!("sip:nobody@{}", alice.server);
    let text = request(&alice.peer, "INVITE", &uri, "nobody", 1, "");
    alice.peer.send(&text);
    let answer = alice.peer.receive_final();
    assert!(answer.starts_with("SIP/2.0 404"), "{answer}");
}

#[test]
fn the_server_itself_answers_options() {
    let server = Server::built_in(&[]);
    let mut peer = Peer::udp(server.udp());
    let text = request(
        &peer,
        "OPTIONS",
        &format!("sip:{}", server.udp()),
        "self",
        1,
        "",
    );
    peer.send(&text);
    assert!(peer.receive().starts_with("SIP/2.0 200"));
}
