//! What is wrong with a file is said with its place, before anything starts.

use expect_test::{Expect, expect};

use super::super::compile::compile;
use super::super::diagnostic::Source;
use super::super::injection::Injection;
use super::{constants, file, request, values};

fn check(body: &str, expected: Expect) {
    let files = vec![values("SEQUENTIAL\nalice;secret\nbob\n")];
    let text = match compile(&file(body), files, &constants()) {
        Ok(_) => "no mistake".to_owned(),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
    };
    expected.assert_eq(&text);
}

#[test]
fn names_what_is_not_supported_and_what_is() {
    check(
        r#"<recv request="INVITE" response_txn="a"/>
<recvCmd/>
<init/>
<sned/>
<nop><action>
<exec rtp_stream="a.wav"/>
<exec command="ls"/>
<setdest host="h" port="1" protocol="udp"/>
<lookup assign_to="1" file="a" key="b"/>
<ereg regexp="a" search_in="everywhere"/>
</action></nop>"#,
        expect![[r#"
            test.xml:2:24: `response_txn` is not supported
                2 | <recv request="INVITE" response_txn="a"/>
                  |                        ^^^^^^^^^^^^ responses belong to the requests that have none yet, by method; an ACK takes `[branch-N]`
            test.xml:3:2: `recvCmd` is not supported
                3 | <recvCmd/>
                  |  ^^^^^^^ a scenario here has no second one to talk to (3PCC); run the other side by itself
            test.xml:4:2: `init` is not supported
                4 | <init/>
                  |  ^^^^ give global variables their value with -set NAME VALUE
            test.xml:5:2: `sned` is not known here
                5 | <sned/>
                  |  ^^^^ did you mean `send`?
            test.xml:7:2: there is no media here
                7 | <exec rtp_stream="a.wav"/>
                  |  ^^^^ leave it out: the call is the same to everybody but the ear
            test.xml:8:2: commands of the shell are not run
                8 | <exec command="ls"/>
                  |  ^^^^ a process a call would be measured, not the server; use <log>
            test.xml:9:2: `setdest` is not supported
                9 | <setdest host="h" port="1" protocol="udp"/>
                  |  ^^^^^^^ messages go to the TARGET, or to -rsa
            test.xml:10:2: the action `lookup` is not supported
               10 | <lookup assign_to="1" file="a" key="b"/>
                  |  ^^^^^^ supported: ereg, log, warning, assign, assignstr, add, subtract, multiply, divide, todouble, trim, sample, test, strcmp, verifyauth, jump, gettimeofday, exec
            test.xml:11:29: nothing is searched in `everywhere`
               11 | <ereg regexp="a" search_in="everywhere"/>
                  |                             ^^^^^^^^^^ msg, hdr, body or var
        "#]],
    );
}

#[test]
fn points_at_a_keyword_inside_of_a_message() {
    check(
        "<send><![CDATA[
  OPTIONS sip:[remote_ipp] SIP/2.0
  To: <sip:[field0]@[nothing like it]>;[last_[x]]
  X: [field1] [field9] [authentication aka_K=1] [open
]]></send>",
        expect![[r#"
            dir/users.csv:2:1: this row has no field 9
                2 | alice;secret
                  | ^^^^^^^^^^^^ fields are counted from 0, a semicolon between them
            dir/users.csv:3:1: this row has no field 1
                3 | bob
                  | ^^^ fields are counted from 0, a semicolon between them
            test.xml:3:15: `[remote_ipp]` is no keyword
                3 |   OPTIONS sip:[remote_ipp] SIP/2.0
                  |               ^^^^^^^^^^^^ did you mean `[remote_ip]`?
            test.xml:4:21: `[nothing like it]` is no keyword
                4 |   To: <sip:[field0]@[nothing like it]>;[last_[x]]
                  |                     ^^^^^^^^^^^^^^^^^ a keyword of your own is given by -key NAME VALUE
            test.xml:4:40: `[last_[x]]` names no header
                4 |   To: <sip:[field0]@[nothing like it]>;[last_[x]]
                  |                                        ^^^^^^^^^^ [last_Via:], whole lines with their names
            test.xml:5:24: `aka_K` of [authentication] is not supported
                5 |   X: [field1] [field9] [authentication aka_K=1] [open
                  |                        ^^^^^^^^^^^^^^^^^^^^^^^^ username, password: digest (RFC 7616, RFC 8760)
            test.xml:5:49: a bracket that nothing closes
                5 |   X: [field1] [field9] [authentication aka_K=1] [open
                  |                                                 ^ [keyword]
        "#]],
    );
}

#[test]
fn a_variable_that_nothing_gives_a_value_is_a_misspelled_one() {
    check(
        &format!(
            "{}<pause variable=\"tiem\"/><nop><action><assign assign_to=\"time\" value=\"1\"/></action></nop>",
            request("OPTIONS", "")
        ),
        expect![[r#"
            test.xml:10:37: `tiem` is read, but nothing gives it a value
               10 |          ]]></send><pause variable="tiem"/><nop><action><assign assign_to="time" value="1"/></action></nop>
                  |                                     ^^^^ assign_to of an action, -set, or <Reference variables="..."/>
        "#]],
    );
}

#[test]
fn values_out_of_their_range() {
    check(
        r#"<recv response="99"/>
<recv response="200" request="ACK"/>
<recv/>
<pause milliseconds="-1"/>
<pause distribution="uniform" min="3" max="1"/>
<pause distribution="normal" mean="3"/>
<send lost="101"><![CDATA[
ACK sip:x SIP/2.0
]]></send>
<send/>
<nop next="nowhere" chance="2"/>
<nop next="her"/>
<label id="here"/>
<label id="here"/>
<CallLengthRepartition value="20, 10"/>
<timewait/>
stray text"#,
        expect![[r#"
            test.xml:2:17: `99` is no status code
                2 | <recv response="99"/>
                  |                 ^^ 100 to 699
            test.xml:3:7: a `recv` waits for a request or a response, not both
                3 | <recv response="200" request="ACK"/>
                  |       ^^^^^^^^ 
            test.xml:4:2: a `recv` of nothing
                4 | <recv/>
                  |  ^^^^ request="INVITE" or response="200"
            test.xml:5:22: `-1` is no time
                5 | <pause milliseconds="-1"/>
                  |                      ^^ milliseconds, at most a day
            test.xml:6:2: `min` is above `max`
                6 | <pause distribution="uniform" min="3" max="1"/>
                  |  ^^^^^ 
            test.xml:7:2: a distribution `normal` needs `stdev`
                7 | <pause distribution="normal" mean="3"/>
                  |  ^^^^^ 
            test.xml:8:13: a share from 0 to 100 per cent
                8 | <send lost="101"><![CDATA[
                  |             ^^^ 
            test.xml:11:2: a `send` without a message
               11 | <send/>
                  |  ^^^^ <send><![CDATA[ INVITE ... ]]></send>
            test.xml:12:12: no label `nowhere`
               12 | <nop next="nowhere" chance="2"/>
                  |            ^^^^^^^ there is no <label id="..."/> of this name
            test.xml:12:29: a chance from 0 to 1
               12 | <nop next="nowhere" chance="2"/>
                  |                             ^ 
            test.xml:13:12: no label `her`
               13 | <nop next="her"/>
                  |            ^^^ did you mean `here`?
            test.xml:15:12: a second label `here`
               15 | <label id="here"/>
                  |            ^^^^ 
            test.xml:16:31: these are no bounds
               16 | <CallLengthRepartition value="20, 10"/>
                  |                               ^^^^^^ rising numbers of milliseconds: "10, 20, 50"
            test.xml:17:2: a `timewait` of no time
               17 | <timewait/>
                  |  ^^^^^^^^ milliseconds="4000"
        "#]],
    );
}

#[test]
fn what_is_not_xml() {
    check(
        "<scenario><send></recv></scenario>",
        expect![[r#"
        test.xml:1:17: this is not XML: ill-formed document: expected `</send>`, but `</recv>` was found
            1 | <scenario><send></recv></scenario>
              |                 ^ 
    "#]],
    );
    check(
        "<scenario><send>",
        expect![[r#"
        test.xml:1:12: `send` is not closed
            1 | <scenario><send>
              |            ^^^^ 
    "#]],
    );
    check(
        "<!-- <scenario --> <nothing/>",
        expect![[r#"
        test.xml:1:21: `nothing` is not a scenario
            1 | <!-- <scenario --> <nothing/>
              |                     ^^^^^^^ a file is one <scenario>
    "#]],
    );
    check(
        "<scenario name=\"a\"></scenario>",
        expect![[r#"
        test.xml:1:1: the scenario neither sends nor receives
            1 | <scenario name="a"></scenario>
              | ^ 
    "#]],
    );
}

#[test]
fn a_file_of_values_says_how_rows_are_chosen() {
    let read = |text: &str| {
        let source = Source {
            name: "users.csv".to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        match Injection::read(source) {
            Ok(file) => format!("{:?}, {} rows\n", file.order, file.rows()),
            Err(mistake) => mistake.to_string(),
        }
    };
    let said: String = [
        "alice;secret\n",
        "SEQUENTIAL,PRINTF=100\n%d\n",
        "RANDOM\n# nobody\n\n",
        "USER\r\na;b\r\n# c\r\nd\r\n",
    ]
    .map(read)
    .concat();
    expect![[r#"
        users.csv:1:1: the first line says how rows are chosen
            1 | alice;secret
              | ^^^^^^^^^^^^ SEQUENTIAL, RANDOM or USER
        users.csv:1:1: values made by PRINTF are not supported
            1 | SEQUENTIAL,PRINTF=100
              | ^^^^^^^^^^^^^^^^^^^^^ write the rows out: SEQUENTIAL, RANDOM or USER alone
        users.csv:3:1: there is no row of values
            3 | 
              | ^ after the first line come rows of fields: `alice;secret`
        User, 2 rows
    "#]]
    .assert_eq(&said);
}
