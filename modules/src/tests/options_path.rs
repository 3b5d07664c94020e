//! `options` and `path`.

use crate::harness::World;
use expect_test::expect;

#[test]
fn an_options_for_us_is_answered_and_one_for_a_user_is_not() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "signaling"
        loadmodule "options"
        modparam("options", "support", "path")
        route {
            if (!options_reply())
                sl_send_reply(404, "Not us");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:192.0.2.1");
    world.udp(2, "OPTIONS sip:bob@192.0.2.1\nCall-ID: 2");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            Accept: */*
            Accept-Encoding: 
            Accept-Language: en
            Supported: path
        > udp:10.0.0.2:5060
            SIP/2.0 404 Not us
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_path_names_the_socket_that_the_request_leaves_by() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "tm"
        loadmodule "path"
        route {
            if ($rU == "seen")
                add_path_received("edge");
            else
                add_path();
            $socket_out = "udp:198.51.100.1:5060";
            t_relay();
        }
        "#,
    );
    world.udp(2, "REGISTER sip:10.0.0.3");
    world.tcp(2, "REGISTER sip:seen@10.0.0.3;transport=udp\nCall-ID: 2");
    expect![[r#"
        > udp:10.0.0.3:5060
            REGISTER sip:10.0.0.3 SIP/2.0
            Path: <sip:198.51.100.1:5060;lr;r2=on>
            Path: <sip:192.0.2.1:5060;lr;r2=on>
        > udp:10.0.0.3:5060
            REGISTER sip:seen@10.0.0.3;transport=udp SIP/2.0
            Path: <sip:edge@198.51.100.1:5060;lr;r2=on;received=sip:10.0.0.2:5060%3Btransport%3Dtcp>
            Path: <sip:edge@192.0.2.1:5060;transport=tcp;lr;r2=on>
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_path_of_ours_leads_to_where_the_phone_was_seen_with_use_received() {
    let script = |value: u8| {
        format!(
            r#"
            loadmodule "tm"
            loadmodule "rr"
            loadmodule "path"
            modparam("path", "use_received", {value})
            route {{
                $var(routed) = loose_route();
                xlog("routed $var(routed) to $du\n");
                t_relay();
            }}
        "#
        )
    };
    let listing = |value: u8| {
        let mut world = World::new(&script(value));
        world.udp(
            9,
            "OPTIONS sip:alice@10.0.0.2\nRoute: <sip:192.0.2.1;lr;received=sip:10.0.0.7:5070%3Btransport%3Dtcp>",
        );
        world.take()
    };
    expect![[r#"
        log 2: routed 1 to sip:10.0.0.7:5070;transport=tcp
        > tcp:10.0.0.7:5070
            OPTIONS sip:alice@10.0.0.2 SIP/2.0
    "#]]
    .assert_eq(&listing(1));
    expect![[r#"
        log 2: routed -1 to <null>
        > udp:10.0.0.2:5060
            OPTIONS sip:alice@10.0.0.2 SIP/2.0
    "#]]
    .assert_eq(&listing(0));
}
