//! Branches that come late: `t_wait_for_new_branches`, `t_inject_branches`, `t_wait_no_more_branches`,
//! `t_get_branch_idx_by_attr`, `t_reply_by_callid`.

use expect_test::expect;

use super::world;
use crate::harness::{World, complaints};

/// Waits for more; what a reply route adds goes out through the branch route.
const LATE: &str = r#"
    route {
        if ($rm == "ACK" || $rm == "CANCEL") { t_relay(); exit; }
        t_newtran();
        t_on_reply("add");
        t_on_branch("out");
        t_on_failure("none");
        $avp(uri) = "sip:push@10.0.0.5";
        if ($rU == "two")
            t_wait_for_new_branches(1);
        else
            t_wait_for_new_branches();
        t_relay();
        $ru = "sip:changed@10.0.0.9";
    }
    branch_route[out] {
        append_hf("X-Branch: $T_branch_idx\r\n");
        $tm.branch.attr(place) = $T_branch_idx;
    }
    onreply_route[add] {
        if ($rs == "486") {
            append_branch("sip:late@10.0.0.4");
            $var(rc) = t_inject_branches("msg");
            xlog("injected $var(rc), type of 0 is $(tm.branch.type[0])\n");
        }
        if ($rs == "404")
            t_wait_no_more_branches();
    }
    failure_route[none] {
        xlog("failed with $T_reply_code of branch $T_branch_idx, $ru\n");
        if (t_get_branch_idx_by_attr("place", , 2, $var(at)))
            xlog("2 is at $var(at)\n");
        if (!t_get_branch_idx_by_attr("place", "nowhere"))
            xlog("nowhere is nowhere\n");
    }
"#;

#[test]
fn a_branch_that_a_reply_route_adds_goes_out_and_the_call_waits_for_more() {
    let mut world = world(LATE).show(&["X-Branch"]);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    world.respond(3, &world.last_request_to(3), "486 Busy");
    world.respond(4, &world.last_request_to(4), "603 Decline");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.3:5060
            INVITE sip:bob@10.0.0.3 SIP/2.0
            X-Branch: 1
            Max-Breadth: 30
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log 2: injected 1, type of 0 is phone
        > udp:10.0.0.4:5060
            INVITE sip:late@10.0.0.4 SIP/2.0
            X-Branch: 2
            Max-Breadth: 20
        > udp:10.0.0.4:5060
            ACK sip:late@10.0.0.4 SIP/2.0
        log 2: failed with 603 of branch 2, sip:late@10.0.0.4
        log 2: 2 is at 2
        log 2: nowhere is nowhere
        > udp:10.0.0.2:5060
            SIP/2.0 603 Decline
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn the_number_of_branches_waited_for_ends_the_waiting() {
    let mut world = world(LATE);
    world.udp(2, "INVITE sip:two@10.0.0.3");
    world.respond(3, &world.last_request_to(3), "486 Busy");
    world.take();
    world.respond(4, &world.last_request_to(4), "480 Gone");
    expect![[r#"
        > udp:10.0.0.4:5060
            ACK sip:late@10.0.0.4 SIP/2.0
        log 2: failed with 486 of branch 1, sip:two@10.0.0.3
        log 2: 2 is at 2
        log 2: nowhere is nowhere
        > udp:10.0.0.2:5060
            SIP/2.0 486 Busy
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_script_stops_waiting() {
    let mut world = world(LATE);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    world.take();
    world.respond(3, &world.last_request_to(3), "404 Not Found");
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log 2: failed with 404 of branch 1, sip:bob@10.0.0.3
        log 2: nowhere is nowhere
        > udp:10.0.0.2:5060
            SIP/2.0 404 Not Found
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn nobody_comes_and_fr_inv_timeout_ends_it() {
    let mut world = world(LATE);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    world.respond(3, &world.last_request_to(3), "480 Gone");
    world.take();
    world.wait(119_000);
    expect![[""]].assert_eq(&world.take());
    world.wait(2_000);
    expect![[r#"
        log 2: failed with 480 of branch 1, sip:bob@10.0.0.3
        log 2: nowhere is nowhere
        > udp:10.0.0.2:5060
            SIP/2.0 480 Gone
        > udp:10.0.0.2:5060
            SIP/2.0 480 Gone
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_2xx_or_a_cancel_ends_the_waiting() {
    let mut world = world(LATE);
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCall-ID: answered");
    world.respond(3, &world.last_request_to(3), "200 OK");
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCall-ID: cancelled");
    world.respond(3, &world.last_request_to(3), "404 Not Found");
    world.take();
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCall-ID: given-up");
    world.respond(3, &world.last_request_to(3), "480 Gone");
    world.take();
    world.udp(2, "CANCEL sip:bob@10.0.0.3\nCall-ID: given-up\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE-given-up");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 canceling
        log 2: failed with 487 of branch 0, sip:bob@10.0.0.3
        log 2: nowhere is nowhere
        > udp:10.0.0.2:5060
            SIP/2.0 487 Request Terminated
    "#]]
    .assert_eq(&world.take());
}

/// An event's contact, and what is under way stopped before.
const EVENT: &str = r#"
    route {
        if ($rm == "ACK") { t_relay(); exit; }
        t_newtran();
        t_relay();
        $avp(uri) = "sip:bob@192.168.1.1";
        $avp(received) = "sip:10.0.0.5:5062";
        $avp(qval) = 500;
        $var(rc) = t_inject_branches("event", "cancel");
        xlog("injected $var(rc)\n");
        $avp(uri) = NULL;
        $var(rc) = t_inject_branches("event");
        xlog("without a contact $var(rc)\n");
    }
"#;

#[test]
fn an_events_contact_is_a_branch() {
    let mut world = world(EVENT);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    world.respond(3, &world.last_request_to(3), "180 Ringing");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.3:5060
            INVITE sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.5:5062
            INVITE sip:bob@192.168.1.1 SIP/2.0
            Max-Breadth: 30
        log 2: injected 1
        log 2: without a contact -1
        > udp:10.0.0.3:5060
            CANCEL sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.2:5060
            SIP/2.0 180 Ringing
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn what_is_injected_from_and_how_is_checked_at_load() {
    let script = |call: &str| format!("loadmodule \"tm\"\nroute {{ {call}; }}");
    expect![[r#"
        parse error in test.cfg:2:27-32: parameter 1 of `t_inject_branches`: `dns` is not `msg` or `event`
        1 error
    "#]].assert_eq(&complaints(&script("t_inject_branches(\"dns\")")));
    expect![[r#"
        parse error in test.cfg:2:34-41: parameter 2 of `t_inject_branches`: `first` is not `cancel` or `last`
        1 error
    "#]].assert_eq(&complaints(&script("t_inject_branches(\"msg\", \"first\")")));
}

/// A call parked here, as tm's documentation shows it.
const PARK: &str = r#"
    loadmodule "sl"
    loadmodule "tm"
    route {
        if ($rm == "INVITE") {
            t_newtran();
            t_reply(180, "Ringing");
            t_wait_for_new_branches();
        } else if ($rm == "CANCEL") {
            if (!t_reply_by_callid(487, "Request Terminated"))
                sl_send_reply(481, "Call Leg/Transaction Does Not Exist");
            else
                sl_send_reply(200, "OK");
        } else if ($rm == "BYE") {
            $var(before) = $(cs{s.int}) - 1;
            if (!t_reply_by_callid(487, "Request Terminated", , $var(before)))
                sl_send_reply(481, "Call Leg/Transaction Does Not Exist");
            else
                sl_send_reply(200, "OK");
        } else if ($rm == "OPTIONS") {
            if (t_reply_by_callid(480, "Parked too long", "parked", "1"))
                sl_send_reply(200, "Done");
            else
                sl_send_reply(404, "No such call");
        }
        exit;
    }
"#;

#[test]
fn a_parked_invite_is_answered_from_the_run_of_another_request() {
    let mut world = World::new(PARK).show(&["CSeq"]);
    world.udp(2, "INVITE sip:park@example.com\nCall-ID: parked");
    world.udp(2, "BYE sip:park@example.com\nCall-ID: parked\nCSeq: 2 BYE");
    world.udp(2, "BYE sip:park@example.com\nCall-ID: parked\nCSeq: 2 BYE\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKagain");
    world.udp(7, "BYE sip:park@example.com\nCall-ID: other\nCSeq: 2 BYE");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
            CSeq: 1 INVITE
        > udp:10.0.0.2:5060
            SIP/2.0 180 Ringing
            CSeq: 1 INVITE
        > udp:10.0.0.2:5060
            SIP/2.0 487 Request Terminated
            CSeq: 1 INVITE
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            CSeq: 2 BYE
        > udp:10.0.0.2:5060
            SIP/2.0 481 Call Leg/Transaction Does Not Exist
            CSeq: 2 BYE
        > udp:10.0.0.7:5060
            SIP/2.0 481 Call Leg/Transaction Does Not Exist
            CSeq: 2 BYE
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn whatever_shard_has_it() {
    let listings = [0, 1].map(|receiver| {
        let mut world = World::of_shards(PARK, 2).show(&["CSeq"]);
        world.receiver = receiver;
        world.udp(2, "INVITE sip:park@example.com\nCall-ID: parked");
        world.take();
        for call in ["one", "two", "three"] {
            world.udp(2, &format!("OPTIONS sip:park@example.com\nCall-ID: {call}"));
        }
        world.take()
    });
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 480 Parked too long
            CSeq: 1 INVITE
        > udp:10.0.0.2:5060
            SIP/2.0 200 Done
            CSeq: 1 OPTIONS
        > udp:10.0.0.2:5060
            SIP/2.0 404 No such call
            CSeq: 1 OPTIONS
        > udp:10.0.0.2:5060
            SIP/2.0 404 No such call
            CSeq: 1 OPTIONS
    "#]]
    .assert_eq(&listings[0]);
    assert_eq!(listings[0], listings[1]);
}
