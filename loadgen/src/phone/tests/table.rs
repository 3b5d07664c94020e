//! Tokens name their records and nothing else.

use super::super::slab::{Key, Slab};
use super::super::token::{Kind, Mint};

#[test]
fn a_token_reads_back_as_its_key_and_only_as_its_kind() {
    let mint = Mint::new(42);
    for slot in [0, 1, 77, 1 << 20] {
        for generation in [1, 2, u32::MAX] {
            let key = Key { slot, generation };
            let token = mint.token(Kind::Tag, key);
            assert_eq!(mint.read(Kind::Tag, &token), Some(key));
            assert_ne!(mint.read(Kind::Branch, &token), Some(key));
            assert_ne!(Mint::new(43).read(Kind::Tag, &token), Some(key));
        }
    }
    assert_eq!(mint.read(Kind::Tag, b"too short"), None);
    assert_eq!(mint.read(Kind::Tag, b"ABCDEFGHIJKLMNOP"), None);
}

#[test]
fn a_slot_used_again_is_not_found_by_its_old_key() {
    let mut slab = Slab::new(2);
    let first = slab.insert("first").unwrap();
    assert_eq!(slab.next_key().map(|key| key.slot), Some(1));
    assert_eq!(slab.remove(first), Some("first"));
    let second = slab.insert("second").unwrap();
    assert_eq!(
        (second.slot, slab.get(first), slab.get(second)),
        (first.slot, None, Some(&"second"))
    );
    assert_eq!(slab.remove(first), None);
    assert!(slab.insert("third").is_some());
    assert_eq!(slab.insert("too many"), None);
    assert_eq!(slab.len(), 2);
}
