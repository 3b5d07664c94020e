//! Branches, variables, actions, counters, timers.

use expect_test::expect;

use super::{Play, play, request};

#[test]
fn a_timeout_leads_where_ontimeout_says() {
    let scenario = [
        request("OPTIONS", ""),
        "<recv response=\"200\" timeout=\"500\" ontimeout=\"no answer\" next=\"end\"/><label id=\"no answer\"/>".to_owned(),
        request("MESSAGE", "counter=\"unanswered\""),
        "<recv response=\"200\"/><label id=\"end\"/>".to_owned(),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "
                 0 start
               800 peer 200 OK to MESSAGE
               900 start
               950 peer 200 OK to OPTIONS
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
               500 > MESSAGE sip:service@10.0.0.2:5060 SIP/2.0
               800 < SIP/2.0 200 OK
               900 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
               950 < SIP/2.0 200 OK
            2 started, 2 succeeded
            counter unanswered 1
        "#]],
    );
}

#[test]
fn a_loop_by_a_variable_sends_three() {
    let scenario = [
        "<nop><action><assign assign_to=\"left\" value=\"3\"/></action></nop><label id=\"again\"/>"
            .to_owned(),
        request("MESSAGE", "start_rtd=\"reply\""),
        "<recv response=\"200\" rtd=\"reply\" repeat_rtd=\"true\" counter=\"replies\"><action>\
           <subtract assign_to=\"left\" value=\"1\"/>\
           <test assign_to=\"more\" variable=\"left\" compare=\"greater_than\" value=\"0\"/>\
         </action></recv>\
         <nop next=\"again\" test=\"more\"/>"
            .to_owned(),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "
                 0 start
                10 peer 200 OK
                20 peer 200 OK
                50 peer 200 OK
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > MESSAGE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 200 OK
                10 > MESSAGE sip:service@10.0.0.2:5060 SIP/2.0
                20 < SIP/2.0 200 OK
                20 > MESSAGE sip:service@10.0.0.2:5060 SIP/2.0
                50 < SIP/2.0 200 OK
            1 started, 1 succeeded
            counter replies 3
            timer reply 30015 us
        "#]],
    );
}

#[test]
fn what_is_found_in_a_message_goes_into_the_next() {
    let scenario = format!(
        "{}<recv response=\"200\"><action>\
           <ereg regexp=\"x=([0-9]+)(;y=)?\" search_in=\"msg\" assign_to=\"whole,x,y\"/>\
           <ereg regexp=\".*\" search_in=\"hdr\" header=\"X-Two:\" occurrence=\"2\" assign_to=\"second\"/>\
           <ereg regexp=\"[a-z]+\" search_in=\"hdr\" header=\"branch=\" assign_to=\"branch\"/>\
           <ereg regexp=\"NOTHING\" case_indep=\"true\" search_in=\"body\" assign_to=\"nothing\"/>\
           <ereg regexp=\"e\" search_in=\"var\" variable=\"second\" check_it=\"true\" assign_to=\"e\"/>\
           <todouble assign_to=\"n\" variable=\"x\"/><add assign_to=\"n\" value=\"0.5\"/>\
           <strcmp assign_to=\"order\" variable=\"nothing\" value=\"nothing\"/>\
           <assignstr assign_to=\"text\" value=\"[$x]/[$y]/[$n]\"/>\
         </action></recv>\
         <send condexec=\"y\"><![CDATA[
           NEVER sip:x SIP/2.0
         ]]></send>
         <send condexec=\"y\" condexec_inverse=\"true\"><![CDATA[
           MESSAGE sip:[$whole] SIP/2.0
           Call-ID: [call_id]
           X: [$text] |[$second]| [$branch] [$nothing] [$order] [$e]

           [last_X-Two:]
           [last_message]
         ]]></send>",
        request("OPTIONS", "")
    );
    play(
        &Play {
            scenario: &scenario,
            timeline: "
                 0 start
                10 peer 200 OK
                | X-Two: one
                | X-One: x=42
                | x-two: the
                |   second
                |
                | nothing else
                10 show
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 200 OK
                10 > MESSAGE sip:x=42 SIP/2.0
                   MESSAGE sip:x=42 SIP/2.0
                   Call-ID: 1-7@10.0.0.1
                   X: 42//42.500000 | the
                     second| z nothing 0.000000 e

                   X-Two: one
                   x-two: the
                     second
                   SIP/2.0 200 OK
                   Via: SIP/2.0/UDP 10.0.0.1:5071;branch=z9hG4bK-7-1-0
                   From: <sip:us@10.0.0.1>;tag=1
                   To: <sip:service@10.0.0.2>;tag=peer
                   Call-ID: 1-7@10.0.0.1
                   CSeq: 1 OPTIONS
                   X-Two: one
                   X-One: x=42
                   x-two: the
                     second

                   nothing else

            1 started, 1 succeeded
        "#]],
    );
}

#[test]
fn global_variables_outlive_a_call_and_others_do_not() {
    let scenario = [
        "<Global variables=\"all\"/><Reference variables=\"own\"/>\
         <nop><action><add assign_to=\"all\" value=\"1\"/><add assign_to=\"own\" value=\"1\"/>\
         <log message=\"all [$all] own [$own] call [call_number]\"/>\
         <test assign_to=\"enough\" variable=\"all\" compare=\"equal\" value=\"3\"/></action></nop>\
         <nop condexec=\"enough\"><action><warning message=\"that is it\"/><exec int_cmd=\"stop_call\"/></action></nop>"
            .to_owned(),
        request("OPTIONS", ""),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            set: Some(&|settings| settings.set = vec![("all".to_owned(), "0.5".to_owned())]),
            timeline: "0 start\n 1 start\n 2 start",
            ..Play::default()
        },
        expect![[r#"
                 0 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
                 1 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
                 2 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
            all 1.500000 own 1.000000 call 1
            all 2.500000 own 1.000000 call 2
            all 3.500000 own 1.000000 call 3
            3 started, 3 succeeded
        "#]],
    );
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "0 start\n 1 start\n 2 start",
            ..Play::default()
        },
        expect![[r#"
                 0 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
                 1 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
            warning: that is it
            all 1.000000 own 1.000000 call 1
            all 2.000000 own 1.000000 call 2
            all 3.000000 own 1.000000 call 3
            3 started, 2 succeeded, 1 stopped
        "#]],
    );
}

#[test]
fn credentials_are_verified_by_the_password() {
    let answer = |status: &str| super::response(status, "");
    let scenario = [
        "<recv request=\"REGISTER\"><action><verifyauth assign_to=\"known\" username=\"alice\" password=\"pass\"/></action></recv>\
         <nop next=\"known\" test=\"known\"/>"
            .to_owned(),
        answer("403 Forbidden"),
        "<nop next=\"end\"/><label id=\"known\"/>".to_owned(),
        answer("200 OK"),
        "<label id=\"end\"/>".to_owned(),
    ];
    for proof in [
        "response=\"4b9b9da5db6dccef125e719239084eb6\"",
        "response=\"5b9b9da5db6dccef125e719239084eb6\"",
    ] {
        let timeline = format!(
            "0 peer REGISTER\n| Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"n\", uri=\"sip:10.0.0.2\", {proof}"
        );
        let expected = match proof.contains("\"4b") {
            true => expect![[r#"
                     0 < REGISTER sip:us@10.0.0.1 SIP/2.0
                     0 > SIP/2.0 200 OK
                1 started, 1 succeeded
            "#]],
            false => expect![[r#"
                     0 < REGISTER sip:us@10.0.0.1 SIP/2.0
                     0 > SIP/2.0 403 Forbidden
                1 started, 1 succeeded
            "#]],
        };
        play(
            &Play {
                scenario: &scenario.concat(),
                timeline: &timeline,
                ..Play::default()
            },
            expected,
        );
    }
}

#[test]
fn jump_leads_to_a_step_by_its_number() {
    let scenario = [
        "<nop><action><jump value=\"2\"/></action></nop>".to_owned(),
        request("NEVER", ""),
        request("OPTIONS", ""),
        "<nop><action><assign assign_to=\"far\" value=\"77\"/><jump variable=\"far\"/></action></nop>".to_owned(),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "0 start",
            ..Play::default()
        },
        expect![[r#"
                 0 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0
            1 started, 0 succeeded
            1 failed: Astray at step 3
        "#]],
    );
}

#[test]
fn a_message_that_lost_throws_away_is_mended_by_its_retransmission() {
    let scenario = [
        request("OPTIONS", "retrans=\"500\" lost=\"100\""),
        "<recv response=\"200\"/>".to_owned(),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "0 start\n 600 peer 200 OK",
            ..Play::default()
        },
        expect![[r#"
               500 > OPTIONS sip:service@10.0.0.2:5060 SIP/2.0 (again)
               600 < SIP/2.0 200 OK
            1 started, 1 succeeded
        "#]],
    );
}

#[test]
fn chances_and_pauses_come_from_the_seed() {
    let scenario = [
        "<nop next=\"second\" chance=\"0.5\"/>".to_owned(),
        request("FIRST", ""),
        "<label id=\"second\"/><pause distribution=\"uniform\" min=\"10\" max=\"20\"/>".to_owned(),
        request("SECOND", ""),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "0 start\n 100 start\n 200 start\n 300 start\n 400 wait",
            ..Play::default()
        },
        expect![[r#"
                 0 > FIRST sip:service@10.0.0.2:5060 SIP/2.0
                16 > SECOND sip:service@10.0.0.2:5060 SIP/2.0
               118 > SECOND sip:service@10.0.0.2:5060 SIP/2.0
               218 > SECOND sip:service@10.0.0.2:5060 SIP/2.0
               300 > FIRST sip:service@10.0.0.2:5060 SIP/2.0
               319 > SECOND sip:service@10.0.0.2:5060 SIP/2.0
            4 started, 4 succeeded
        "#]],
    );
}
