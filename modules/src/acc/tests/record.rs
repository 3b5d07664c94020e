//! Lines and declarations.

use crate::acc::armed::{self, Armed};
use crate::acc::extra;
use crate::acc::record::{Event, Record, comment};
use expect_test::expect;

#[test]
fn the_fields_stand_in_the_order_that_people_parse() {
    let record = Record {
        time: 1_277_910_107,
        method: b"INVITE",
        from_tag: b"a",
        to_tag: b"b",
        call_id: b"c@h",
        code: b"200",
        reason: b"OK",
    };
    let mut line = Vec::new();
    for event in [Event::Answered, Event::Missed, Event::Requested] {
        record.write(event, &mut line);
        line.push(b'\n');
    }
    expect![[r#"
        ACC: transaction answered: timestamp=1277910107;method=INVITE;from_tag=a;to_tag=b;call_id=c@h;code=200;reason=OK
        ACC: call missed: timestamp=1277910107;method=INVITE;from_tag=a;to_tag=b;call_id=c@h;code=200;reason=OK
        ACC: request accounted: timestamp=1277910107;method=INVITE;from_tag=a;to_tag=b;call_id=c@h;code=200;reason=OK
    "#]]
    .assert_eq(std::str::from_utf8(&line).unwrap());
}

#[test]
fn a_comment_is_a_code_and_a_reason_or_a_reason() {
    assert_eq!(
        comment(b"200 Dialog Timeout"),
        (&b"200"[..], &b"Dialog Timeout"[..])
    );
    assert_eq!(comment(b"not found"), (&b""[..], &b"not found"[..]));
    assert_eq!(comment(b""), (&b""[..], &b""[..]));
}

#[test]
fn what_is_not_offered_is_named() {
    assert_eq!(armed::check_types(b"log"), Ok(()));
    assert_eq!(
        armed::check_types(b"log|db").unwrap_err(),
        "accounting to `db` is not offered yet, only `log`"
    );
    assert_eq!(
        Armed::parse(b"cdr|missed").unwrap_err(),
        "`cdr` needs the dialog module, which is not offered yet"
    );
    assert_eq!(
        Armed::parse(b"missed | failed"),
        Ok(Armed {
            missed: true,
            failed: true
        })
    );
    let mut fields = Vec::new();
    assert!(
        extra::parse("db: a->b", &mut fields)
            .unwrap_err()
            .contains("only of `log`")
    );
    extra::parse("log: src->source_ip; ua", &mut fields).unwrap();
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["source_ip", "ua"]);
}
