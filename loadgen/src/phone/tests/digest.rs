//! Digest answers against RFC 2617, RFC 7616 and computed vectors; the files are the project's, beside the tree.

use parser::Challenge;

use super::super::digest::{Proof, can_answer, write_credentials};

fn response(challenge: &str, proof: &Proof<'_>) -> Option<String> {
    let challenge = Challenge::parse(challenge.as_bytes()).unwrap();
    let mut out = Vec::new();
    write_credentials(&challenge, proof, &mut out).then(|| {
        let credentials = parser::Credentials::parse(&out).unwrap();
        String::from_utf8_lossy(credentials.get(b"response").unwrap()).into_owned()
    })
}

#[test]
fn answers_the_example_of_rfc_2617() {
    let proof = Proof {
        user: b"Mufasa",
        password: b"Circle Of Life",
        method: b"GET",
        uri: b"/dir/index.html",
        body: b"",
        cnonce: b"0a4f113b",
        count: 1,
    };
    let challenge = r#"Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
    assert_eq!(
        response(challenge, &proof).as_deref(),
        Some("6629fae49393a05397450978507c4ef1")
    );
}

#[test]
fn answers_every_known_vector() {
    let tree = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let tables = tree
        .ancestors()
        .map(|above| above.join("shared/vectors/digest.tsv"));
    let Some(table) = tables
        .into_iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
    else {
        return; // A tree without its surroundings: the example above still stands.
    };
    let mut seen = 0;
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [
            _,
            algorithm,
            user,
            realm,
            password,
            method,
            uri,
            nonce,
            count,
            cnonce,
            quality,
            body,
            _,
            expected,
        ] = cells[..]
        else {
            panic!("a row of another form: {row}");
        };
        let body = body.replace("\\r\\n", "\r\n");
        let proof = Proof {
            user: user.as_bytes(),
            password: password.as_bytes(),
            method: method.as_bytes(),
            uri: uri.as_bytes(),
            body: body.as_bytes(),
            cnonce: cnonce.as_bytes(),
            count: u32::from_str_radix(count, 16).unwrap_or(1),
        };
        let qop = if quality.is_empty() {
            String::new()
        } else {
            format!(", qop=\"{quality}\"")
        };
        let challenge =
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}{qop}");
        assert_eq!(
            response(&challenge, &proof).as_deref(),
            Some(expected),
            "{row}"
        );
        seen += 1;
    }
    assert!(seen >= 12, "only {seen} rows");
}

#[test]
fn leaves_alone_what_it_cannot_answer() {
    for (challenge, answerable) in [
        (r#"Digest realm="a", nonce="b""#, true),
        (
            r#"Digest realm="a", nonce="b", algorithm=SHA-256, qop="auth""#,
            true,
        ),
        (r#"Digest realm="a", nonce="b", algorithm=MD5-sess"#, false),
        (r#"Digest realm="a", nonce="b", qop="token""#, false),
        (r#"Basic realm="a""#, false),
    ] {
        assert_eq!(
            can_answer(&Challenge::parse(challenge.as_bytes()).unwrap()),
            answerable,
            "{challenge}"
        );
    }
}
