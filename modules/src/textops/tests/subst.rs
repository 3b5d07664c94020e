//! sed expressions: one line in, the changed text out.

use crate::textops::subst::Subst;

fn changes(expression: &str, text: &str, expected: &str) {
    let changed = Subst::parse(expression.as_bytes())
        .unwrap()
        .apply(text.as_bytes());
    assert_eq!(
        String::from_utf8(changed.unwrap()).unwrap(),
        expected,
        "{expression}"
    );
}

#[test]
fn table() {
    changes("/bob/alice/", "sip:bob@bob", "sip:alice@bob");
    changes("/bob/alice/g", "sip:bob@bob", "sip:alice@alice");
    changes(
        r"/^sip:([0-9]+)@(.*)$/sip:00\1@\2;user=phone/i",
        "SIP:123@h",
        "sip:00123@h;user=phone",
    );
    changes(r"/sip:(.*)/[\0][\1]/", "sip:x", "[sip:x][x]");
    changes("|a/b|c/d|", "a/b", "c/d");
    changes(r"/a\/b/c\/d/", "a/b", "c/d");
    changes("/b.*e/-/s", "ab\nef", "a-f");
    changes(r"/x/\n\\/", "x", "\n\\");
    changes("/b//", "abc", "ac");
    changes("/^abc$//", "abc", "");
}

#[test]
fn without_a_match_nothing_changes() {
    assert_eq!(Subst::parse(b"/z/y/").unwrap().apply(b"abc"), None);
}

#[test]
fn a_wrong_expression_says_why() {
    for (expression, why) in [
        ("", "an empty expression"),
        ("/a/b", "expected `/pattern/replacement/flags`"),
        ("abc", "expected `/pattern/replacement/flags`"),
        ("/a/b/c/", "expected `/pattern/replacement/flags`"),
        ("/a/b/x", "unknown flag `x`"),
        (r"\a\b\", "a backslash cannot be the delimiter"),
    ] {
        assert_eq!(Subst::parse(expression.as_bytes()).unwrap_err(), why);
    }
    assert!(
        Subst::parse(b"/(/b/")
            .unwrap_err()
            .contains("unclosed group")
    );
}
