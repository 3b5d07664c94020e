//! Answers to digest challenges: RFC 2617 as RFC 3261 §22 uses it, with RFC 7616 and RFC 8760, and the form without qop
//! of RFC 2069.

use md5::Md5;
use parser::Challenge;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512_256};

/// The hash of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    // In the order of their strength.
    Md5,
    Sha256,
    Sha512Cut,
}

/// An algorithm: a hash, and whether the nonces are part of the secret (`-sess`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Algorithm {
    hash: Hash,
    session: bool,
}

/// The algorithms that a script allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Algorithms(u8);

/// What the response protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// RFC 2069: no qop.
    Old,
    Auth,
    AuthInt,
}

/// A request that is to be let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a [u8],
    /// The Request-URI.
    pub(crate) uri: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a [u8],
    pub(crate) password: &'a [u8],
}

/// A challenge that we know how to answer, or an answer of ours that is to be given again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) realm: &'a [u8],
    pub(crate) nonce: &'a [u8],
    pub(crate) algorithm: Algorithm,
    /// Whether it says that only the nonce was wrong (RFC 7616 §3.3).
    pub(crate) stale: bool,
    /// As written; `None` where the challenge leaves it out.
    algorithm_name: Option<&'a [u8]>,
    opaque: Option<&'a [u8]>,
    protection: Protection,
}

const ALGORITHMS: [(&str, Hash, bool); 6] = [
    ("MD5", Hash::Md5, false),
    ("MD5-sess", Hash::Md5, true),
    ("SHA-256", Hash::Sha256, false),
    ("SHA-256-sess", Hash::Sha256, true),
    ("SHA-512-256", Hash::Sha512Cut, false),
    ("SHA-512-256-sess", Hash::Sha512Cut, true),
];

impl Algorithms {
    pub(crate) const ALL: Algorithms = Algorithms(0b11_1111);

    /// Reads names with commas between them. What is unknown is the error.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let mut set = 0;
        for name in text.split(|&byte| byte == b',') {
            let name = name.trim_ascii();
            let place = ALGORITHMS
                .iter()
                .position(|(known, ..)| name.eq_ignore_ascii_case(known.as_bytes()));
            set |= 1u8
                << place
                    .ok_or_else(|| format!("`{}` is no digest algorithm", name.escape_ascii()))?;
        }
        Ok(Algorithms(set))
    }

    fn has(self, algorithm: Algorithm) -> bool {
        ALGORITHMS
            .iter()
            .enumerate()
            .any(|(at, &(_, hash, session))| {
                self.0 >> at & 1 == 1 && algorithm == Algorithm { hash, session }
            })
    }
}

impl Algorithm {
    fn of(name: Option<&[u8]>) -> Option<Algorithm> {
        let name = name.unwrap_or(b"MD5");
        ALGORITHMS
            .iter()
            .find(|(known, ..)| name.eq_ignore_ascii_case(known.as_bytes()))
            .map(|&(_, hash, session)| Algorithm { hash, session })
    }
}

impl Protection {
    /// `auth` where it is offered; `auth-int` where it is all that is.
    fn of(offered: Option<&[u8]>) -> Option<Protection> {
        let Some(offered) = offered else {
            return Some(Protection::Old);
        };
        let offers = |name: &[u8]| {
            offered
                .split(|&byte| byte == b',')
                .any(|one| one.trim_ascii().eq_ignore_ascii_case(name))
        };
        if offers(b"auth") {
            Some(Protection::Auth)
        } else if offers(b"auth-int") {
            Some(Protection::AuthInt)
        } else {
            None
        }
    }

    fn name(self) -> &'static [u8] {
        match self {
            Protection::Old => b"",
            Protection::Auth => b"auth",
            Protection::AuthInt => b"auth-int",
        }
    }
}

impl<'a> Question<'a> {
    /// Of a challenge, or of credentials (they repeat what they answer). `None`: not one that we can answer.
    pub(crate) fn of(challenge: &Challenge<'a>, allowed: Algorithms) -> Option<Self> {
        if !challenge.is_digest() {
            return None;
        }
        let algorithm_name = challenge.get(b"algorithm");
        let algorithm = Algorithm::of(algorithm_name).filter(|one| allowed.has(*one))?;
        let protection = Protection::of(challenge.get(b"qop"))?;
        Some(Question {
            realm: challenge.get(b"realm")?,
            nonce: challenge.get(b"nonce")?,
            algorithm,
            stale: challenge
                .get(b"stale")
                .is_some_and(|stale| stale.eq_ignore_ascii_case(b"true")),
            algorithm_name,
            opaque: challenge.get(b"opaque"),
            protection,
        })
    }

    /// Appends `Digest username=...`. `count` is how often this nonce has been used, this time included.
    pub(crate) fn answer(
        &self,
        login: Login<'_>,
        asked: &Asked<'_>,
        cnonce: &[u8],
        count: u32,
        out: &mut Vec<u8>,
    ) {
        let count = format!("{count:08x}");
        let response = self.response(login, asked, cnonce, count.as_bytes());
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
        put(&[b"Digest username=\""]);
        for &byte in login.user {
            if matches!(byte, b'"' | b'\\') {
                put(&[b"\\"]);
            }
            put(&[&[byte]]);
        }
        put(&[b"\", realm=\"", self.realm, b"\", nonce=\"", self.nonce]);
        put(&[
            b"\", uri=\"",
            asked.uri,
            b"\", response=\"",
            &response,
            b"\"",
        ]);
        if let Some(name) = self.algorithm_name {
            put(&[b", algorithm=", name]);
        }
        if let Some(opaque) = self.opaque {
            put(&[b", opaque=\"", opaque, b"\""]);
        }
        if self.protection != Protection::Old {
            put(&[
                b", qop=",
                self.protection.name(),
                b", nc=",
                count.as_bytes(),
            ]);
        }
        if self.protection != Protection::Old || self.algorithm.session {
            put(&[b", cnonce=\"", cnonce, b"\""]);
        }
    }

    fn response(
        &self,
        login: Login<'_>,
        asked: &Asked<'_>,
        cnonce: &[u8],
        count: &[u8],
    ) -> Vec<u8> {
        let hash = |parts: &[&[u8]]| self.algorithm.hash.of(parts);
        let mut secret = hash(&[login.user, self.realm, login.password]);
        if self.algorithm.session {
            secret = hash(&[&secret, self.nonce, cnonce]);
        }
        let request = match self.protection {
            Protection::AuthInt => hash(&[asked.method, asked.uri, &hash(&[asked.body])]),
            Protection::Old | Protection::Auth => hash(&[asked.method, asked.uri]),
        };
        match self.protection {
            Protection::Old => hash(&[&secret, self.nonce, &request]),
            other => hash(&[&secret, self.nonce, count, cnonce, other.name(), &request]),
        }
    }
}

impl Hash {
    /// Of the parts with a colon between each two, in hexadecimal.
    fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Hash::Md5 => digest::<Md5>(parts),
            Hash::Sha256 => digest::<Sha256>(parts),
            Hash::Sha512Cut => digest::<Sha512_256>(parts),
        }
    }
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hash = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    let digits = |byte: &u8| {
        [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]
    };
    hash.finalize().iter().flat_map(digits).collect()
}

#[cfg(test)]
#[path = "tests/digest.rs"]
mod tests;
