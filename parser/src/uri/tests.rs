use super::*;
use expect_test::{Expect, expect};

fn check(text: &str, expected: Expect) {
    let listing = match Uri::parse(text.as_bytes()) {
        Err(fault) => fault.to_string(),
        Ok(uri) => {
            let mut written = Vec::new();
            uri.write(&mut written);
            assert_eq!(Uri::parse(&written), Ok(uri), "what parses is written back");
            list(&uri)
        }
    };
    expected.assert_eq(&listing);
}

fn list(uri: &Uri<'_>) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let mut listing = text(uri.scheme.as_bytes());
    let mut add = |name: &str, value: String| listing.push_str(&format!(" {name}={value}"));
    uri.user
        .into_iter()
        .for_each(|user| add("user", text(user)));
    uri.password
        .into_iter()
        .for_each(|password| add("password", text(password)));
    match uri.host {
        Host::Name(b"") => add("rest", text(uri.rest)),
        Host::Name(name) => add("name", text(name)),
        Host::V4(ip) => add("v4", ip.to_string()),
        Host::V6(ip) => add("v6", ip.to_string()),
    }
    uri.port
        .into_iter()
        .for_each(|port| add("port", port.to_string()));
    uri.params
        .iter()
        .for_each(|param| add("param", text(&param.whole[1..])));
    uri.header_fields()
        .for_each(|(name, value)| add("header", format!("{}:{}", text(name), text(value))));
    listing
}

#[test]
fn reads_sip_and_sips() {
    check(
        "sip:alice@atlanta.com",
        expect!["sip user=alice name=atlanta.com"],
    );
    check(
        "sip:alice:secretword@atlanta.com;transport=tcp",
        expect!["sip user=alice password=secretword name=atlanta.com param=transport=tcp"],
    );
    check(
        "SIPS:alice@atlanta.com?subject=project%20x&priority=urgent",
        expect![
            "sips user=alice name=atlanta.com header=subject:project%20x header=priority:urgent"
        ],
    );
    check(
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        expect!["sip user=+1-212-555-1212 password=1234 name=gateway.com param=user=phone"],
    );
    check(
        "sip:1.2.3.4:5061;lr",
        expect!["sip v4=1.2.3.4 port=5061 param=lr"],
    );
    check(
        "sip:[2001:db8::10]:5070",
        expect!["sip v6=2001:db8::10 port=5070"],
    );
    check(
        "sip:[2001:db8::10:5070]",
        expect!["sip v6=2001:db8::10:5070"],
    ); // RFC 5118 §4.3
    check("sip:a;b=c%40d@h", expect!["sip user=a;b=c%40d name=h"]); // RFC 4475 §3.1.1.9
    check("sip:*21#@h", expect!["sip user=*21# name=h"]);
    check("sip:alice@host.", expect!["sip user=alice name=host."]);
}

#[test]
fn reads_tel_and_leaves_other_schemes_alone() {
    check(
        "tel:+1-201-555-0123",
        expect!["tel user=+1-201-555-0123 rest=+1-201-555-0123"],
    );
    check(
        "tel:7042;phone-context=example.com",
        expect![
            "tel user=7042 rest=7042;phone-context=example.com param=phone-context=example.com"
        ],
    );
    check("urn:service:sos", expect!["urn rest=service:sos"]);
    check(
        "soap.beep://192.0.2.103:3002",
        expect!["soap.beep rest=//192.0.2.103:3002"],
    );
    check("tel:+", expect!["expected a number at byte 5"]);
}

#[test]
fn refuses_what_the_grammar_does() {
    check("", expect!["expected a scheme at byte 0"]);
    check("alice@atlanta.com", expect!["expected a scheme at byte 0"]);
    check("sip:", expect!["expected a host at byte 4"]);
    check("sip:@h", expect!["expected a URI at byte 4"]);
    check("sip:a b@h", expect!["expected `@` at byte 5"]);
    check("sip:h;", expect!["expected a parameter at byte 6"]);
    check("sip:h;a=", expect!["expected a value at byte 8"]);
    check("sip:h:", expect!["expected a port at byte 6"]);
    check("sip:h:65536", expect!["expected a port at byte 6"]);
    check("sip:2001:db8::10", expect!["expected a port at byte 9"]); // RFC 5118 §4.2
    check(
        "sip:[2001:db8:::192.0.2.1]",
        expect!["expected a host at byte 4"],
    ); // RFC 5118 §4.10
    check("sip:1.2.3", expect!["expected a host at byte 4"]);
    check("sip:300.1.1.1", expect!["expected a host at byte 4"]);
    check(
        "sip:a%4@h",
        expect!["expected two hexadecimal digits at byte 5"],
    );
    check(
        "sip:h >",
        expect!["expected the end of the value at byte 5"],
    );
    check(
        "sip:h;lr\r\n",
        expect!["expected the end of the value at byte 8"],
    );
}

fn compare(a: &str, b: &str, same: bool) {
    let (first, second) = (
        Uri::parse(a.as_bytes()).unwrap(),
        Uri::parse(b.as_bytes()).unwrap(),
    );
    assert_eq!(first.equivalent(&second), same, "{a} {b}");
    assert_eq!(second.equivalent(&first), same, "{b} {a}");
    assert!(first.equivalent(&first) && second.equivalent(&second));
}

#[test]
fn compares_as_the_examples_of_rfc_3261() {
    compare(
        "sip:%61lice@atlanta.com;transport=TCP",
        "sip:alice@AtLanTa.CoM;Transport=tcp",
        true,
    );
    compare(
        "sip:carol@chicago.com",
        "sip:carol@chicago.com;newparam=5",
        true,
    );
    compare(
        "sip:carol@chicago.com;security=on",
        "sip:carol@chicago.com;newparam=5",
        true,
    );
    compare(
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        true,
    );
    compare(
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        true,
    );
    compare(
        "SIP:ALICE@AtLanTa.CoM;Transport=udp",
        "sip:alice@AtLanTa.CoM;Transport=UDP",
        false,
    );
    compare("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
    compare(
        "sip:bob@biloxi.com",
        "sip:bob@biloxi.com;transport=udp",
        false,
    );
    compare(
        "sip:bob@biloxi.com",
        "sip:bob@biloxi.com:6000;transport=tcp",
        false,
    );
    compare(
        "sip:carol@chicago.com",
        "sip:carol@chicago.com?Subject=next%20meeting",
        false,
    );
    compare("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false);
    compare(
        "sip:carol@chicago.com;security=on",
        "sip:carol@chicago.com;security=off",
        false,
    );
    compare("sip:a@h", "sips:a@h", false);
}

#[test]
fn an_escaped_reserved_character_is_another_one() {
    compare("sip:a%3Bb@h", "sip:a;b@h", false);
    compare("sip:a%3Bb@h", "sip:a%3bb@h", true);
    compare("sip:v%61lue%25%34%31@h", "sip:value%2541@h", true); // decoded once, RFC 4475 §3.1.1.3
    compare("sip:null-%00-null@h", "sip:null-%00%00-null@h", false); // RFC 4475 §3.1.1.4
}

#[test]
fn compares_addresses_by_value() {
    compare("sip:[2001:DB8:0::1]", "sip:[2001:db8::1]", true);
    compare("sip:[::ffff:192.0.2.1]", "sip:192.0.2.1", false);
}

#[test]
fn compares_telephone_numbers_without_visual_separators() {
    compare("tel:+1(201)555.0123", "tel:+1-201-555-0123", true);
    compare("tel:+12015550123", "tel:12015550123", false);
    compare(
        "tel:7042;phone-context=Example.com",
        "TEL:70-42;phone-context=example.com",
        true,
    );
    compare("tel:7042;phone-context=example.com", "tel:7042", false);
    compare(
        "tel:7042;phone-context=+1-2",
        "tel:7042;phone-context=+12",
        true,
    );
}

#[test]
fn escapes_decode_once_and_encode_back() {
    let mut text = Vec::new();
    unescape(b"v%61lue%25%34%31%4%zz%", &mut text);
    assert_eq!(text, b"value%41%4%zz%");
    let mut escaped = Vec::new();
    escape_user("a b@c;%ü".as_bytes(), &mut escaped);
    assert_eq!(escaped.escape_ascii().to_string(), "a%20b%40c;%25%C3%BC");
    let mut back = Vec::new();
    unescape(&escaped, &mut back);
    assert_eq!(back, "a b@c;%ü".as_bytes());
}
