//! The built-in script, for benches and tests that run calls through it.
#![allow(dead_code, reason = "each takes what it needs")]

use crate::support::calls::Calls;

/// As it is, for the sockets of the tests: without its listeners and its FIFO.
pub(crate) fn script() -> String {
    with_routes(routes())
}

/// The head of the built-in script with other routes.
pub(crate) fn with_routes(routes: &str) -> String {
    let (head, _) = split();
    let kept = |line: &&str| {
        !line.starts_with("socket") && !line.contains("mi_fifo") && !line.contains("_level")
    };
    let head: Vec<&str> = head.lines().filter(kept).collect();
    format!("{}\n{routes}", head.join("\n"))
}

fn routes() -> &'static str {
    split().1
}

fn split() -> (&'static str, &'static str) {
    const BUILT_IN: &str = include_str!("../../../tandem/src/builtin.cfg");
    BUILT_IN.split_at(BUILT_IN.find("\nroute {").expect("it has a main route"))
}

/// Bob registers; from now on INVITEs ask for him here.
pub(crate) fn register<P: FnMut(&'static str, &mut dyn FnMut())>(calls: &mut Calls<P>) {
    calls.uri = "sip:bob@10.0.0.1";
    let text = "REGISTER sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKr\r\n\
        From: <sip:bob@10.0.0.1>;tag=r\r\nTo: <sip:bob@10.0.0.1>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n\
        Contact: <sip:bob@10.0.0.3>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n";
    calls.handle("REGISTER", "bob", text.as_bytes(), "bob");
}
