//! RFC 4475 and RFC 5118: every message gets what its RFC says.
//!
//! The golden tables are the verdict of the parser; what belongs to a layer above (420, 483, an
//! Accept that cannot be met) is `accept` here. Beside each golden line the test holds the verdicts
//! that the RFC allows, so that a regenerated table cannot drift from it.

mod common;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use sipx_testkit::{rfc4475, rfc5118};

/// RFC 4475: what the parser may say. Where the RFC leaves a choice, ours is the strict one.
fn allowed(name: &str) -> &'static [&'static str] {
    match name {
        "badinv01" | "clerr" | "ncl" | "scalar02" | "quotbal" | "ltgtruri" | "lwsruri"
        | "lwsstart" | "trws" | "escruri" | "regbadct" | "badaspec" | "baddn" | "mismatch01"
        | "badbranch" | "insuf" | "multi01" | "mcl01" => &["400"],
        "badvers" => &["505"],
        "mismatch02" => &["501", "400"],
        "scalarlg" | "bigcode" => &["drop"],
        "unkscm" | "novelsc" => &["416"],
        // A stray file in the archive that no section describes.
        "test" => &["accept", "400", "drop"],
        _ => &["accept"],
    }
}

/// RFC 5118 §4.2, and the message that only a bug of the RFC 3261 grammar allows (§4.10).
fn allowed_v6(name: &str) -> &'static [&'static str] {
    match name {
        "ipv6-bad" | "ipv6-bug-abnf-3-colons" => &["400"],
        _ => &["accept"],
    }
}

fn row(table: &mut String, name: &str, section: &str, bytes: &[u8], allowed: &[&str]) {
    let verdict = common::verdict(bytes);
    let word = verdict.split(' ').next().unwrap_or_default();
    assert!(
        allowed.contains(&word),
        "{name} (§{section}): {verdict}, the RFC allows {allowed:?}"
    );
    let _ = writeln!(table, "{name:30} {section:10} {verdict}");
}

#[test]
fn rfc_4475() {
    let mut table = String::new();
    for case in rfc4475::CASES {
        row(
            &mut table,
            case.name,
            case.section,
            case.bytes,
            allowed(case.name),
        );
    }
    assert_eq!(rfc4475::CASES.len(), 50);
    expect_file!["../testdata/rfc4475.verdicts"].assert_eq(&table);
}

#[test]
fn rfc_5118() {
    let mut table = String::new();
    for case in rfc5118::CASES {
        row(
            &mut table,
            case.name,
            case.section,
            &case.wire(),
            allowed_v6(case.name),
        );
    }
    assert_eq!(rfc5118::CASES.len(), 12);
    expect_file!["../testdata/rfc5118.verdicts"].assert_eq(&table);
}

#[test]
fn what_rfc_4475_says_about_values_holds() {
    let message = |name: &str| {
        let case = rfc4475::CASES
            .iter()
            .find(|case| case.name == name)
            .expect("a case");
        parser::Message::parse(parser::Frame::copy_of(case.bytes)).expect("parses")
    };
    let tortuous = message("wsinv");
    assert_eq!(tortuous.max_forwards(), Some(68));
    assert_eq!(tortuous.cseq().number, 9);
    assert!(!tortuous.top_via().has_magic_cookie());
    assert_eq!(message("esc02").contacts().count(), 2);
    let null = message("escnull");
    let contacts: Vec<_> = null
        .contacts()
        .map(|contact| contact.value.uri().expect("a URI"))
        .collect();
    assert!(!contacts[0].equivalent(&contacts[1]), "two bindings");
    assert_eq!(message("dblreq").body(), b"");
    assert!(
        !message("dblreq")
            .bytes()
            .windows(6)
            .any(|word| word == b"INVITE")
    );
    assert_eq!(message("longreq").vias().count(), 34);
    let binary = message("mpart01");
    let parts: Vec<_> = parser::multipart::parts(binary.content_type().unwrap(), binary.body())
        .unwrap()
        .collect();
    assert_eq!(parts.len(), 2);
    assert!(parts[1].body.contains(&0));
    let semicolon = message("semiuri");
    let uri = parser::Uri::parse(semicolon.request_uri()).unwrap();
    assert_eq!(
        (uri.user, uri.params.is_empty()),
        (Some(&b"user;par=u%40example.net"[..]), true)
    );
}

/// The same files as they lie beside the clone: `../shared/torture`.
#[test]
fn the_shared_copies_get_the_same_verdicts() {
    let Some(shared) = shared_torture() else {
        return println!("skipped: no ../shared/torture");
    };
    let mut count = 0;
    for entry in std::fs::read_dir(shared.join("rfc4475"))
        .expect("readable")
        .flatten()
    {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "dat") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let word = common::verdict(&std::fs::read(&path).expect("readable"));
        let word = word.split(' ').next().unwrap_or_default();
        assert!(allowed(&name).contains(&word), "{name}: {word}");
        count += 1;
    }
    assert_eq!(count, 50);
}

/// PROTOS c07-sip: 4,527 INVITEs with one broken element each. Only a panic or a hang fails; but what
/// is accepted must come out of an empty draft as it went in.
#[test]
fn protos_cases_are_answered_accepted_or_dropped() {
    let Some(archive) = shared_torture()
        .map(|shared| shared.join("protos-c07-sip/cases.tar.xz"))
        .filter(|a| a.exists())
    else {
        return println!("skipped: no ../shared/torture/protos-c07-sip");
    };
    let output = std::process::Command::new("xz")
        .arg("-dc")
        .arg(&archive)
        .output();
    let Some(tar) = output
        .ok()
        .filter(|output| output.status.success())
        .map(|output| output.stdout)
    else {
        return println!("skipped: no xz to unpack {}", archive.display());
    };
    let (mut cases, mut accepted, mut answered, mut dropped) = (0, 0, 0, 0);
    for file in tar_files(&tar) {
        cases += 1;
        for message in split_case(file) {
            let filled = fill(message);
            let _ = parser::Peek::read(&filled);
            let _ = parser::framing::Framing::default().next(&filled);
            let _ = common::listing(&filled);
            match common::verdict(&filled).split(' ').next() {
                Some("accept") => {
                    accepted += 1;
                    written_back(&filled);
                }
                Some("drop") => dropped += 1,
                _ => answered += 1,
            }
        }
    }
    assert_eq!(cases, 4_527);
    println!("{accepted} messages accepted, {answered} answered, {dropped} dropped");
    assert!(
        accepted > 1_000 && answered > 1_000,
        "the placeholders are filled well"
    );
}

fn written_back(bytes: &[u8]) {
    let message = parser::Message::parse(parser::Frame::copy_of(bytes)).expect("accepted");
    let mut out = Vec::new();
    parser::Draft::new().write(&message, &mut out);
    assert_eq!(out, message.bytes());
}

fn shared_torture() -> Option<PathBuf> {
    // Beside the clone, or beside the clone that this is a worktree of.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let candidates = [
        root.join("../shared/torture"),
        root.join("../../shared/torture"),
    ];
    candidates.into_iter().find(|path| path.is_dir())
}

/// The regular files of a tar archive: a header of 512 bytes with an octal size at 124, then the bytes.
fn tar_files(mut tar: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let header = tar.get(..512).filter(|header| header[0] != 0)?;
            let size = std::str::from_utf8(&header[124..135])
                .ok()?
                .trim_matches(['\0', ' ']);
            let size = usize::from_str_radix(size, 8).ok()?;
            let file = tar.get(512..512 + size)?;
            let kind = header[156];
            tar = tar.get(512 + size.div_ceil(512) * 512..)?;
            if matches!(kind, b'0' | 0) && size > 0 {
                return Some(file);
            }
        }
    })
}

/// `<length> <message><length> <message>`.
fn split_case(mut file: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some(space) = file.iter().position(|&byte| byte == b' ') {
        let Some(length) = std::str::from_utf8(&file[..space])
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok())
        else {
            break;
        };
        let end = (space + 1 + length).min(file.len());
        messages.push(&file[space + 1..end]);
        file = &file[end..];
    }
    messages
}

fn fill(template: &[u8]) -> Vec<u8> {
    let body = template
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map_or(0, |at| template.len() - at - 4);
    let length = body.to_string();
    let fields: [(&str, &str); 10] = [
        ("<To>", "sip:bob@192.0.2.2"),
        ("<From>", "sip:alice@192.0.2.1"),
        ("<From-Address>", "192.0.2.1"),
        ("<From-IP>", "192.0.2.1"),
        ("<Local-Port>", "5060"),
        ("<Branch-ID>", "z9hG4bK00001"),
        ("<Call-ID>", "1"),
        ("<CSeq>", "1"),
        ("<Content-Length>", &length),
        ("<Teardown-Method>", "CANCEL"),
    ];
    let mut filled = Vec::with_capacity(template.len());
    let mut at = 0;
    while at < template.len() {
        match fields
            .iter()
            .find(|(name, _)| template[at..].starts_with(name.as_bytes()))
        {
            Some((name, value)) => {
                filled.extend_from_slice(value.as_bytes());
                at += name.len();
            }
            None => {
                filled.push(template[at]);
                at += 1;
            }
        }
    }
    filled
}
