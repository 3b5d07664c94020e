//! What stands in brackets.

use expect_test::expect;

use super::super::compile::compile;
use super::{Play, compiled, file, play, request, settings};

#[test]
fn routes_and_the_next_hop_come_from_the_answer() {
    let scenario = [
        request("INVITE", ""),
        "<recv response=\"200\" rrs=\"true\"/>
         <send><![CDATA[
           ACK [next_url] SIP/2.0
           Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch-2]
           [routes]
           To: <sip:x>[peer_tag_param]
           Call-ID: [call_id]
           CSeq: [cseq] ACK
           X: [cseq+1] [call_number] [local_port+10] [branch]
           [last_Nothing:] and what stands behind it
           X-Also: [last_Nothing:] gone

         ]]></send>"
            .to_owned(),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "
                 0 start
                 5 start
                10 peer 200 OK
                | Record-Route: <sip:near;lr>, \"a, b\" <sip:middle;lr>
                | Record-Route: <sip:far;lr>
                | Contact: \"x, y\" <sip:peer@10.9.9.9:5099;x=y>;q=1
                10 show
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                 5 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 200 OK
                10 > ACK sip:peer@10.9.9.9:5099;x=y SIP/2.0
                   ACK sip:peer@10.9.9.9:5099;x=y SIP/2.0
                   Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK-7-2-0
                   Route: <sip:far;lr>, "a, b" <sip:middle;lr>, <sip:near;lr>
                   To: <sip:x>;tag=peer
                   Call-ID: 2-7@10.0.0.1
                   CSeq: 1 ACK
                   X: 2 2 5080 z9hG4bK-7-2-2
                   X-Also:

            2 started, 1 succeeded
            1 failed: Open at step 1
        "#]],
    );
}

const CHALLENGED: &str = "<send><![CDATA[
       REGISTER sip:[remote_ip] SIP/2.0
       Call-ID: [call_id]
       From: <sip:[field0]@a>
       To: <sip:[field0]@a>
       Via: SIP/2.0/UDP a;branch=[branch]
       CSeq: [cseq] REGISTER
       [field1]
       Content-Length: [len]

     ]]></send>
     <recv response=\"401\" auth=\"true\"/>
     <send><![CDATA[
       REGISTER sip:[remote_ip] SIP/2.0
       CSeq: [cseq] REGISTER
       [authentication username=[field0] password=pass]
       Content-Length: [len]

       body
     ]]></send>";

#[test]
fn a_challenge_is_answered_by_the_row_of_the_call() {
    // The response is RFC 2617's: MD5(MD5(alice:r:pass):n:MD5(REGISTER:sip:10.0.0.2)), computed by md5sum.
    play(
        &Play {
            scenario: CHALLENGED,
            values: Some(
                "SEQUENTIAL\nalice;[authentication username=alice password=pass]\nbob;X-B: none\n",
            ),
            timeline: "
                 0 start
                 0 show
                10 peer 401 Unauthorized
                | WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"
                10 show
                20 start
                20 show
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > REGISTER sip:10.0.0.2 SIP/2.0
                   REGISTER sip:10.0.0.2 SIP/2.0
                   Call-ID: 1-7@10.0.0.1
                   From: <sip:alice@a>
                   To: <sip:alice@a>
                   Via: SIP/2.0/UDP a;branch=z9hG4bK-7-1-0
                   CSeq: 1 REGISTER
                   Content-Length: 0

                10 < SIP/2.0 401 Unauthorized
                10 > REGISTER sip:10.0.0.2 SIP/2.0
                   REGISTER sip:10.0.0.2 SIP/2.0
                   CSeq: 2 REGISTER
                   Authorization: Digest username="alice", realm="r", nonce="n", uri="sip:10.0.0.2", response="4b9b9da5db6dccef125e719239084eb6"
                   Content-Length: 6

                   body
                20 > REGISTER sip:10.0.0.2 SIP/2.0
                   REGISTER sip:10.0.0.2 SIP/2.0
                   Call-ID: 2-7@10.0.0.1
                   From: <sip:bob@a>
                   To: <sip:bob@a>
                   Via: SIP/2.0/UDP a;branch=z9hG4bK-7-2-0
                   CSeq: 1 REGISTER
                   X-B: none
                   Content-Length: 0

            2 started, 1 succeeded
            1 failed: Open at step 1
        "#]],
    );
}

#[test]
fn times_and_addresses() {
    play(
        &Play {
            scenario: "<send><![CDATA[
               OPTIONS sip:[remote_host] SIP/2.0
               X: [local_ip_type] [transport] [pid] [clock_tick] [timestamp] [users] [userid]
               Y: [auto_media_port] [media_port+1] [mine] [2001:db8::1] [server_ip]
             ]]></send>",
            set: Some(&|settings| {
                settings.constants.keys = vec![("mine".to_owned(), "a [b]".to_owned())];
            }),
            timeline: "0 start\n 12345 start\n 12345 show",
            ..Play::default()
        },
        expect![[r#"
                 0 > OPTIONS sip:10.0.0.2 SIP/2.0
             12345 > OPTIONS sip:10.0.0.2 SIP/2.0
                   OPTIONS sip:10.0.0.2 SIP/2.0
                   X: 4 UDP 7 12345 2001-09-09T01:46:52.345000Z 0 0
                   Y: 6004 6001 a [b] [2001:db8::1] 10.0.0.1

            2 started, 2 succeeded
        "#]],
    );
}

#[test]
fn addresses_of_the_sixth_version_stand_in_brackets() {
    let mut settings = settings();
    settings.constants.local_ip = "2001:db8::1".parse().unwrap();
    settings.constants.media_ip = settings.constants.local_ip;
    settings.constants.remote = Some("[2001:db8::2]:5060".parse().unwrap());
    let scenario = "<send><![CDATA[
       OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0
       Via: [local_ip] [local_ip_type] [media_ip] [media_ip_type]
     ]]></send>";
    let program = compiled(scenario, Vec::new(), &settings.constants);
    expect![[r#"
        Caller "test"
         0 send OPTIONS
             | OPTIONS sip:[2001:db8::2]:5060 SIP/2.0
             | Via: [2001:db8::1] 6 2001:db8::1 6
             | 
    "#]]
    .assert_eq(&super::super::listing::listing(&program));
}

#[test]
fn a_length_counts_what_the_keywords_became() {
    play(
        &Play {
            scenario: "<send><![CDATA[

               MESSAGE sip:x SIP/2.0
               l: [len]
               X: [len+5]

               call [call_number]

               end

             ]]></send>",
            timeline: "0 start\n 0 show",
            ..Play::default()
        },
        expect![[r#"
                 0 > MESSAGE sip:x SIP/2.0
                   MESSAGE sip:x SIP/2.0
                   l: 15
                   X: 20

                   call 1

                   end
            1 started, 1 succeeded
        "#]],
    );
}

#[test]
fn text_that_is_no_utf8_passes() {
    let mut source = file("<send><![CDATA[\nMESSAGE sip:x SIP/2.0\n\nX\n]]></send>");
    let place = source.bytes.iter().rposition(|&byte| byte == b'X').unwrap();
    source.bytes[place] = 0xe9;
    let program = compile(&source, Vec::new(), &settings().constants).unwrap();
    let super::super::program::Kind::Send(send) = &program.steps[0].kind else {
        panic!("a send");
    };
    let super::super::program::Part::Text(body) = send.template.parts.last().unwrap() else {
        panic!("a text");
    };
    assert_eq!(&body[..], b"\xe9\r\n");
}
