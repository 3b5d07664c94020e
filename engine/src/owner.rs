//! Ownership: which shard a message belongs to, the same answer everywhere.
//!
//! One function decides ([`Owner::of`]): a response by the token in our top Via branch; a request
//! by the hash in a Call-ID or Route cookie that we minted; anything else by the hash of its
//! Call-ID. Tokens carry the *hash*, not the shard, so that another number of shards still finds
//! its way, and a check keyed with the installation's key and bound to the Call-ID: nobody can
//! make a token, and a token that was overheard does not work for another call. So no peer
//! chooses a shard.
//!
//! Everything written is lower-case hexadecimal at fixed places, so that a steering program can
//! read it. Tables inside the engine hash with ahash; this hash never leaves this room unkeyed.

use std::hash::Hasher;
use std::ops::Deref;

use memchr::memmem;
use parser::Peek;
use parser::header::via::MAGIC_COOKIE;
use siphasher::sip::SipHasher13;

use crate::input::ShardId;
use crate::slab::{ClientId, Key};

/// The hash of an owning key: what tokens carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnerHash(pub u32);

/// What follows the magic cookie in a branch of ours, a Record-Route cookie, or a minted Call-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<const N: usize>([u8; N]);

/// What a branch of ours says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchToken {
    /// A client transaction of the hash's shard.
    Client(ClientId),
    /// A request we forwarded without state.
    Stateless,
}

/// Characters of a branch after the magic cookie: hash 8, kind 1, slot 6, generation 6, check 8.
pub const BRANCH_TOKEN_LEN: usize = 29;
/// Characters of a Record-Route cookie: hash 8, check 8.
pub const COOKIE_LEN: usize = 16;
/// Characters of a minted Call-ID before the `@`: hash 8, check 8, chance 16.
pub const CALL_ID_LEN: usize = 32;
/// The name of the parameter of our Record-Route that holds the cookie.
pub const COOKIE_PARAM: &[u8] = b"own";

/// What a steering program needs to decide as [`Owner::of`] does: the halves of each key of SipHash-1-3. Secret, so it
/// is not `Debug`.
#[derive(Clone, Copy)]
pub struct SteeringKeys {
    /// Of the hash of a Call-ID.
    pub owning: (u64, u64),
    /// Of the check in a branch.
    pub branch: (u64, u64),
    /// Of the check in a Record-Route cookie.
    pub cookie: (u64, u64),
    /// Of the check in a minted Call-ID.
    pub call_id: (u64, u64),
}

/// Decides, mints and checks.
#[derive(Clone)]
pub struct Owner {
    owning: SipHasher13,
    branch: SipHasher13,
    cookie: SipHasher13,
    call_id: SipHasher13,
    stateless: SipHasher13,
    shards: u16,
}

impl Owner {
    /// For an installation with this key, running this many shards.
    #[must_use]
    pub fn new(key: [u8; 16], shards: u16) -> Self {
        let derive = |label: &[u8]| {
            let half = |number: u8| {
                let mut hasher = SipHasher13::new_with_key(&key);
                hasher.write(label);
                hasher.write_u8(number);
                hasher.finish()
            };
            SipHasher13::new_with_keys(half(1), half(2))
        };
        Self {
            owning: derive(b"owning"),
            branch: derive(b"branch"),
            cookie: derive(b"cookie"),
            call_id: derive(b"call-id"),
            stateless: derive(b"stateless"),
            shards: shards.max(1),
        }
    }

    /// The shard a message belongs to. `None`: it names no call, whoever received it answers.
    #[must_use]
    pub fn of(&self, peek: &Peek<'_>) -> Option<ShardId> {
        self.hash(peek).map(|hash| self.shard(hash))
    }

    /// The hash a message belongs to.
    #[must_use]
    pub fn hash(&self, peek: &Peek<'_>) -> Option<OwnerHash> {
        let call_id = peek.call_id?;
        let said = if peek.is_response {
            peek.branch
                .and_then(|branch| self.read_branch(branch, call_id))
                .map(|(hash, _)| hash)
        } else {
            peek.route.and_then(|route| self.read_route(route, call_id))
        };
        Some(said.unwrap_or_else(|| self.hash_of_call(call_id)))
    }

    /// The hash of a call: the one a Call-ID of ours carries, else the Call-ID's own.
    #[must_use]
    pub fn hash_of_call(&self, call_id: &[u8]) -> OwnerHash {
        self.read_call_id(call_id)
            .unwrap_or_else(|| self.hash_of_key(call_id))
    }

    /// The hash of any other key: an AoR, a lock.
    #[must_use]
    pub fn hash_of_key(&self, key: &[u8]) -> OwnerHash {
        OwnerHash(keyed(&self.owning, &[key]) as u32)
    }

    /// The shard of any other key: an AoR, a lock.
    #[must_use]
    pub fn of_key(&self, key: &[u8]) -> ShardId {
        self.shard(self.hash_of_key(key))
    }

    /// The shard of a hash, now.
    #[must_use]
    pub fn shard(&self, hash: OwnerHash) -> ShardId {
        ShardId(((u64::from(hash.0) * u64::from(self.shards)) >> 32) as u16)
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// What a steering program is made with.
    #[must_use]
    pub fn steering_keys(&self) -> SteeringKeys {
        SteeringKeys {
            owning: self.owning.keys(),
            branch: self.branch.keys(),
            cookie: self.cookie.keys(),
            call_id: self.call_id.keys(),
        }
    }

    /// The branch of a client transaction, without the magic cookie.
    #[must_use]
    pub fn mint_branch(
        &self,
        hash: OwnerHash,
        call_id: &[u8],
        client: ClientId,
    ) -> Token<BRANCH_TOKEN_LEN> {
        let body = (u64::from(client.slot() & 0xff_ffff) << 24)
            | u64::from(client.generation() & 0xff_ffff);
        self.branch_token(hash, call_id, b'c', body)
    }

    /// The branch of a request forwarded without state: the same for each retransmission
    /// (RFC 3261 §16.11), because it depends on nothing but `identity`, the parts of the request
    /// that a retransmission repeats.
    #[must_use]
    pub fn mint_stateless_branch(
        &self,
        hash: OwnerHash,
        call_id: &[u8],
        identity: &[&[u8]],
    ) -> Token<BRANCH_TOKEN_LEN> {
        self.branch_token(hash, call_id, b's', keyed(&self.stateless, identity) >> 16)
    }

    /// Reads a whole branch (magic cookie included; what follows the token is the proxy core's).
    #[must_use]
    pub fn read_branch(&self, branch: &[u8], call_id: &[u8]) -> Option<(OwnerHash, BranchToken)> {
        let token = branch.strip_prefix(MAGIC_COOKIE)?;
        let (token, rest) = token.split_at_checked(BRANCH_TOKEN_LEN)?;
        if !(rest.is_empty() || rest[0] == b'.') {
            return None;
        }
        let hash = OwnerHash(read_hex(&token[..8])? as u32);
        let body = read_hex(&token[9..21])?;
        let check = read_hex(&token[21..])? as u32;
        if check != self.branch_check(hash, token[8], body, call_id) {
            return None;
        }
        match token[8] {
            b'c' => Some((
                hash,
                BranchToken::Client(ClientId::new((body >> 24) as u32, body as u32 & 0xff_ffff)),
            )),
            b's' => Some((hash, BranchToken::Stateless)),
            _ => None,
        }
    }

    /// The cookie that our Record-Route carries as its parameter [`COOKIE_PARAM`].
    #[must_use]
    pub fn mint_cookie(&self, hash: OwnerHash, call_id: &[u8]) -> Token<COOKIE_LEN> {
        let mut token = Token([0; COOKIE_LEN]);
        write_hex(u64::from(hash.0), &mut token.0[..8]);
        write_hex(
            u64::from(self.cookie_check(hash, call_id)),
            &mut token.0[8..],
        );
        token
    }

    /// Reads a cookie's value.
    #[must_use]
    pub fn read_cookie(&self, cookie: &[u8], call_id: &[u8]) -> Option<OwnerHash> {
        if cookie.len() != COOKIE_LEN {
            return None;
        }
        let hash = OwnerHash(read_hex(&cookie[..8])? as u32);
        let check = read_hex(&cookie[8..])? as u32;
        (check == self.cookie_check(hash, call_id)).then_some(hash)
    }

    /// The part before the `@` of a Call-ID of our own, that belongs to `hash`. `chance` makes it
    /// unique in space and time.
    #[must_use]
    pub fn mint_call_id(&self, hash: OwnerHash, chance: u64) -> Token<CALL_ID_LEN> {
        let mut token = Token([0; CALL_ID_LEN]);
        write_hex(u64::from(hash.0), &mut token.0[..8]);
        write_hex(
            u64::from(self.call_id_check(hash, chance)),
            &mut token.0[8..16],
        );
        write_hex(chance, &mut token.0[16..]);
        token
    }

    fn read_call_id(&self, call_id: &[u8]) -> Option<OwnerHash> {
        let (token, rest) = call_id.split_at_checked(CALL_ID_LEN)?;
        if !(rest.is_empty() || rest[0] == b'@') {
            return None;
        }
        let hash = OwnerHash(read_hex(&token[..8])? as u32);
        let check = read_hex(&token[8..16])? as u32;
        (check == self.call_id_check(hash, read_hex(&token[16..])?)).then_some(hash)
    }

    /// The cookie in the first Route, wherever it stands in it.
    fn read_route(&self, route: &[u8], call_id: &[u8]) -> Option<OwnerHash> {
        const NEEDLE: &[u8] = b";own=";
        let at = memmem::find(route, NEEDLE)? + NEEDLE.len();
        self.read_cookie(route.get(at..at + COOKIE_LEN)?, call_id)
    }

    fn branch_token(
        &self,
        hash: OwnerHash,
        call_id: &[u8],
        kind: u8,
        body: u64,
    ) -> Token<BRANCH_TOKEN_LEN> {
        let mut token = Token([0; BRANCH_TOKEN_LEN]);
        write_hex(u64::from(hash.0), &mut token.0[..8]);
        token.0[8] = kind;
        write_hex(body, &mut token.0[9..21]);
        write_hex(
            u64::from(self.branch_check(hash, kind, body, call_id)),
            &mut token.0[21..],
        );
        token
    }

    fn branch_check(&self, hash: OwnerHash, kind: u8, body: u64, call_id: &[u8]) -> u32 {
        keyed(
            &self.branch,
            &[&hash.0.to_le_bytes(), &[kind], &body.to_le_bytes(), call_id],
        ) as u32
    }

    fn cookie_check(&self, hash: OwnerHash, call_id: &[u8]) -> u32 {
        keyed(&self.cookie, &[&hash.0.to_le_bytes(), call_id]) as u32
    }

    fn call_id_check(&self, hash: OwnerHash, chance: u64) -> u32 {
        keyed(
            &self.call_id,
            &[&hash.0.to_le_bytes(), &chance.to_le_bytes()],
        ) as u32
    }
}

impl<const N: usize> Deref for Token<N> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Owner {
    /// Says nothing of the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Owner({} shards)", self.shards)
    }
}

/// The keyed hash of several parts, each with its length, so that no two lists look alike.
fn keyed(hasher: &SipHasher13, parts: &[&[u8]]) -> u64 {
    let mut hasher = *hasher;
    if let [part] = parts {
        hasher.write(part);
        return hasher.finish();
    }
    for part in parts {
        hasher.write_u16(part.len() as u16);
        hasher.write(part);
    }
    hasher.finish()
}

fn write_hex(value: u64, out: &mut [u8]) {
    let digits = out.len();
    for (place, digit) in out.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(value >> (4 * (digits - 1 - place))) as usize & 15];
    }
}

/// Lower case only: what we did not write, we do not read.
fn read_hex(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |value, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((value << 4) | u64::from(digit))
    })
}

#[cfg(test)]
mod tests;
