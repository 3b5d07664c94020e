use super::*;

/// `uri q` a line; the first is entry 0.
fn set(lines: &str) -> TargetSet {
    let mut targets = TargetSet::new();
    for (at, line) in lines.split_whitespace().enumerate() {
        let (uri, q) = line.split_once('=').unwrap_or((line, ""));
        let parts = TargetParts {
            uri: uri.as_bytes(),
            q: q.parse().ok(),
            ..TargetParts::default()
        };
        if at == 0 {
            assert!(targets.set(0, &parts));
        } else {
            targets.push(&parts).unwrap();
        }
    }
    targets
}

fn show(targets: &TargetSet) -> String {
    let uris: Vec<_> = (0..targets.len())
        .map(|at| String::from_utf8_lossy(targets.uri(at)).into_owned())
        .collect();
    uris.join(" ")
}

/// Serializes, then takes group after group: `value: uris`.
fn rounds(lines: &str, keep_order: bool) -> Vec<String> {
    let mut targets = set(lines);
    let mut rounds = vec![targets.serialize(true, keep_order).to_string()];
    loop {
        let value = targets.next_group();
        if value < 0 {
            return rounds;
        }
        rounds.push(format!("{value}: {}", show(&targets)));
    }
}

#[test]
fn serial_forking_tries_the_highest_q_first_and_equals_together() {
    assert_eq!(
        rounds("a=300 b=900 c=900 d=100", false),
        ["3", "1: b c", "1: a", "2: d"]
    );
    assert_eq!(rounds("a b=900", false), ["2", "1: a", "2: b"]); // no q counts as 1
    assert_eq!(rounds("a", false), ["1", "2: a"]);
}

#[test]
fn keeping_the_order_tries_one_after_the_other() {
    assert_eq!(
        rounds("a=300 b=900 c=900", true),
        ["3", "1: a", "1: b", "2: c"]
    );
}

#[test]
fn a_second_set_waits_behind_the_first() {
    let mut targets = set("a=500 b=400");
    targets.serialize(true, false);
    targets.next_group();
    targets.set(
        0,
        &TargetParts {
            uri: b"c",
            q: Some(900),
            ..TargetParts::default()
        },
    );
    targets.serialize(false, false);
    assert_eq!(targets.next_group(), 1);
    assert_eq!(show(&targets), "b");
    assert_eq!(targets.next_group(), 2);
    assert_eq!(show(&targets), "c");
}

#[test]
fn entry_0_is_the_request_and_cannot_be_removed() {
    let mut targets = TargetSet::new();
    assert_eq!((targets.len(), targets.uri(0)), (1, &b""[..]));
    assert!(!targets.remove(0));
    targets.set_destination(0, b"sip:next");
    assert_eq!(
        targets.push(&TargetParts {
            uri: b"b",
            ..TargetParts::default()
        }),
        Some(1)
    );
    assert_eq!(
        (targets.uri(0), targets.destination(0)),
        (&b""[..], &b"sip:next"[..])
    );
    assert!(targets.remove(1));
    assert!(!targets.remove(1));
}

#[test]
fn a_full_set_takes_no_more() {
    let mut targets = TargetSet::new();
    let pushed = (0..100)
        .filter(|_| {
            targets
                .push(&TargetParts {
                    uri: b"a",
                    ..TargetParts::default()
                })
                .is_some()
        })
        .count();
    assert_eq!(pushed, BRANCHES_MAX - 1);
}

#[test]
fn what_a_script_writes_over_and_over_takes_no_room() {
    let mut set = TargetSet::new();
    let uri = [b"sip:".as_slice(), &[b'x'; 1000]].concat();
    for _ in 0..10_000 {
        assert!(set.set_uri(0, &uri) && set.set_destination(0, b"sip:10.0.0.9"));
    }
    assert_eq!(
        (set.uri(0), set.destination(0)),
        (uri.as_slice(), b"sip:10.0.0.9".as_slice())
    );
    assert!(
        set.text.capacity() < 4 * TARGETS_TEXT_BYTES,
        "{}",
        set.text.capacity()
    );
    assert!(!set.set_uri(0, &[b'x'; TARGET_TEXT_BYTES_MAX + 1]));
}

#[test]
fn a_path_that_would_begin_another_header_is_refused() {
    let mut targets = TargetSet::new();
    assert!(targets.set_path(0, b"<sip:a;lr>,\r\n <sip:b;lr>"));
    for path in [
        &b"<sip:a;lr>\r\nX-Evil: 1"[..],
        b"<sip:a;lr>\r\n",
        b"<sip:a;lr>\n <sip:b;lr>",
        b"<sip:a;lr>\r <sip:b;lr>",
        b"<sip:a;lr>\0",
    ] {
        let parts = TargetParts {
            uri: b"sip:x@x",
            path,
            ..TargetParts::default()
        };
        assert!(!targets.set_path(0, path));
        assert!(!targets.set(0, &parts));
        assert!(targets.push(&parts).is_none());
    }
    assert_eq!(targets.path(0), b"<sip:a;lr>,\r\n <sip:b;lr>");
}

#[test]
fn a_whole_entry_with_a_uri_of_two_lines_is_refused() {
    let mut targets = TargetSet::new();
    let parts = TargetParts {
        uri: b"sip:x@x SIP/2.0\r\nX-Evil: 1",
        ..TargetParts::default()
    };
    assert!(!targets.set(0, &parts));
    assert_eq!(targets.uri(0), b"");
}
