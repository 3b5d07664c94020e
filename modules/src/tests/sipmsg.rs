//! `sipmsgops`: a message as a whole.

use crate::harness::World;
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "sipmsgops"
    route {
        if ($rU == "glob") {
            get_glob_headers_values("X-*", $avp(names), $avp(values));
            xlog("$(avp(names)[*]) $(avp(values)[*])\n");
            if (!get_glob_headers_values("Y-*", $avp(names), $avp(values)))
                xlog("none\n");
        } else if ($rU == "json") {
            sip_to_json($var(json));
            xlog("$var(json)\n");
        } else {
            sipmsg_validate("shrftcu", $var(why));
            xlog("$rc $var(why)\n");
        }
    }
"#;

fn run(text: &str) -> String {
    World::new(SCRIPT).udp(2, text).take()
}

#[test]
fn headers_by_a_shell_pattern() {
    expect![[r#"
        log 2: x-two, X-One 3, 1
        log 2: none
    "#]]
    .assert_eq(&run("OPTIONS sip:glob@192.0.2.1\nX-One: 1\nY: 2\nx-two: 3"));
}

#[test]
fn a_message_as_json() {
    expect![[r#"
        log 2: {"first_line":"MESSAGE sip:json@192.0.2.1 SIP/2.0","headers":{"X-One":["\"1\"","2"],"Content-Type":["text/plain"],"Via":["SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKMESSAGE-call-1"],"From":["<sip:alice@example.com>;tag=a1"],"To":["<sip:bob@example.com>"],"Call-ID":["call-1"],"CSeq":["1 MESSAGE"],"Max-Forwards":["70"],"Content-Length":["7"]},"body":"hello\u000d\u000a"}
    "#]].assert_eq(&run(
        "MESSAGE sip:json@192.0.2.1\nX-One: \"1\"\nx-one: 2\nContent-Type: text/plain\n\nhello",
    ));
}

#[test]
fn what_is_wrong_first_is_said_by_its_code() {
    let text = run("OPTIONS sip:a@192.0.2.1")
        + &run("INVITE sip:a@192.0.2.1")
        + &run("INVITE sip:a@192.0.2.1\nContact: <sip:a@10.0.0.1>")
        + &run("INVITE sip:a@192.0.2.1\nContact: <sip:a@10.0.0.1>\n\nv=0")
        + &run(
            "INVITE sip:a@192.0.2.1\nContact: <sip:a@10.0.0.1>\nContent-Type: application/sdp\n\nhello",
        )
        + &run("OPTIONS sip:a@192.0.2.1\nPath: <sip:a@10.0.0.1>");
    expect![[r#"
        log 2: 1 0
        log 2: -14 no Contact
        log 2: 1 0
        log 2: -21 no Content-Type
        log 2: -6 the SDP cannot be read
        log 2: -15 Path in a request that is no REGISTER
    "#]]
    .assert_eq(&text);
}

#[test]
fn parts_of_a_body_but_one_kind_are_removed() {
    let script = r#"
        loadmodule "sl"
        loadmodule "sipmsgops"
        route {
            if (!remove_body_part("text/plain", "revert"))
                xlog("it is all of that kind\n");
            if (remove_body_part("application/sdp", "revert"))
                xlog("it was of another\n");
        }
    "#;
    let mut world = World::new(script);
    world.udp(
        2,
        "MESSAGE sip:a@192.0.2.1\nContent-Type: text/plain\n\nhello",
    );
    expect![[r#"
        log 2: it is all of that kind
        log 2: it was of another
    "#]]
    .assert_eq(&world.take());
}
