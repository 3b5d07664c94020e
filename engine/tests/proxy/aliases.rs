//! Aliases of connections: RFC 5923. The ladder shows what the world is told; that it is heeded is tested where
//! connections are.

use expect_test::expect;

use crate::harness::check;

const STORY: &str = "
    0 alice OPTIONS tcp via=10.0.0.10:5070;alias
    10 alice OPTIONS tcp via=10.0.0.10:5080 branch=z9hG4bK2
    20 alice OPTIONS tcp via=10.9.9.9:5090;alias branch=z9hG4bK3
    30 alice OPTIONS via=10.0.0.10:5070;alias branch=z9hG4bK4
    40 end
";

#[test]
fn nobody_gets_an_alias_unless_the_script_says_so() {
    check(
        "route { reply(200, \"OK\"); }",
        STORY,
        expect![[r#"
            0       < alice  OPTIONS sip:bob@10.0.0.20
            0       > alice tcp 200 OK
            10      < alice  OPTIONS sip:bob@10.0.0.20
            10      > alice tcp 200 OK
            20      < alice  OPTIONS sip:bob@10.0.0.20
            20      > alice tcp 200 OK
            30      < alice  OPTIONS sip:bob@10.0.0.20
            30      > 10.0.0.10:5070 200 OK
        "#]],
    );
}

#[test]
fn who_offers_an_alias_is_reached_at_his_own_host_and_the_port_of_his_via() {
    check(
        "tcp_accept_aliases = 1\nroute { reply(200, \"OK\"); }",
        STORY,
        expect![[r#"
            0       < alice  OPTIONS sip:bob@10.0.0.20
            0       ! alias 10.0.0.10:5070
            0       > alice tcp 200 OK
            10      < alice  OPTIONS sip:bob@10.0.0.20
            10      > alice tcp 200 OK
            20      < alice  OPTIONS sip:bob@10.0.0.20
            20      ! alias 10.0.0.10:5090
            20      > alice tcp 200 OK
            30      < alice  OPTIONS sip:bob@10.0.0.20
            30      > 10.0.0.10:5070 200 OK
        "#]],
    );
}

#[test]
fn aliases_of_all_are_taken_where_the_script_wants_that() {
    check(
        "tcp_accept_aliases = 2\nroute { reply(200, \"OK\"); }",
        STORY,
        expect![[r#"
            0       < alice  OPTIONS sip:bob@10.0.0.20
            0       ! alias 10.0.0.10:5070
            0       > alice tcp 200 OK
            10      < alice  OPTIONS sip:bob@10.0.0.20
            10      ! alias 10.0.0.10:5080
            10      > alice tcp 200 OK
            20      < alice  OPTIONS sip:bob@10.0.0.20
            20      ! alias 10.0.0.10:5090
            20      > alice tcp 200 OK
            30      < alice  OPTIONS sip:bob@10.0.0.20
            30      > 10.0.0.10:5070 200 OK
        "#]],
    );
}

#[test]
fn a_script_gives_a_connection_an_alias_itself() {
    check(
        "route {
            $var(rc) = force_tcp_alias(); say(\"via $var(rc)\");
            $var(rc) = force_tcp_alias(7070); say(\"7070 $var(rc)\");
            $var(rc) = force_tcp_alias(70707); say(\"70707 $var(rc)\");
            $var(rc) = set_via_handling(\"force-rport,force-tcp-alias\"); say(\"handling $var(rc)\");
            reply(200, \"OK\");
        }",
        "
        0 alice OPTIONS tcp via=10.0.0.10:5080
        10 alice OPTIONS branch=z9hG4bK2 via=10.0.0.10:5080
        20 end
        ",
        expect![[r#"
            0       < alice  OPTIONS sip:bob@10.0.0.20
            0       ! alias 10.0.0.10:5080
            0       - via 1
            0       ! alias 10.0.0.10:7070
            0       - 7070 1
            0       - 70707 -1
            0       ! alias 10.0.0.10:5080
            0       - handling 1
            0       > alice tcp 200 OK
            10      < alice  OPTIONS sip:bob@10.0.0.20
            10      - via 1
            10      - 7070 1
            10      - 70707 -1
            10      - handling 1
            10      > alice  200 OK
        "#]],
    );
}

#[test]
fn the_via_of_a_reply_is_ours_and_gives_no_alias() {
    check(
        "route { relay(); }
        onreply_route {
            $var(rc) = force_tcp_alias(); say(\"via $var(rc)\");
            $var(rc) = force_tcp_alias(7070); say(\"7070 $var(rc)\");
        }",
        "
        0 alice OPTIONS sip:bob@10.0.0.20:5060;transport=tcp
        10 bob 200 tcp
        20 end
        ",
        expect![[r#"
            0       < alice  OPTIONS sip:bob@10.0.0.20:5060;transport=tcp
            0       > bob   tcp OPTIONS sip:bob@10.0.0.20:5060;transport=tcp
            10      < bob    200 OK
            10      - via -1
            10      ! alias 10.0.0.20:7070
            10      - 7070 1
            10      > alice  200 OK
        "#]],
    );
}
