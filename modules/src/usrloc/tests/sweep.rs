//! The sweep forgets what has ended, and the table finds what is left.

use crate::usrloc::binding::Binding;
use crate::usrloc::table::Table;

fn put(table: &mut Table, aor: &str, ends: &[u32]) {
    let Ok(()) = table.rewrite::<std::convert::Infallible>(aor.as_bytes(), |_, rewrite| {
        for (place, expires) in ends.iter().enumerate() {
            let contact = format!("sip:{aor}@10.0.0.{place}");
            rewrite.push(&Binding {
                contact: contact.as_bytes(),
                expires: *expires,
                ..Binding::default()
            });
        }
        Ok(())
    });
}

#[test]
fn a_sweep_walks_all_slots_a_slice_at_a_time() {
    let mut table = Table::new([5, 6, 7, 8]);
    for number in 0..100u32 {
        put(&mut table, &format!("user{number}"), &[100 + number, 500]);
    }
    assert_eq!((table.users(), table.contacts()), (100, 200));
    let mut ended = Vec::new();
    for _ in 0..10 {
        table.sweep(149, 10, 100, |aor, _| {
            ended.push(String::from_utf8_lossy(aor).into_owned())
        });
    }
    assert_eq!(ended.len(), 50);
    assert_eq!(
        (table.users(), table.contacts(), table.expired()),
        (100, 150, 50)
    );
    assert_eq!(table.bindings(b"user10").count(), 1);
    assert_eq!(table.bindings(b"user60").count(), 2);
    table.sweep(500, 100, 100, |_, _| {});
    assert_eq!(
        (table.users(), table.contacts(), table.expired()),
        (0, 0, 200)
    );
    assert_eq!(table.bindings(b"user60").count(), 0);
}

#[test]
fn a_freed_slot_is_used_again() {
    let mut table = Table::new([5, 6, 7, 8]);
    put(&mut table, "alice", &[10]);
    put(&mut table, "bob", &[10]);
    put(&mut table, "alice", &[]);
    put(&mut table, "carol", &[10]);
    assert_eq!(table.slots(), 2);
    assert_eq!(table.users(), 2);
    assert!(table.bindings(b"alice").next().is_none());
    assert!(table.bindings(b"carol").next().is_some());
}

#[test]
fn a_binding_costs_little_more_than_its_texts() {
    let binding = Binding {
        contact: b"sip:alice@192.0.2.10:5060;transport=udp",
        call_id: b"3848276298220188511@atlanta.example.com",
        user_agent: b"baresip v3.5.1",
        expires: 1_800_000_000,
        modified: 1_799_996_400,
        cseq: 4711,
        q: Some(1000),
        methods: u32::MAX,
        socket: 1,
        ..Binding::default()
    };
    let mut bytes = Vec::new();
    binding.write(&mut bytes);
    let texts = binding.contact.len() + binding.call_id.len() + binding.user_agent.len();
    assert_eq!(bytes.len() - texts, 26);
}

#[test]
fn a_sweep_leaves_what_is_too_much_for_the_next() {
    let mut table = Table::new([5, 6, 7, 8]);
    for number in 0..10u32 {
        put(&mut table, &format!("user{number}"), &[100]);
    }
    table.sweep(200, 10, 7, |_, _| {});
    assert_eq!(table.users(), 3);
    table.sweep(200, 10, 7, |_, _| {});
    assert_eq!(table.users(), 0);
}
