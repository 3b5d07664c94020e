use super::*;

fn known(cache: &mut Cache<u8>, now_us: u64, name: &str) -> &'static str {
    match cache.lookup(now_us, name.as_bytes(), RecordType::A) {
        Known::Records(_) => "known",
        Known::Asked(_) => "asked",
        Known::Unknown => "unknown",
    }
}

fn learn(cache: &mut Cache<u8>, now_us: u64, name: &str, until_us: u64) -> bool {
    let Some(id) = cache.ask(now_us, now_us + 5, name.as_bytes(), RecordType::A, 1) else {
        return false;
    };
    assert_eq!(cache.answer(id, Records::Nothing, until_us)[..], [1]);
    true
}

#[test]
fn a_full_cache_gives_up_what_expired_then_what_nobody_used() {
    let mut cache = Cache::new(3, 1);
    assert!(learn(&mut cache, 0, "a", 10));
    assert!(learn(&mut cache, 0, "b", 1000));
    assert!(learn(&mut cache, 0, "c", 1000));
    assert!(learn(&mut cache, 20, "d", 1000));
    assert_eq!(
        ["a", "b", "c", "d"].map(|name| known(&mut cache, 20, name)),
        ["unknown", "known", "known", "known"]
    );
    assert_eq!(cache.len(), 3);
    // All were used just now: the hand clears the marks once round, and takes the first.
    assert!(learn(&mut cache, 30, "e", 1000));
    assert_eq!(known(&mut cache, 30, "e"), "known");
    assert_eq!(cache.len(), 3);
}

#[test]
fn what_is_asked_stays() {
    let mut cache = Cache::new(2, 1);
    let first = cache.ask(0, 5, b"a", RecordType::A, 1).unwrap();
    cache.ask(0, 5, b"b", RecordType::A, 1).unwrap();
    assert!(!learn(&mut cache, 0, "c", 10));
    cache.answer(first, Records::Nothing, 100);
    assert!(learn(&mut cache, 0, "c", 10));
}

#[test]
fn a_question_whose_deadline_passed_is_asked_again_and_its_waiters_wait_on() {
    let mut cache = Cache::new(2, 1);
    let first = cache.ask(0, 5, b"a", RecordType::A, 1).unwrap();
    assert_eq!(known(&mut cache, 4, "a"), "asked");
    assert_eq!(known(&mut cache, 5, "a"), "unknown");
    let second = cache.ask(5, 10, b"a", RecordType::A, 2).unwrap();
    assert!(cache.question(first).is_none());
    let mut woken = cache.answer(second, Records::Nothing, 100);
    woken.sort_unstable();
    assert_eq!(woken[..], [1, 2]);
}

#[test]
fn a_search_for_room_looks_at_a_few_entries_only() {
    let mut cache = Cache::new(1000, 1);
    for name in 0..1000 {
        let asked = cache.ask(0, 5, format!("{name}").as_bytes(), RecordType::A, 1);
        assert!(asked.is_some());
    }
    assert!(!learn(&mut cache, 0, "one more", 10));
    assert_eq!(cache.hand, LOOKS_MAX);

    let mut cache = Cache::new(1000, 1);
    for name in 0..1000 {
        assert!(learn(&mut cache, 0, &format!("{name}"), 1000));
    }
    assert!(learn(&mut cache, 0, "one more", 1000));
    assert_eq!(cache.hand, LOOKS_MAX);
    assert_eq!(known(&mut cache, 0, "one more"), "known");
}
