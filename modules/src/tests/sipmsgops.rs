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
            r#"codec_exists("pcmu")"#,
            r#"codec_exists("telephone-event", "8000")"#,
            r#"codec_exists("telephone-event", "16000")"#,
            r#"codec_exists("opus")"#,
            r#"codec_exists_re("^h26")"#,
            r#"stream_exists("video")"#,
            r#"stream_exists("video", "SAVP")"#,
            "is_audio_on_hold()",
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
            yes codec_exists('pcmu')
            yes codec_exists('telephone-event', '8000')
            no  codec_exists('telephone-event', '16000')
            no  codec_exists('opus')
            yes codec_exists_re('^h26')
            yes stream_exists('video')
            no  stream_exists('video', 'SAVP')
            yes is_audio_on_hold()
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

#[test]
fn codecs_and_streams_are_edited_one_after_the_other() {
    edit(
        OFFER,
        r#"codec_delete("PCMU"); codec_move_up("telephone-event"); stream_delete("video");"#,
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 100 Trying
            > udp:10.0.0.3:5060
                INVITE sip:bob@10.0.0.3;user=phone SIP/2.0
                Content-Type: application/sdp
                Supported: 100rel, timer
                Privacy: id;critical
                X-One: 1
                X-Two: 2
                | v=0
                | o=- 1 1 IN IP4 10.0.0.2
                | s=-
                | c=IN IP4 10.0.0.2
                | t=0 0
                | m=audio 4000 RTP/AVP 101 8
                | a=rtpmap:101 telephone-event/8000
                | a=sendonly
        "#]],
    );
    edit(
        OFFER,
        r#"codec_delete_except_re("^pcm"); codec_move_down("PCMU"); codec_delete("H263");"#,
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 100 Trying
            > udp:10.0.0.3:5060
                INVITE sip:bob@10.0.0.3;user=phone SIP/2.0
                Content-Type: application/sdp
                Supported: 100rel, timer
                Privacy: id;critical
                X-One: 1
                X-Two: 2
                | v=0
                | o=- 1 1 IN IP4 10.0.0.2
                | s=-
                | c=IN IP4 10.0.0.2
                | t=0 0
                | m=audio 4000 RTP/AVP 8 0
                | a=sendonly
                | m=video 0 RTP/AVP 34
                | 
        "#]],
    );
}

#[test]
fn the_body_is_removed_and_read_as_it_stands() {
    edit(
        OFFER,
        r#"stream_delete("video"); get_updated_body_part("application/sdp", $var(b));
           xlog("L_ERR", "$(var(b){s.len})"); remove_body_part();"#,
        expect![[r#"
            log -1: 138
            > udp:10.0.0.2:5060
                SIP/2.0 100 Trying
            > udp:10.0.0.3:5060
                INVITE sip:bob@10.0.0.3;user=phone SIP/2.0
                Supported: 100rel, timer
                Privacy: id;critical
                X-One: 1
                X-Two: 2
        "#]],
    );
}

#[test]
fn replies_of_ours_get_headers_a_date_and_a_body() {
    let mut world = World::new(&format!(
        r#"{MODULES}
        route {{
            append_to_reply("X-Mine: 1\n");
            append_to_reply("\r\n");
            append_time();
            append_to_reply("Content-Type: text/plain\r\n");
            append_body_to_reply("hello\r\n");
            sl_send_reply(200, "OK");
        }}"#
    ));
    world.udp(2, "OPTIONS sip:192.0.2.1");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            X-Mine: 1
            Date: Tue, 14 Nov 2023 22:13:20 GMT
            Content-Type: text/plain
            | hello
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn the_status_of_a_reply_changes_within_its_class() {
    let mut world = World::new(&format!(
        r#"{MODULES}
        route {{ t_on_reply("r"); t_relay(); }}
        onreply_route[r] {{
            if (!change_reply_status(499, "Changed"))
                xlog("L_ERR", "$rs stays\n");
            append_hf("X-Seen: yes\n");
            append_hf("\r\n");
        }}"#
    ));
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let invite = world.last_request();
    world.take();
    world.respond(3, &invite, "180 Ringing");
    world.respond(3, &invite, "480 Gone");
    expect![[r#"
        log -1: 180 stays
        > udp:10.0.0.2:5060
            SIP/2.0 180 Ringing
            X-Seen: yes
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.2:5060
            SIP/2.0 499 Changed
            X-Seen: yes
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_header_that_repeats_one_option_goes_as_a_whole() {
    let head = OFFER.split("\n\n").next().unwrap();
    edit(
        &head.replace("100rel", &["100rel"; 3000].join(",")),
        r#"
        list_hdr_remove_option("Supported", "100rel");
        "#,
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 100 Trying
            > udp:10.0.0.3:5060
                INVITE sip:bob@10.0.0.3;user=phone SIP/2.0
                Content-Type: application/sdp
                Privacy: id;critical
                X-One: 1
                X-Two: 2
        "#]],
    );
}

/// Boundaries are drawn by chance.
fn with_parts(message: &str, actions: &str, expected: Expect) {
    let mut world = World::new(&format!("{MODULES} route {{ {actions}\n t_relay(); }}"))
        .show(&["Content-Length"]);
    world.udp(2, message);
    let told = world.take();
    let boundary = told
        .find("tandem-part-")
        .map(|at| told[at..at + "tandem-part-".len() + 16].to_owned());
    let told = match &boundary {
        Some(boundary) => told.replace(boundary, "BOUNDARY________________----"),
        None => told,
    };
    expected.assert_eq(&told);
}

const TEXT: &str = "MESSAGE sip:bob@10.0.0.3
    Content-Type: text/plain
    Content-Disposition: render
    X-One: 1

    hello
    ";

#[test]
fn a_body_becomes_a_part_and_gets_others() {
    with_parts(
        TEXT,
        r#"if (!add_body_part("<a/>", "application/xml", "Content-ID: <1@h>\r\nX-P: y")) exit;
           add_body_part("$rm", "text/html");"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Type: multipart/mixed;boundary=BOUNDARY________________----
                X-One: 1
                Content-Length: 300
                | --BOUNDARY________________----
                | Content-Type: text/plain
                | Content-Disposition: render
                | 
                | hello
                | 
                | 
                | --BOUNDARY________________----
                | Content-Type: application/xml
                | Content-ID: <1@h>
                | X-P: y
                | 
                | <a/>
                | --BOUNDARY________________----
                | Content-Type: text/html
                | 
                | MESSAGE
                | --BOUNDARY________________------
        "#]],
    );
}

#[test]
fn a_message_without_a_body_gets_one() {
    with_parts(
        "MESSAGE sip:bob@10.0.0.3",
        r#"add_body_part("hello", "text/plain");"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Length: 5
                Content-Type: text/plain
                | hello
        "#]],
    );
    with_parts(
        "MESSAGE sip:bob@10.0.0.3",
        r#"add_body_part("hello", "text/plain", "Content-ID: <1@h>");"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Length: 120
                Content-Type: multipart/mixed;boundary=BOUNDARY________________----
                | --BOUNDARY________________----
                | Content-Type: text/plain
                | Content-ID: <1@h>
                | 
                | hello
                | --BOUNDARY________________------
        "#]],
    );
}

#[test]
fn parts_that_were_added_are_found_and_removed() {
    with_parts(
        "MESSAGE sip:bob@10.0.0.3
    Content-Type: multipart/related; boundary=\"b 1\"

    preamble
    --b 1
    Content-Type: text/plain

    hello
    --b 1--
    epilogue
    ",
        r#"add_body_part("1", "a/b"); add_body_part("2", "c/d");
           get_updated_body_part("a/b", $var(p)); xlog("L_ERR", "$var(p)\n");
           remove_body_part("text/plain"); remove_body_part("a/b");"#,
        expect![[r#"
            log -1: 1
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Type: multipart/related; boundary="b 1"
                Content-Length: 50
                | preamble
                | --b 1
                | Content-Type: c/d
                | 
                | 2
                | --b 1--
        "#]],
    );
}

#[test]
fn what_is_no_header_does_not_get_into_a_part() {
    with_parts(
        TEXT,
        r#"$var(evil) = "text/plain\r\nX-Evil: 1";
           if (add_body_part("x", "$var(evil)")) exit;
           if (add_body_part("x", "text")) exit;
           if (add_body_part("x", "a/b", "X: 1\r\n\r\nY: 1")) exit;
           if (add_body_part("x", "a/b", "nothing")) exit;"#,
        expect![[r#"
            > udp:10.0.0.3:5060
                MESSAGE sip:bob@10.0.0.3 SIP/2.0
                Content-Type: text/plain
                Content-Disposition: render
                X-One: 1
                Content-Length: 9
                | hello
                | 
        "#]],
    );
}
