//! What a file becomes.

use expect_test::{Expect, expect};

use super::super::builtin;
use super::super::listing::listing;
use super::{compiled, constants, values};

fn check(body: &str, expected: Expect) {
    let files = vec![values("SEQUENTIAL\nalice;secret\n")];
    expected.assert_eq(&listing(&compiled(body, files, &constants())));
}

#[test]
fn the_caller_of_ours() {
    check(
        builtin::scenario("uac").unwrap(),
        expect![[r#"
        Caller "caller"
         0 send INVITE again after 500 ms starts invite
             | INVITE sip:service@10.0.0.2:5060 SIP/2.0
             | Via: SIP/2.0/UDP 10.0.0.1:{LocalPort(0)};branch={Branch(0)}
             | Max-Forwards: 70
             | From: "caller" <sip:caller@10.0.0.1:{LocalPort(0)}>;tag=7-c-{CallNumber(0)}
             | To: <sip:service@10.0.0.2:5060>
             | Call-ID: {CallId}
             | CSeq: {Cseq(0)} INVITE
             | Contact: <sip:caller@10.0.0.1:{LocalPort(0)}>
             | Content-Type: application/sdp
             | Content-Length: {Len(0)}
             | 
             | v=0
             | o=caller 1 1 IN IP4 10.0.0.1
             | s=-
             | c=IN IP4 10.0.0.1
             | t=0 0
             | m=audio 6000 RTP/AVP 8
         1 recv 100 optional
         2 recv 180 optional
         3 recv 183 optional
         4 recv 200 stops invite
         5 send ACK
             | ACK sip:service@10.0.0.2:5060 SIP/2.0
             | Via: SIP/2.0/UDP 10.0.0.1:{LocalPort(0)};branch={Branch(5)}
             | Max-Forwards: 70
             | From: "caller" <sip:caller@10.0.0.1:{LocalPort(0)}>;tag=7-c-{CallNumber(0)}
             | To: <sip:service@10.0.0.2:5060>{PeerTag}
             | Call-ID: {CallId}
             | CSeq: {Cseq(0)} ACK
             | Content-Length: 0
             | 
         6 pause Default
         7 send BYE again after 500 ms starts bye
             | BYE sip:service@10.0.0.2:5060 SIP/2.0
             | Via: SIP/2.0/UDP 10.0.0.1:{LocalPort(0)};branch={Branch(7)}
             | Max-Forwards: 70
             | From: "caller" <sip:caller@10.0.0.1:{LocalPort(0)}>;tag=7-c-{CallNumber(0)}
             | To: <sip:service@10.0.0.2:5060>{PeerTag}
             | Call-ID: {CallId}
             | CSeq: {Cseq(0)} BYE
             | Content-Length: 0
             | 
         8 recv 200 stops bye
        responses of timer invite by [10, 20, 50, 100, 200, 500, 1000, 2000] ms
        lengths by [10, 50, 100, 500, 1000, 5000, 10000] ms
    "#]],
    );
}

#[test]
fn the_answering_side_of_ours() {
    check(
        builtin::scenario("uas").unwrap(),
        expect![[r#"
        Callee "callee"
         0 recv INVITE keeps message
         1 send 180
             | SIP/2.0 180 Ringing
             | {Last Via}
             | {Last Record-Route}
             | {Last From}
             | {Last To};tag=7-s-{CallNumber(0)}
             | {Last Call-ID}
             | {Last CSeq}
             | Contact: <sip:10.0.0.1:{LocalPort(0)};transport=UDP>
             | Content-Length: 0
             | 
         2 send 200 again after 500 ms
             | SIP/2.0 200 OK
             | {Last Via}
             | {Last Record-Route}
             | {Last From}
             | {Last To};tag=7-s-{CallNumber(0)}
             | {Last Call-ID}
             | {Last CSeq}
             | Contact: <sip:10.0.0.1:{LocalPort(0)};transport=UDP>
             | Content-Type: application/sdp
             | Content-Length: {Len(0)}
             | 
             | v=0
             | o=callee 1 1 IN IP4 10.0.0.1
             | s=-
             | c=IN IP4 10.0.0.1
             | t=0 0
             | m=audio 6000 RTP/AVP 8
         3 recv ACK optional stops 1
         4 recv BYE keeps message
         5 send 200
             | SIP/2.0 200 OK
             | {Last Via}
             | {Last From}
             | {Last To}
             | {Last Call-ID}
             | {Last CSeq}
             | Content-Length: 0
             | 
         6 over, stays 4000 ms
        lengths by [10, 50, 100, 500, 1000, 5000, 10000] ms
    "#]],
    );
}

#[test]
fn every_element_and_attribute() {
    check(
        r#"<Global variables="total, limit"/>
           <User variables="mine"/>
           <label id="begin"/>
           <nop counter="tries">
             <action>
               <assign assign_to="n" value="2.5"/>
               <add assign_to="n" variable="total"/>
               <subtract assign_to="n" value="1"/>
               <multiply assign_to="n" value="3"/>
               <divide assign_to="n" value="2"/>
               <assignstr assign_to="who" value="[field0] of [$mine]"/>
               <todouble assign_to="m" variable="who"/>
               <trim assign_to="who"/>
               <test assign_to="enough" variable="n" compare="greater_than_equal" value="4"/>
               <test assign_to="enough" variable="n" compare="less_than" variable2="limit"/>
               <strcmp assign_to="same" variable="who" value="alice"/>
               <strcmp assign_to="same" variable="who" variable2="mine"/>
               <gettimeofday assign_to="s,us"/>
               <sample assign_to="n" distribution="uniform" min="1" max="2"/>
               <log message="[$n] [call_number]"/>
               <warning message="[$s] [$us] [$m] [$same]"/>
               <jump value="1"/>
               <exec int_cmd="stop_gracefully"/>
             </action>
           </nop>
           <send retrans="500" lost="10" start_rtd="answer" next="end" test="enough" chance="0.25" crlf="true">
             <![CDATA[
               INVITE sip:[field0 line=0]@[remote_ip]:[remote_port+1] SIP/2.0
               Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-1]
               [routes]
               X-A: [last_To:]
               [authentication username=[field0] password=[field1 file="users.csv"]]
               Content-Length: [len]

               a=[media_ip] [media_ip_type] [media_port+2] [msg_index]
             ]]>
           </send>
           <recv response="100" optional="true" timeout="700" ontimeout="end"/>
           <recv request="BYE" optional="global" next="end"/>
           <recv response="407" auth="true" optional="true" next="begin"/>
           <recv response="200" rrs="true" rtd="answer" repeat_rtd="true" timeout="900" condexec="enough" condexec_inverse="true">
             <action>
               <ereg regexp="tag=([a-z]+)" search_in="hdr" header="To:" occurrence="2" start_line="true" case_indep="true" check_it="true" assign_to="1,2"/>
               <ereg regexp="x" search_in="body" check_it_inverse="true" assign_to="1"/>
               <ereg regexp="x" search_in="var" variable="who" assign_to="2"/>
             </action>
           </recv>
           <recv request="INFO|UPDATE" regexp_match="true" optional="true"/>
           <recv request="ACK" ignoresdp="true"/>
           <pause/>
           <pause milliseconds="20"/>
           <pause variable="n"/>
           <pause distribution="lognormal" mean="3" stdev="1"/>
           <label id="end"/>
           <timewait milliseconds="50"/>
           <ResponseTimeRepartition name="answer" value="10, 20"/>
           <CallLengthRepartition value="100"/>
           <Reference variables="1,2"/>"#,
        expect![[r#"
            Caller "test"
             0 nop counts tries
                 Assign(3, Number(2.5))
                 Arithmetic(Add, 3, $total)
                 Arithmetic(Subtract, 3, Number(1.0))
                 Arithmetic(Multiply, 3, Number(3.0))
                 Arithmetic(Divide, 3, Number(2.0))
                 AssignText(4, {Field { file: 0, column: 0, row: None }} of {$mine})
                 ToDouble(5, 4)
                 Trim(4)
                 Test { to: 6, left: 3, compare: GreaterOrEqual, right: Number(4.0) }
                 Test { to: 6, left: 3, compare: Less, right: $limit }
                 CompareText { to: 7, left: 4, right: alice }
                 CompareText { to: 7, left: 4, right: {$mine} }
                 TimeOfDay(8, Some(9))
                 Sample(3, Uniform { min: 1.0, max: 2.0 })
                 Log({$n} {CallNumber(0)})
                 Warning({$s} {$us} {$m} {$same})
                 Jump(Number(1.0))
                 Stop(Gracefully)
             1 send INVITE again after 500 ms starts answer loses 10 % -> 12 if $enough by chance 0.25
                 | INVITE sip:{Field { file: 0, column: 0, row: Some(Number(0.0)) }}@10.0.0.2:5061 SIP/2.0
                 | Via: SIP/2.0/UDP 10.0.0.1:{LocalPort(0)};branch={Branch(0)}
                 | {Routes}
                 | X-A: {Last To}
                 | {Authentication {Field { file: 0, column: 0, row: None }} {Field { file: 0, column: 1, row: None }}}
                 | Content-Length: {Len(0)}
                 | 
                 | a=10.0.0.1 4 6002 1
             2 recv 100 optional within 700 ms (step 2) else 12
             3 recv BYE at any time within 900 ms (step 5) -> 12
             4 recv 407 optional within 900 ms (step 5) keeps challenge keeps message -> 0
             5 recv 200 within 900 ms (step 5) keeps routes keeps message unless $enough stops answer
                 Search(Search { regex: Regex("tag=([a-z]+)"), within: Header { name: "To:", occurrence: 2, any_case: true, start_line: true }, check: Some(Found), assign_to: [10, 11] })
                 Search(Search { regex: Regex("x"), within: Body, check: Some(NotFound), assign_to: [10] })
                 Search(Search { regex: Regex("x"), within: $who, check: None, assign_to: [11] })
             6 recv /INFO|UPDATE/ optional
             7 recv ACK
             8 pause Default
             9 pause For(Fixed(20.0))
            10 pause Variable(3)
            11 pause For(LogNormal { mean: 3.0, deviation: 1.0 })
            12 over, stays 50 ms
            $total Global 0
            $limit Global 1
            $mine User 0
            $n Call 0
            $who Call 1
            $m Call 2
            $enough Call 3
            $same Call 4
            $s Call 5
            $us Call 6
            $1 Call 7
            $2 Call 8
            responses of timer answer by [10, 20] ms
            lengths by [100] ms
        "#]],
    );
}
