//! `sipmsgops`: questions as a list of yes and no, edits as the message that leaves.

use crate::harness::World;
use expect_test::{Expect, expect};

const MODULES: &str = r#"
    loadmodule "sl"
    loadmodule "tm"
    loadmodule "sipmsgops"
"#;

/// Which of the conditions hold for a message.
fn ask(message: &str, conditions: &[&str], expected: Expect) {
    let mut script = format!("{MODULES} route {{\n");
    for condition in conditions {
        let text = condition.replace('"', "'").replace('$', "$$");
        script += &format!(
            "if ({condition}) xlog(\"L_ERR\", \"yes {text}\\n\"); else xlog(\"L_ERR\", \"no  {text}\\n\");\n"
        );
    }
    script += "}";
    let mut world = World::new(&script);
    world.udp(2, message);
    let told: String = world
        .take()
        .lines()
        .map(|line| line.trim_start_matches("log -1: ").to_owned() + "\n")
        .collect();
    expected.assert_eq(&told);
}

/// The message as it leaves, without what every message has.
fn edit(message: &str, actions: &str, expected: Expect) {
    let mut world = World::new(&format!("{MODULES} route {{ {actions}\n t_relay(); }}"));
    world.udp(2, message);
    expected.assert_eq(&world.take());
}

const OFFER: &str = "INVITE sip:bob@10.0.0.3;user=phone
    Content-Type: application/sdp
    Supported: 100rel, timer
    Privacy: id;critical
    X-One: 1
    X-Two: 2

    v=0
    o=- 1 1 IN IP4 10.0.0.2
    s=-
    c=IN IP4 10.0.0.2
    t=0 0
    m=audio 4000 RTP/AVP 0 8 101
    a=rtpmap:101 telephone-event/8000
    a=sendonly
    m=video 4002 RTP/AVP 34
    ";

#[test]
fn questions() {
    ask(
        OFFER,
        &[
            r#"is_method("INVITE|ACK")"#,
            r#"is_method("BYE")"#,
            "has_totag()",
            "has_body()",
            r#"has_body("application/sdp")"#,
            r#"has_body("text/plain")"#,
            r#"has_body_part("application/sdp")"#,
            r#"is_present_hf("x-one")"#,
            r#"is_present_hf("k")"#,
            r#"is_present_hf("X-Three")"#,
            r#"is_privacy("id")"#,
            r#"is_privacy("header")"#,
            r#"list_hdr_has_option("Supported", "TIMER")"#,
            r#"list_hdr_has_option("Supported", "path")"#,
            r#"ruri_has_param("user")"#,
            r#"ruri_has_param("user", "ip")"#,
            r#"is_uri_user_e164("sip:+358551234@h")"#,
            r#"is_uri_user_e164("sip:bob@h")"#,
        ],
        expect![[r#"
            yes is_method('INVITE|ACK')
            no  is_method('BYE')
            no  has_totag()
            yes has_body()
            yes has_body('application/sdp')
            no  has_body('text/plain')
            yes has_body_part('application/sdp')
            yes is_present_hf('x-one')
            yes is_present_hf('k')
            no  is_present_hf('X-Three')
            yes is_privacy('id')
            no  is_privacy('header')
            yes list_hdr_has_option('Supported', 'TIMER')
            no  list_hdr_has_option('Supported', 'path')
            yes ruri_has_param('user')
            no  ruri_has_param('user', 'ip')
            yes is_uri_user_e164('sip:+358551234@h')
            no  is_uri_user_e164('sip:bob@h')
        "#]],
    );
}

#[test]
fn headers_are_added_and_removed() {
    edit(
        OFFER.split("\n\n").next().unwrap(),
        r#"
        append_hf("X-End: z\r\n");
        append_hf("X-After: a", "X-One");
        insert_hf("X-Before: b\r\n", "X-One");
        remove_hf("X-Two");
        remove_hf_glob("priv*");
        list_hdr_add_option("Supported", "path");
        list_hdr_add_option("Require", "path");
        list_hdr_remove_option("Supported", "100rel");
        ruri_add_param("a=b");
        ruri_del_param("user");
        append_urihf("X-Uri: <", ">\r\n");
        "#,
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 100 Trying
            > udp:10.0.0.3:5060
                INVITE sip:bob@10.0.0.3;a=b SIP/2.0
                Content-Type: application/sdp
                Supported: timer, path
                X-Before: b
                X-One: 1
                X-After: a
                X-End: z
                Require: path
                X-Uri: <sip:bob@10.0.0.3;a=b>
        "#]],
    );
}

#[test]
fn tel_becomes_sip() {
    edit(
        "INVITE tel:+358-55-123;x=1",
        r#"ruri_tel2sip(); $du = "sip:10.0.0.3";"#,
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 100 Trying
            > udp:10.0.0.3:5060
                INVITE sip:+35855123;x=1@example.com;user=phone SIP/2.0
        "#]],
    );
}
