//! `rr`: what we write into Record-Route, and what we find in it again.

use crate::harness::World;
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "sl"
    loadmodule "signaling"
    loadmodule "sipmsgops"
    loadmodule "tm"
    loadmodule "rr"
    route {
        if (has_totag()) {
            if (!loose_route()) {
                xlog("L_ERR", "tag $(sig_local_totag{s.len})\n");
                send_reply(404, "Not here");
                exit;
            }
            xlog("L_ERR", "params $(rr_params{param.value,nat}), to $ru by $du\n");
            if (check_route_param("nat=yes"))
                xlog("L_ERR", "nat\n");
            if (is_direction("downstream"))
                xlog("L_ERR", "downstream\n");
            if (is_direction("upstream"))
                xlog("L_ERR", "upstream\n");
            t_relay();
            exit;
        }
        if ($rU == "preset")
            record_route_preset("203.0.113.1:5080", "10.9.9.9");
        else if ($rU == "user")
            record_route("me");
        else
            record_route();
        add_rr_param(";nat=yes");
        t_relay();
    }
"#;

#[test]
fn a_record_route_comes_back_as_route_and_says_what_it_was_told() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let invite = world.last_request();
    let route = invite
        .lines()
        .find_map(|line| line.strip_prefix("Record-Route: "))
        .unwrap()
        .to_owned();
    world.take();
    for (number, tags) in [
        "From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>;tag=a3",
        "From: <sip:bob@example.com>;tag=a3\nTo: <sip:alice@example.com>;tag=a1",
    ]
    .into_iter()
    .enumerate()
    {
        world.udp(
            2,
            &format!(
                "INFO sip:other@10.0.0.4
                Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKinfo{number}
                {tags}
                CSeq: {} INFO
                Route: {route}",
                number + 2
            ),
        );
    }
    expect![[r#"
        log -1: params yes, to sip:other@10.0.0.4 by <null>
        log -1: nat
        log -1: downstream
        > udp:10.0.0.4:5060
            INFO sip:other@10.0.0.4 SIP/2.0
        log -1: params yes, to sip:other@10.0.0.4 by <null>
        log -1: nat
        log -1: upstream
        > udp:10.0.0.4:5060
            INFO sip:other@10.0.0.4 SIP/2.0
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_request_inside_a_dialog_without_our_route_is_not_ours() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "BYE sip:bob@10.0.0.3\nTo: <sip:bob@example.com>;tag=a3");
    expect![[r#"
        log -1: tag 16
        > udp:10.0.0.2:5060
            SIP/2.0 404 Not here
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn the_user_and_the_addresses_are_the_scripts_if_it_likes() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "INVITE sip:user@10.0.0.3");
    world.udp(2, "INVITE sip:preset@10.0.0.3\nCall-ID: call-2");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.3:5060
            INVITE sip:user@10.0.0.3 SIP/2.0
            Record-Route: <sip:me@192.0.2.1:5060;lr;ftag=a1;own=*;nat=yes>
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.3:5060
            INVITE sip:preset@10.0.0.3 SIP/2.0
            Record-Route: <sip:203.0.113.1:5080;lr;r2=on;ftag=a1;own=*;nat=yes>
            Record-Route: <sip:10.9.9.9;lr;r2=on;ftag=a1;own=*;nat=yes>
    "#]]
    .assert_eq(&world.take());
}
