//! Flags as words and as letters.

use crate::registrar::flags::{LookupFlags, PathMode, SaveFlags};

#[test]
fn words_and_letters_say_the_same() {
    for (words, letters) in [
        ("memory-only,no-reply", "mr"),
        ("max-contacts=5", "c5"),
        ("memory-only, max-contacts=5, force-registration", "mc5f"),
        ("path-strict,path-received", "p2v"),
        ("path-lazy", "p1"),
        ("path-off", "p0"),
        ("min-expires=60,max-expires=3600", "e60E3600"),
        (
            "matching-mode=<sip_instance>,only-request-contacts",
            "M<sip_instance>o",
        ),
        ("socket-header", "s"),
    ] {
        let named = SaveFlags::parse(words.as_bytes()).unwrap();
        assert_eq!(
            named,
            SaveFlags::parse(letters.as_bytes()).unwrap(),
            "{words}"
        );
        assert_ne!(named, SaveFlags::default(), "{words}");
    }
}

#[test]
fn an_empty_text_asks_for_nothing() {
    assert_eq!(SaveFlags::parse(b""), Ok(SaveFlags::default()));
    assert_eq!(SaveFlags::default().path, PathMode::Ignored);
}

#[test]
fn an_unknown_word_is_named() {
    assert_eq!(SaveFlags::parse(b"memory-only,sticky"), Err(&b"sticky"[..]));
    assert_eq!(SaveFlags::parse(b"mx"), Err(&b"mx"[..]));
    assert_eq!(
        SaveFlags::parse(b"max-contacts=many"),
        Err(&b"max-contacts"[..])
    );
    assert_eq!(
        LookupFlags::parse(b"sort-by-latency"),
        Err(&b"sort-by-latency"[..])
    );
    assert_eq!(LookupFlags::parse(b"global"), Err(&b"global"[..]));
}

#[test]
fn lookup_reads_both_forms() {
    let words = LookupFlags::parse(b"method-filtering,no-branches").unwrap();
    assert_eq!(words, LookupFlags::parse(b"mb").unwrap());
    assert!(words.method_filtering && words.no_branches);
    for word in [&b"branch"[..], b"case-insensitive", b"extended-regexp"] {
        assert_eq!(LookupFlags::parse(word), Err(word));
    }
}
