//! What a REGISTER does to a record: one line in, the bindings out.

use crate::usrloc::CONTACTS_MAX;
use crate::usrloc::binding::{Binding, Bindings};
use crate::usrloc::bytes::Reader;
use crate::usrloc::table::Table;
use crate::usrloc::update::{Matching, Refused, Update};
use expect_test::{Expect, expect};

/// Each line: `time call-id cseq contact...`; a contact is `uri=seconds`, `*` clears. Options after
/// `|`: `max=N force equal matching=1 matching=parameter`.
fn check(story: &str, expected: Expect) {
    let mut table = Table::new([1, 2, 3, 4]);
    let mut told = String::new();
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (words, options) = line.split_once('|').unwrap_or((line, ""));
        let words: Vec<&str> = words.split_whitespace().collect();
        let now: u32 = words[0].parse().unwrap();
        let cseq = words[2].parse().unwrap();
        let mut contacts = Vec::new();
        let mut update = Update {
            call_id: words[1].as_bytes(),
            cseq,
            cseq_delay: 20,
            ..Update::default()
        };
        for contact in &words[3..] {
            if *contact == "*" {
                update.all = true;
                continue;
            }
            let (uri, seconds) = contact.rsplit_once('=').unwrap();
            Binding {
                contact: uri.as_bytes(),
                call_id: words[1].as_bytes(),
                cseq,
                expires: now + seconds.parse::<u32>().unwrap(),
                modified: now,
                methods: u32::MAX,
                ..Binding::default()
            }
            .write(&mut contacts);
        }
        for option in options.split_whitespace() {
            match option.split_once('=') {
                None if option == "force" => update.force = true,
                None if option == "equal" => update.equal_cseq = true,
                Some(("max", number)) => update.contacts_max = number.parse().unwrap(),
                Some(("matching", "1")) => update.matching = Matching::ContactAndCallId,
                Some(("matching", name)) => update.matching = Matching::Parameter(name.as_bytes()),
                _ => panic!("{option}"),
            }
        }
        // By way of the letter, as another shard would ask.
        let mut letter = Vec::new();
        update.write(&contacts, &mut letter);
        let update = Update::read(Reader::new(&letter)).unwrap();
        let result = table.update(b"bob", now, &update);
        told += &format!(
            "{now} {:9}",
            result.map_or_else(|why| format!("{why:?}"), |()| "done".into())
        );
        let mut kept: Vec<String> = live(table.bindings(b"bob"), now);
        kept.sort();
        told = format!("{} {}", told, kept.join(" ")).trim_end().to_owned() + "\n";
    }
    expected.assert_eq(&told);
}

fn live(bindings: Bindings<'_>, now: u32) -> Vec<String> {
    bindings
        .filter(|binding| !binding.is_expired(now))
        .map(|binding| {
            format!(
                "{}={}#{}",
                binding.contact.escape_ascii(),
                binding.expires - now,
                binding.cseq
            )
        })
        .collect()
}

#[test]
fn adds_refreshes_and_removes_contacts() {
    check(
        "
        100 c1 1 sip:a@h=60
        110 c1 2 sip:a@h=60 sip:b@h=30
        120 c1 3 sip:a@h=0
        ",
        expect![[r#"
              100 done      sip:a@h=60#1
              110 done      sip:a@h=60#2 sip:b@h=30#2
              120 done      sip:b@h=20#2
        "#]],
    );
}

#[test]
fn of_a_contact_that_stands_twice_the_last_word_counts() {
    check(
        "
        100 c1 1 sip:a@h=60 sip:a@h=0
        101 c1 2 sip:a@h=0 sip:a@h=60
        ",
        expect![[r#"
              100 done
              101 done      sip:a@h=60#2
        "#]],
    );
}

#[test]
fn contacts_are_compared_as_uris() {
    check(
        "
        100 c1 1 sip:a@H:5060;transport=udp=60
        101 c1 2 sip:%61@h:5060;Transport=UDP=30
        102 c1 3 sip:A@h:5060;transport=udp=30
        ",
        expect![[r#"
              100 done      sip:a@H:5060;transport=udp=60#1
              101 done      sip:%61@h:5060;Transport=UDP=30#2
              102 done      sip:%61@h:5060;Transport=UDP=29#2 sip:A@h:5060;transport=udp=30#3
        "#]],
    );
}

#[test]
fn a_lower_cseq_of_the_same_call_changes_nothing() {
    check(
        "
        100 c1 5 sip:a@h=60
        101 c1 4 sip:a@h=0
        102 c1 4 sip:new@h=60 sip:a@h=90
        103 c2 1 sip:a@h=90
        ",
        expect![[r#"
              100 done      sip:a@h=60#5
              101 Cseq      sip:a@h=59#5
              102 Cseq      sip:a@h=58#5
              103 done      sip:a@h=90#1
        "#]],
    );
}

#[test]
fn an_equal_cseq_is_a_repetition_for_a_while_and_then_an_error() {
    check(
        "
        100 c1 5 sip:a@h=60
        119 c1 5 sip:a@h=90
        120 c1 5 sip:a@h=90
        121 c1 5 sip:a@h=90 | equal
        ",
        expect![[r#"
              100 done      sip:a@h=60#5
              119 Repeated  sip:a@h=41#5
              120 Cseq      sip:a@h=40#5
              121 done      sip:a@h=90#5
        "#]],
    );
}

#[test]
fn a_star_forgets_all_unless_one_is_younger() {
    check(
        "
        100 c1 5 sip:a@h=60
        100 c2 9 sip:b@h=60
        101 c2 9 *
        130 c2 8 *
        131 c1 6 *
        132 c3 1 *
        132 c3 1 *
        ",
        expect![[r#"
              100 done      sip:a@h=60#5
              100 done      sip:a@h=60#5 sip:b@h=60#9
              101 Repeated  sip:a@h=59#5 sip:b@h=59#9
              130 Cseq      sip:a@h=30#5 sip:b@h=30#9
              131 done
              132 done
              132 done
        "#]],
    );
}

#[test]
fn what_has_ended_neither_counts_nor_orders() {
    check(
        "
        100 c1 5 sip:a@h=10
        110 c1 4 sip:a@h=10 sip:b@h=10 | max=2
        ",
        expect![[r#"
              100 done      sip:a@h=10#5
              110 done      sip:a@h=10#4 sip:b@h=10#4
        "#]],
    );
}

#[test]
fn too_many_contacts_are_refused_whole_or_push_out_the_oldest() {
    check(
        "
        100 c1 1 sip:a@h=60 sip:b@h=60 | max=2
        101 c2 1 sip:c@h=60 | max=2
        102 c2 2 sip:c@h=60 sip:a@h=0 | max=2
        103 c3 1 sip:d@h=60 | max=2 force
        104 c3 2 sip:d@h=60 | max=1
        ",
        expect![[r#"
              100 done      sip:a@h=60#1 sip:b@h=60#1
              101 TooMany   sip:a@h=59#1 sip:b@h=59#1
              102 done      sip:b@h=58#1 sip:c@h=60#2
              103 done      sip:c@h=59#2 sip:d@h=60#1
              104 done      sip:c@h=58#2 sip:d@h=60#2
        "#]],
    );
}

#[test]
fn the_call_id_distinguishes_contacts_when_asked_to() {
    check(
        "
        100 c1 1 sip:a@h=60 | matching=1
        101 c2 1 sip:a@h=60 | matching=1
        102 c2 2 sip:a@h=0 | matching=1
        ",
        expect![[r#"
              100 done      sip:a@h=60#1
              101 done      sip:a@h=59#1 sip:a@h=60#1
              102 done      sip:a@h=58#1
        "#]],
    );
}

#[test]
fn an_address_never_has_more_contacts_than_can_be_compared() {
    let mut table = Table::new([1, 2, 3, 4]);
    let register = |table: &mut Table, cseq: u32, from: usize, count: usize| {
        let mut contacts = Vec::new();
        for number in from..from + count {
            let uri = format!("sip:a{number}@h");
            Binding {
                contact: uri.as_bytes(),
                call_id: b"c1",
                cseq,
                expires: 200,
                modified: 100,
                methods: u32::MAX,
                ..Binding::default()
            }
            .write(&mut contacts);
        }
        let update = Update {
            call_id: b"c1",
            cseq,
            contacts: Bindings::new(&contacts),
            ..Update::default()
        };
        table.update(b"bob", 100, &update)
    };
    assert_eq!(register(&mut table, 1, 0, CONTACTS_MAX - 1), Ok(()));
    assert_eq!(register(&mut table, 2, 200, 2), Err(Refused::TooMany));
    assert_eq!(register(&mut table, 3, 300, 1), Ok(()));
    assert_eq!(register(&mut table, 4, 400, 1), Err(Refused::TooMany));
    assert_eq!(table.bindings(b"bob").count(), CONTACTS_MAX);
}
