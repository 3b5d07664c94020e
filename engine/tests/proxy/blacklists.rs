//! Blacklists: what is forbidden is not sent, whoever sends it, and the next address is tried.

use expect_test::expect;

use crate::harness::check;

/// Bob's address is forbidden to every message.
const NO_BOB: &str = "dst_blacklist = bad/default:{ 10.0.0.20 }\n";

#[test]
fn a_forbidden_address_gives_way_to_the_next_one() {
    check(
        &format!("{NO_BOB}route {{ relay(); }}"),
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        10 carol 486
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > carol  INVITE sip:bob@pbx.example.net:5060
            10      < carol  486 Busy Here
            10      > carol  ACK sip:bob@pbx.example.net:5060
            10      > alice  486 Busy Here
            20      < alice  ACK sip:bob@pbx.example.net:5060
        "#]],
    );
}

#[test]
fn a_request_with_no_other_address_is_not_relayed() {
    check(
        &format!(
            "{NO_BOB}route {{ $var(rc) = relay(); say(\"relay $var(rc)\"); if ($var(rc) < 0) reply_error(); }}"
        ),
        "
        0 alice INVITE
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       - relay -5
            0       > alice  473 Filtered destination
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_message_can_be_taken_from_under_a_default_list_and_put_under_another() {
    check(
        "dst_blacklist = bad/default:{ 10.0.0.20 }
        dst_blacklist = worse:{ 10.0.0.30 }
        route {
            unuse_blacklist(\"bad\"); use_blacklist(\"worse\");
            if (!use_blacklist(\"none\")) say(\"no such list\");
            forward(\"10.0.0.20\");
            $var(rc) = forward(\"10.0.0.30\");
            say(\"carol $var(rc)\");
        }",
        "
        0 alice MESSAGE
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       - no such list
            0       > bob    MESSAGE sip:bob@10.0.0.20
            0       - carol -5
        "#]],
    );
}

#[test]
fn a_stateless_request_goes_to_the_first_address_that_is_allowed() {
    check(
        &format!("{NO_BOB}route {{ $var(rc) = forward(); say(\"$var(rc)\"); }}"),
        "
        0 alice OPTIONS sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        100 end
        ",
        expect![[r#"
            0       < alice  OPTIONS sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > carol  OPTIONS sip:bob@pbx.example.net:5060
            2       - 1
        "#]],
    );
}

#[test]
fn send_goes_to_the_first_address_that_is_allowed() {
    check(
        &format!(
            "{NO_BOB}route {{ $var(rc) = send(\"udp:pbx.example.net:5060\"); say(\"$var(rc)\"); \
             $var(rc) = send(\"udp:10.0.0.20\"); say(\"$var(rc)\"); }}"
        ),
        "
        0 alice OPTIONS
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        100 end
        ",
        expect![[r#"
            0       < alice  OPTIONS sip:bob@10.0.0.20
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > carol  OPTIONS sip:bob@10.0.0.20
            2       - 1
            2       - -1
        "#]],
    );
}

#[test]
fn requests_of_our_own_are_under_the_default_lists_and_those_of_their_local_route() {
    check(
        "dst_blacklist = bad/default:{ 10.0.0.20 }
        dst_blacklist = worse:{ 10.0.0.30 }
        route { ask(\"OPTIONS\", \"$ru\"); reply(200, \"OK\"); }
        local_route { if ($rU == \"carol\") use_blacklist(\"worse\"); }",
        "
        0 alice MESSAGE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        5 carol 200
        10 alice MESSAGE sip:bob@10.0.0.20 branch=2
        20 alice MESSAGE sip:carol@10.0.0.30 branch=3
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@pbx.example.net:5060
            0       > alice  200 OK
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > carol  OPTIONS sip:bob@pbx.example.net:5060
            5       < carol  200 OK
            5       - told 200 local=false OK
            10      < alice  MESSAGE sip:bob@10.0.0.20
            10      > alice  200 OK
            10      - told 503 local=true
            20      < alice  MESSAGE sip:carol@10.0.0.30
            20      > alice  200 OK
            20      - told 503 local=true
        "#]],
    );
}

#[test]
fn a_rule_with_a_pattern_sees_the_message_as_it_would_leave() {
    check(
        "dst_blacklist = bad/default:{ (udp, 10.0.0.0/8, 0, \"*X-Secret: *\") }
        route { if ($rU == \"bob\") header(\"X-Secret: yes\\r\\n\"); $var(rc) = forward(); say(\"$var(rc)\"); }",
        "
        0 alice OPTIONS sip:bob@10.0.0.20
        10 alice OPTIONS sip:carol@10.0.0.30 branch=2
        100 end
        ",
        expect![[r#"
            0       < alice  OPTIONS sip:bob@10.0.0.20
            0       - -5
            10      < alice  OPTIONS sip:carol@10.0.0.30
            10      > carol  OPTIONS sip:carol@10.0.0.30
            10      - 1
        "#]],
    );
}

#[test]
fn a_rule_that_a_script_added_is_kept_until_it_ends_or_is_removed() {
    check(
        "dst_blacklist = bad/expire,default
        route {
            switch ($rm) {
            case \"PUBLISH\": $var(rc) = add_blacklist_rule(\"bad\", \"10.0.0.20/32\", 5060, \"udp\", , 3); break;
            case \"SUBSCRIBE\": $var(rc) = add_blacklist_rule(\"bad\", \"10.0.0.20\", 5060, \"udp\"); break;
            case \"NOTIFY\": $var(rc) = del_blacklist_rule(\"bad\", \"10.0.0.20\", 5060, \"udp\"); break;
            default: $var(rc) = forward();
            }
            say(\"$rm $var(rc)\");
        }",
        "
        0 alice NOTIFY
        10 alice PUBLISH branch=2
        20 alice MESSAGE branch=3
        2000 alice PUBLISH branch=4
        4500 alice MESSAGE branch=5
        5000 alice MESSAGE branch=6
        5010 alice NOTIFY branch=7
        6000 alice SUBSCRIBE branch=8
        90000 alice MESSAGE branch=9
        90010 alice NOTIFY branch=10
        90020 alice MESSAGE branch=11
        90100 end
        ",
        expect![[r#"
            0       < alice  NOTIFY sip:bob@10.0.0.20
            0       - NOTIFY -1
            10      < alice  PUBLISH sip:bob@10.0.0.20
            10      - PUBLISH 1
            20      < alice  MESSAGE sip:bob@10.0.0.20
            20      - MESSAGE -5
            2000    < alice  PUBLISH sip:bob@10.0.0.20
            2000    - PUBLISH 1
            4500    < alice  MESSAGE sip:bob@10.0.0.20
            4500    - MESSAGE -5
            5000    < alice  MESSAGE sip:bob@10.0.0.20
            5000    > bob    MESSAGE sip:bob@10.0.0.20
            5000    - MESSAGE 1
            5010    < alice  NOTIFY sip:bob@10.0.0.20
            5010    - NOTIFY -1
            6000    < alice  SUBSCRIBE sip:bob@10.0.0.20
            6000    - SUBSCRIBE 1
            90000   < alice  MESSAGE sip:bob@10.0.0.20
            90000   - MESSAGE -5
            90010   < alice  NOTIFY sip:bob@10.0.0.20
            90010   - NOTIFY 1
            90020   < alice  MESSAGE sip:bob@10.0.0.20
            90020   > bob    MESSAGE sip:bob@10.0.0.20
            90020   - MESSAGE 1
        "#]],
    );
}

#[test]
fn what_cannot_be_a_rule_or_has_no_list_that_changes_is_refused() {
    check(
        "dst_blacklist = fixed:{ 10.0.0.20 }
        dst_blacklist = bad/default
        route {
            $var(rc) = add_blacklist_rule(\"fixed\", \"10.0.0.30\"); say(\"read only $var(rc)\");
            $var(rc) = del_blacklist_rule(\"fixed\", \"10.0.0.20\"); say(\"read only $var(rc)\");
            $var(rc) = add_blacklist_rule(\"none\", \"10.0.0.30\"); say(\"no list $var(rc)\");
            $var(rc) = add_blacklist_rule(\"bad\", \"carol.example\"); say(\"a name $var(rc)\");
            $var(rc) = add_blacklist_rule(\"bad\", \"10.0.0.30\", 65536); say(\"port $var(rc)\");
            $var(rc) = add_blacklist_rule(\"bad\", \"10.0.0.30\", 0, \"pigeon\"); say(\"transport $var(rc)\");
            $var(rc) = add_blacklist_rule(\"bad\", \"!10.0.0.0/8\"); say(\"inverted $var(rc)\");
            $var(rc) = check_blacklist_rule(\"bad\", \"10.1.1.1\"); say(\"inside $var(rc)\");
            $var(rc) = check_blacklist_rule(\"bad\", \"11.1.1.1\"); say(\"outside $var(rc)\");
        }",
        "
        0 alice OPTIONS
        100 end
        ",
        expect![[r#"
            0       < alice  OPTIONS sip:bob@10.0.0.20
            0       - read only -1
            0       - read only -1
            0       - no list -1
            0       - a name -1
            0       - port -1
            0       - transport -1
            0       - inverted 1
            0       - inside -1
            0       - outside 1
        "#]],
    );
}
