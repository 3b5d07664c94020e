//! `uac_redirect`: which Contacts become targets, and in which order.

use crate::harness::{World, complaints};
use expect_test::expect;

fn script(more: &str, failure: &str) -> String {
    limited(more, failure, "")
}

/// With these limits of `get_redirects`.
fn limited(more: &str, failure: &str, limits: &str) -> String {
    format!(
        r#"
    loadmodule "tm"
    loadmodule "sl"
    loadmodule "sipmsgops"
    loadmodule "uac_redirect"
    {more}
    route {{
        t_on_failure("moved");
        if ($rU == "both")
            $branch = "sip:both@10.0.0.4";
        t_relay();
    }}
    failure_route[moved] {{
        if (!t_check_status("3[0-9][0-9]"))
            exit;
        {failure}
        if (get_redirects({limits})) {{
            xlog("L_ERR", "to $ru and $(branch(uri)[*])\n");
            t_on_failure("moved");
            t_relay();
        }} else
            xlog("L_ERR", "nowhere\n");
    }}
    "#
    )
}

const MOVED: &str = "302 Moved
    Contact: <sip:low@10.0.0.5>;q=0.2, \"High\" <sip:high@10.0.0.6?Subject=x>;q=0.9
    Contact: <sip:none@10.0.0.7>, <mailto:bob@example.com>, <sip:gone@10.0.0.8>;expires=0
    Contact: <sip:bob@10.0.0.3>, <sip:HIGH@10.0.0.6>, <sip:high@10.0.0.6>;q=0.1";

fn played(script: &str) -> String {
    let mut world = World::new(script);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let invite = world.last_request();
    world.take();
    world.respond(3, &invite, MOVED);
    world.take()
}

#[test]
fn contacts_become_targets_best_first_and_none_twice() {
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: to sip:none@10.0.0.7 and sip:HIGH@10.0.0.6
        > udp:10.0.0.7:5060
            INVITE sip:none@10.0.0.7 SIP/2.0
            Max-Breadth: 15
        > udp:10.0.0.6:5060
            INVITE sip:HIGH@10.0.0.6 SIP/2.0
            Max-Breadth: 15
        > udp:10.0.0.6:5060
            INVITE sip:high@10.0.0.6 SIP/2.0
            Max-Breadth: 15
        > udp:10.0.0.5:5060
            INVITE sip:low@10.0.0.5 SIP/2.0
            Max-Breadth: 15
    "#]]
    .assert_eq(&played(&script("", "")));
}

#[test]
fn as_many_as_the_script_wants() {
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: to sip:none@10.0.0.7 and sip:HIGH@10.0.0.6
        > udp:10.0.0.7:5060
            INVITE sip:none@10.0.0.7 SIP/2.0
            Max-Breadth: 30
        > udp:10.0.0.6:5060
            INVITE sip:HIGH@10.0.0.6 SIP/2.0
            Max-Breadth: 30
    "#]]
    .assert_eq(&played(&limited("", "", "2")));
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: to sip:none@10.0.0.7 and <null>
        > udp:10.0.0.7:5060
            INVITE sip:none@10.0.0.7 SIP/2.0
    "#]]
    .assert_eq(&played(&limited("", "", "0, 1")));
}

#[test]
fn filters_of_the_parameters_accept_first_then_deny() {
    let more = r#"
        modparam("uac_redirect", "default_filter", "deny")
        modparam("uac_redirect", "accept_filter", "LOW@")
    "#;
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: to sip:low@10.0.0.5 and <null>
        > udp:10.0.0.5:5060
            INVITE sip:low@10.0.0.5 SIP/2.0
    "#]]
    .assert_eq(&played(&script(more, "")));
    let more = r#"
        modparam("uac_redirect", "deny_filter", "10\.0\.0\.")
        modparam("uac_redirect", "accept_filter", "none@")
    "#;
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: to sip:none@10.0.0.7 and <null>
        > udp:10.0.0.7:5060
            INVITE sip:none@10.0.0.7 SIP/2.0
    "#]]
    .assert_eq(&played(&script(more, "")));
}

#[test]
fn filters_of_the_script_add_to_them_or_take_their_place() {
    let more = "modparam(\"uac_redirect\", \"deny_filter\", \"low@\")";
    let added = "set_deny_filter(\"none@\", \"\");";
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: to sip:HIGH@10.0.0.6 and sip:high@10.0.0.6
        > udp:10.0.0.6:5060
            INVITE sip:HIGH@10.0.0.6 SIP/2.0
            Max-Breadth: 30
        > udp:10.0.0.6:5060
            INVITE sip:high@10.0.0.6 SIP/2.0
            Max-Breadth: 30
    "#]]
    .assert_eq(&played(&script(more, added)));
    let instead = "set_deny_filter(\"none@\", \"reset_default\");";
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: to sip:HIGH@10.0.0.6 and sip:high@10.0.0.6
        > udp:10.0.0.6:5060
            INVITE sip:HIGH@10.0.0.6 SIP/2.0
            Max-Breadth: 20
        > udp:10.0.0.6:5060
            INVITE sip:high@10.0.0.6 SIP/2.0
            Max-Breadth: 20
        > udp:10.0.0.5:5060
            INVITE sip:low@10.0.0.5 SIP/2.0
            Max-Breadth: 20
    "#]]
    .assert_eq(&played(&script(more, instead)));
    let only = "set_deny_filter(\".\", \"reset_all\"); set_accept_filter(\"low@\", \"\");";
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: to sip:low@10.0.0.5 and <null>
        > udp:10.0.0.5:5060
            INVITE sip:low@10.0.0.5 SIP/2.0
    "#]]
    .assert_eq(&played(&script(more, only)));
    let many = "$var(i) = 0; while ($var(i) < 7) { if (!set_deny_filter(\"x\", \"\")) xlog(\"L_ERR\", \"$var(i) is too many\\n\"); $var(i) = $var(i) + 1; } exit;";
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log -1: 5 is too many
        log -1: 6 is too many
        > udp:10.0.0.2:5060
            SIP/2.0 302 Moved
            Contact: <sip:low@10.0.0.5>;q=0.2, "High" <sip:high@10.0.0.6?Subject=x>;q=0.9
            Contact: <sip:none@10.0.0.7>, <mailto:bob@example.com>, <sip:gone@10.0.0.8>;expires=0
            Contact: <sip:bob@10.0.0.3>, <sip:HIGH@10.0.0.6>, <sip:high@10.0.0.6>;q=0.1
    "#]]
    .assert_eq(&played(&script("", many)));
}

#[test]
fn a_circle_of_redirects_ends() {
    let mut world = World::new(&script("", ""));
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let invite = world.last_request();
    world.respond(3, &invite, "302 Moved\nContact: <sip:carol@10.0.0.4>");
    let invite = world.last_request();
    world.take();
    world.respond(
        4,
        &invite,
        "302 Moved\nContact: <sip:bob@10.0.0.3>, <sip:carol@10.0.0.4:5060>, *",
    );
    expect![[r#"
        > udp:10.0.0.4:5060
            ACK sip:carol@10.0.0.4 SIP/2.0
        log -1: to sip:carol@10.0.0.4:5060 and <null>
        > udp:10.0.0.4:5060
            INVITE sip:carol@10.0.0.4:5060 SIP/2.0
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn wrong_words_are_said_at_load() {
    let all = complaints(&script("", "set_deny_filter(\"x\", \"reset\");"))
        + &complaints(&script(
            "modparam(\"uac_redirect\", \"default_filter\", \"maybe\")",
            "",
        ))
        + &complaints(&script(
            "modparam(\"uac_redirect\", \"deny_filter\", \"(\")",
            "",
        ));
    expect![[r#"
        parse error in test.cfg:16:30-37: parameter 2 of `set_deny_filter`: `reset` is none of reset_all, reset_default, reset_added
        1 error
        parse error in test.cfg:6:48-55: parameter `default_filter` of module uac_redirect: `maybe` is neither accept nor deny
        1 error
        parse error in test.cfg:6:45-48: parameter `deny_filter` of module uac_redirect: `(`: unclosed group
        1 error
    "#]].assert_eq(&all);
}
