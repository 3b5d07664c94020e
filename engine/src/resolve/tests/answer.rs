use super::*;

/// A header with these counts and flags, then `rest`.
fn message(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 1];
    bytes.extend(flags.to_be_bytes());
    counts
        .iter()
        .for_each(|count| bytes.extend(count.to_be_bytes()));
    bytes.extend(rest);
    bytes
}

const OK: u16 = 0x8180;
const QUESTION: &[u8] = b"\x01a\x07example\0\0\x01\0\x01";

#[test]
fn reads_compressed_names() {
    let answer = [
        QUESTION,
        b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",
    ]
    .concat();
    let reply = read(
        &message(OK, [1, 1, 0, 0], &answer),
        b"a.example",
        RecordType::A,
    );
    let expected = Reply {
        records: Records::A(SmallVec::from_slice(&[[192, 0, 2, 1].into()])),
        ttl: Some(60),
    };
    assert_eq!(reply, Some(expected));
}

#[test]
fn an_alias_that_leads_out_of_the_answer_is_followed_later() {
    let answer = [
        QUESTION,
        b"\xc0\x0c\0\x05\0\x01\0\0\0\x0a\0\x04\x01b\xc0\x0e",
    ]
    .concat();
    let reply = read(
        &message(OK, [1, 1, 0, 0], &answer),
        b"a.example",
        RecordType::A,
    );
    assert_eq!(
        reply,
        Some(Reply {
            records: Records::Alias(b"b.example".as_slice().into()),
            ttl: Some(10)
        })
    );
}

#[test]
fn nothing_is_believed_as_long_as_the_soa_says() {
    let soa = b"\xc0\x0e\0\x06\0\x01\0\0\x0e\x10\0\x16\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x1e";
    for flags in [OK, OK | 3] {
        let reply = read(
            &message(flags, [1, 0, 1, 0], &[QUESTION, soa].concat()),
            b"a.example",
            RecordType::A,
        );
        assert_eq!(
            reply,
            Some(Reply {
                records: Records::Nothing,
                ttl: Some(30)
            })
        );
    }
    let refused = read(
        &message(OK | 5, [1, 0, 0, 0], QUESTION),
        b"a.example",
        RecordType::A,
    );
    assert_eq!(
        refused,
        Some(Reply {
            records: Records::Failed,
            ttl: None
        })
    );
}

#[test]
fn aliases_in_a_circle_end() {
    let answer = [QUESTION, b"\xc0\x0c\0\x05\0\x01\0\0\0\x0a\0\x02\xc0\x0c"].concat();
    let reply = read(
        &message(OK, [1, 1, 0, 0], &answer),
        b"a.example",
        RecordType::A,
    );
    assert_eq!(
        reply,
        Some(Reply {
            records: Records::Failed,
            ttl: None
        })
    );
}

#[test]
fn answers_to_another_question_are_not_ours() {
    let bytes = message(OK, [1, 0, 0, 0], QUESTION);
    assert!(read(&bytes, b"b.example", RecordType::A).is_none());
    assert!(read(&bytes, b"a.example", RecordType::Aaaa).is_none());
    assert!(
        read(
            &message(0x0100, [1, 0, 0, 0], QUESTION),
            b"a.example",
            RecordType::A
        )
        .is_none(),
        "a question"
    );
}

#[test]
fn what_is_broken_is_no_answer_and_no_panic() {
    let whole = message(
        OK,
        [1, 2, 0, 0],
        &[
            QUESTION,
            b"\xc0\x0c\0\x21\0\x01\0\0\0\x3c\0\x09\0\x01\0\x02\x13\xc4\xc0\x0c\0",
            b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",
        ]
        .concat(),
    );
    assert!(read(&whole, b"a.example", RecordType::A).is_some());
    for end in 0..whole.len() {
        assert!(
            read(&whole[..end], b"a.example", RecordType::A).is_none(),
            "cut at {end}"
        );
    }
    // Every byte, changed to every value: anything but a panic.
    for at in 0..whole.len() {
        for value in 0..=255 {
            let mut bytes = whole.clone();
            bytes[at] = value;
            for record_type in [
                RecordType::A,
                RecordType::Aaaa,
                RecordType::Srv,
                RecordType::Naptr,
            ] {
                let _ = read(&bytes, b"a.example", record_type);
            }
        }
    }
    // A name that points forwards, or at itself.
    for pointer in [b"\xc0\x0c", b"\xc0\xff"] {
        assert!(read(&message(OK, [1, 0, 0, 0], pointer), b"", RecordType::A).is_none());
    }
}
