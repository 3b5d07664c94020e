use super::*;
use crate::random::Random;

const KEY: [u8; 16] = *b"0123456789abcdef";

fn owner(shards: u16) -> Owner {
    Owner::new(KEY, shards)
}

fn request(call_id: &[u8]) -> Peek<'_> {
    Peek {
        call_id: Some(call_id),
        ..Peek::default()
    }
}

fn response<'a>(call_id: &'a [u8], branch: &'a [u8]) -> Peek<'a> {
    Peek {
        is_response: true,
        call_id: Some(call_id),
        branch: Some(branch),
        route: None,
    }
}

fn branch(token: &[u8]) -> Vec<u8> {
    [MAGIC_COOKIE, token].concat()
}

#[test]
fn a_call_stays_with_one_shard_and_calls_spread_evenly() {
    let owner = owner(4);
    let mut count = [0; 4];
    for number in 0..4_000 {
        let call_id = format!("{number}@phone");
        let shard = owner.of(&request(call_id.as_bytes())).unwrap();
        assert_eq!(
            owner.of(&response(call_id.as_bytes(), b"z9hG4bKsomebody-elses")),
            Some(shard)
        );
        count[usize::from(shard.0)] += 1;
    }
    assert!(
        count.iter().all(|&calls| (900..1_100).contains(&calls)),
        "{count:?}"
    );
}

#[test]
fn a_response_finds_its_transaction_and_shard_by_our_branch() {
    let owner = owner(8);
    let client = ClientId::new(0x12_3456, 0xabcdef);
    let hash = OwnerHash(0xdead_beef);
    let token = branch(&owner.mint_branch(hash, b"call", client));
    assert_eq!(token.len(), MAGIC_COOKIE.len() + BRANCH_TOKEN_LEN);
    assert_eq!(
        owner.read_branch(&token, b"call"),
        Some((hash, BranchToken::Client(client)))
    );
    assert_eq!(
        owner.of(&response(b"call", &token)),
        Some(owner.shard(hash))
    );
    let with_loop_part = [&token[..], b".0a1b2c3d"].concat();
    assert_eq!(
        owner.read_branch(&with_loop_part, b"call"),
        Some((hash, BranchToken::Client(client)))
    );
}

#[test]
fn a_stateless_branch_repeats_for_a_retransmission_only() {
    let owner = owner(2);
    let mint = |identity: &[&[u8]]| owner.mint_stateless_branch(OwnerHash(7), b"call", identity);
    assert_eq!(mint(&[b"z9hG4bKa", b"1"]), mint(&[b"z9hG4bKa", b"1"]));
    assert_ne!(mint(&[b"z9hG4bKa", b"1"]), mint(&[b"z9hG4bKa1", b""]));
    let token = branch(&mint(&[b"z9hG4bKa"]));
    assert_eq!(
        owner.read_branch(&token, b"call"),
        Some((OwnerHash(7), BranchToken::Stateless))
    );
}

#[test]
fn no_message_chooses_its_shard() {
    // Whoever guesses, changes or replays a token is sent where his Call-ID belongs.
    let owner = owner(64);
    let mut random = Random::new(1);
    for number in 0..2_000u32 {
        let call_id = format!("{number}@attacker");
        let by_call_id = owner.of(&request(call_id.as_bytes()));
        let hash = OwnerHash(random.next_u64() as u32);

        // Replayed from another call.
        let overheard = branch(&owner.mint_branch(hash, b"another call", ClientId::new(1, 1)));
        assert_eq!(
            owner.of(&response(call_id.as_bytes(), &overheard)),
            by_call_id
        );
        let cookie = owner.mint_cookie(hash, b"another call");
        let route = [b"<sip:tandem;lr;own=", &cookie[..], b">"].concat();
        let peek = Peek {
            route: Some(&route),
            ..request(call_id.as_bytes())
        };
        assert_eq!(owner.of(&peek), by_call_id);

        // His own, one digit changed.
        let mut changed = branch(&owner.mint_branch(hash, call_id.as_bytes(), ClientId::new(1, 1)));
        let at = MAGIC_COOKIE.len() + random.below(BRANCH_TOKEN_LEN as u32) as usize;
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        assert_eq!(
            owner.of(&response(call_id.as_bytes(), &changed)),
            by_call_id
        );

        // A Call-ID that looks like one of ours.
        let mut minted = owner.mint_call_id(hash, random.next_u64()).to_vec();
        minted[random.below(16) as usize] ^= 1;
        assert_eq!(owner.hash_of_call(&minted), owner.hash_of_key(&minted));
    }
}

#[test]
fn another_key_owns_otherwise() {
    let (ours, theirs) = (owner(1 << 15), Owner::new([7; 16], 1 << 15));
    let same = (0..1_000u32).filter(|number| {
        ours.of_key(&number.to_le_bytes()) == theirs.of_key(&number.to_le_bytes())
    });
    assert!(same.count() < 5);
    let token = branch(&theirs.mint_branch(OwnerHash(1), b"call", ClientId::new(1, 1)));
    assert_eq!(ours.read_branch(&token, b"call"), None);
}

#[test]
fn tokens_of_another_number_of_shards_still_resolve() {
    let (before, after) = (owner(3), owner(7));
    let hash = before.hash_of_call(b"call");
    let token = branch(&before.mint_branch(hash, b"call", ClientId::new(5, 9)));
    assert_eq!(
        after.of(&response(b"call", &token)),
        after.of(&request(b"call"))
    );
    let cookie = before.mint_cookie(OwnerHash(42), b"call");
    let route = [b"<sip:10.0.0.1;lr;own=", &cookie[..], b">, <sip:next;lr>"].concat();
    let peek = Peek {
        route: Some(&route),
        ..request(b"call")
    };
    assert_eq!(after.of(&peek), Some(after.shard(OwnerHash(42))));
    assert_eq!(before.of(&peek), Some(before.shard(OwnerHash(42))));
}

#[test]
fn both_legs_of_a_call_of_ours_carry_one_hash() {
    let owner = owner(16);
    let first = owner.hash_of_call(b"leg one@phone");
    let call_id = [&owner.mint_call_id(first, 99)[..], b"@tandem"].concat();
    assert_eq!(owner.hash_of_call(&call_id), first);
    assert_eq!(
        owner.of(&request(&call_id)),
        owner.of(&request(b"leg one@phone"))
    );
}

#[test]
fn what_names_no_call_has_no_owner() {
    assert_eq!(owner(2).of(&Peek::default()), None);
}
