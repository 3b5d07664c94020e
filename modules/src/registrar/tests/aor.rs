//! The key of an address-of-record.

use crate::registrar::aor::{AorRules, NoAor};

fn rules(use_domain: bool, case_sensitive: bool) -> AorRules {
    AorRules {
        use_domain,
        case_sensitive,
        realm_prefix: b"sip.".to_vec(),
        aor_max: 40,
        username_max: 10,
        domain_max: 30,
    }
}

#[track_caller]
fn is(rules: &AorRules, uri: &str, expected: Result<&str, NoAor>) {
    let mut key = b"old".to_vec();
    let result = rules.key(uri.as_bytes(), &mut key);
    let text = String::from_utf8(key).unwrap();
    assert_eq!(result.map(|()| text.as_str()), expected, "{uri}");
}

#[test]
fn table() {
    let user = rules(false, true);
    is(&user, "sip:alice@example.com", Ok("alice"));
    is(
        &user,
        "sip:Alice:secret@example.com:5070;transport=tcp?a=b",
        Ok("Alice"),
    );
    is(&user, "sips:%61lice@example.com", Ok("alice"));
    is(&user, "tel:+358-555", Ok("+358-555"));
    is(&user, "sip:example.com", Err(NoAor::Unreadable));
    is(&user, "mailto:alice@example.com", Err(NoAor::Unreadable));
    is(&user, "alice", Err(NoAor::Unreadable));
    is(&user, "sip:aaaaaaaaaaa@example.com", Err(NoAor::TooLong));
    let whole = rules(true, false);
    is(&whole, "sip:Alice@Example.COM", Ok("alice@example.com"));
    is(&whole, "sip:alice@SIP.example.com", Ok("alice@example.com"));
    is(&whole, "sip:example.com", Ok("example.com"));
    is(
        &whole,
        "sip:a@a-name-much-too-long.example.com",
        Err(NoAor::TooLong),
    );
}
