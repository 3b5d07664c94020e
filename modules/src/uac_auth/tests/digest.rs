//! Known answers: what RFC 2617 and RFC 7616 print, and values computed independently (Python's hashlib) for SIP.

use super::*;

/// Source, algorithm, user, realm, password, method, URI, nonce, cnonce, qop, body, response.
#[rustfmt::skip]
const KNOWN: &[[&str; 12]] = &[
    ["RFC 2617 3.5", "MD5", "Mufasa", "testrealm@host.com", "Circle Of Life", "GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "auth", "", "6629fae49393a05397450978507c4ef1"],
    ["RFC 7616 3.9.1", "MD5", "Mufasa", "http-auth@example.org", "Circle of Life", "GET", "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth", "", "8ca523f5e9506fed4657c9700eebdbec"],
    ["RFC 7616 3.9.1", "SHA-256", "Mufasa", "http-auth@example.org", "Circle of Life", "GET", "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth", "", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
    ["computed, SIP", "MD5", "bob", "biloxi.com", "zanzibar", "REGISTER", "sip:biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "", "", "", "4441045a8075db3ead543693997e2a0e"],
    ["computed, SIP", "MD5", "bob", "biloxi.com", "zanzibar", "INVITE", "sip:bob@biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "auth", "", "89eb0059246c02b2f6ee02c7961d5ea3"],
    ["computed, SIP", "MD5", "bob", "biloxi.com", "zanzibar", "INVITE", "sip:bob@biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "auth-int", "v=0\r\n", "77226bb823dc077c1ad3537415667bae"],
    ["computed, SIP", "SHA-256", "bob", "biloxi.com", "zanzibar", "REGISTER", "sip:biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "", "", "", "10503915e86126c221a99ecec4bd61ed6a5f0c1bac8125b5df9db47ab06503c1"],
    ["computed, SIP", "SHA-256", "bob", "biloxi.com", "zanzibar", "INVITE", "sip:bob@biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "auth", "", "b3b5a6c69453abafaab9ae4dccdac90a076b6c80615d5f3498e7433b6e93bf4f"],
    ["computed, SIP", "SHA-256", "bob", "biloxi.com", "zanzibar", "INVITE", "sip:bob@biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "auth-int", "v=0\r\n", "554a9ffe79ce71c3cb6c9630deddd2787d8033f895e5cdef6a73c8e84ed4c979"],
    ["computed, SIP", "SHA-512-256", "bob", "biloxi.com", "zanzibar", "REGISTER", "sip:biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "", "", "", "79d19bef9b0e5eeaf10d730417c43bd1436a2d2c7fdd188e6a982a91e22bfa1b"],
    ["computed, SIP", "SHA-512-256", "bob", "biloxi.com", "zanzibar", "INVITE", "sip:bob@biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "auth", "", "7f1a09de0f19af0a1eac2b28d33e3f2fb89cca1ad8fb01bba5e1883b288bac14"],
    ["computed, SIP", "SHA-512-256", "bob", "biloxi.com", "zanzibar", "INVITE", "sip:bob@biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "auth-int", "v=0\r\n", "e9a7fbc1c80a10421c59a0c982f28d40e0ddc7b62ef3dc4faf68f179c6e05922"],
];

#[test]
fn known_answers() {
    for row in KNOWN {
        let [
            source,
            algorithm,
            user,
            realm,
            password,
            method,
            uri,
            nonce,
            cnonce,
            qop,
            body,
            expected,
        ] = *row;
        let mut challenge =
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}");
        if !qop.is_empty() {
            challenge += &format!(", qop=\"{qop}\"");
        }
        let asked = Asked {
            method: method.as_bytes(),
            uri: uri.as_bytes(),
            body: body.as_bytes(),
        };
        let login = Login {
            user: user.as_bytes(),
            password: password.as_bytes(),
        };
        let answer = answer(&challenge, login, &asked, cnonce).unwrap();
        assert!(
            answer.contains(&format!("response=\"{expected}\"")),
            "{source} {algorithm} {qop}: {answer}"
        );
    }
}

fn answer(challenge: &str, login: Login<'_>, asked: &Asked<'_>, cnonce: &str) -> Option<String> {
    let challenge = Challenge::parse(challenge.as_bytes()).ok()?;
    let question = Question::of(&challenge, Algorithms::ALL)?;
    let mut out = Vec::new();
    question.answer(login, asked, cnonce.as_bytes(), 1, &mut out);
    Some(String::from_utf8(out).unwrap())
}

fn bob(challenge: &str) -> Option<String> {
    let login = Login {
        user: b"bob",
        password: b"zanzibar",
    };
    let asked = Asked {
        method: b"INVITE",
        uri: b"sip:bob@biloxi.com",
        body: b"",
    };
    answer(challenge, login, &asked, "0a4f113b")
}

#[test]
fn an_answer_repeats_what_it_answers_and_says_no_more() {
    let old = bob("Digest realm=\"biloxi.com\", nonce=\"x\", opaque=\"\"").unwrap();
    assert!(!old.contains("qop") && !old.contains("cnonce") && !old.contains("algorithm"));
    assert!(old.ends_with(", opaque=\"\""), "{old}");
    let new =
        bob("Digest realm=\"biloxi.com\", nonce=\"x\", qop=\"auth-int, auth\", algorithm=MD5")
            .unwrap();
    assert!(
        new.ends_with(", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"0a4f113b\""),
        "{new}"
    );
}

#[test]
fn a_session_key_needs_the_cnonce_with_or_without_qop() {
    // HA1 = H(H(user:realm:password):nonce:cnonce), computed with Python's hashlib.
    let answer =
        bob("Digest realm=\"biloxi.com\", nonce=\"x\", algorithm=MD5-sess, qop=\"auth\"").unwrap();
    assert!(
        answer.contains("response=\"31eefd9ff8a9a0db4195af0966006bcd\""),
        "{answer}"
    );
    let old = bob("Digest realm=\"biloxi.com\", nonce=\"x\", algorithm=MD5-sess").unwrap();
    assert!(old.contains("cnonce=\"0a4f113b\""), "{old}");
}

#[test]
fn what_cannot_be_answered_is_not_a_question() {
    for challenge in [
        "Basic realm=\"x\"",
        "Digest realm=\"x\", nonce=\"y\", algorithm=AKAv1-MD5",
        "Digest realm=\"x\", nonce=\"y\", qop=\"token\"",
        "Digest realm=\"x\"",
        "Digest nonce=\"y\"",
    ] {
        assert_eq!(bob(challenge), None, "{challenge}");
    }
}

#[test]
fn algorithms_are_ordered_by_strength_and_may_be_left_out() {
    let of = |name: &str| Algorithm::of(Some(name.as_bytes())).unwrap();
    assert!(of("SHA-512-256") > of("sha-256") && of("SHA-256") > of("MD5-sess"));
    let some = Algorithms::parse(b"MD5, SHA-256-sess").unwrap();
    assert!(some.has(of("MD5")) && some.has(of("SHA-256-sess")) && !some.has(of("SHA-256")));
    assert_eq!(
        Algorithms::parse(b"MD5,SHA-1"),
        Err("`SHA-1` is no digest algorithm".to_owned())
    );
}

#[test]
fn a_quote_in_a_user_is_escaped() {
    let login = Login {
        user: b"a\"b",
        password: b"",
    };
    let asked = Asked {
        method: b"BYE",
        uri: b"sip:x",
        body: b"",
    };
    let answer = answer("Digest realm=\"r\", nonce=\"n\"", login, &asked, "").unwrap();
    assert!(
        answer.starts_with("Digest username=\"a\\\"b\", realm"),
        "{answer}"
    );
}
