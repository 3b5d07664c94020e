//! Answering digest challenges: RFC 2617 as RFC 3261 §22 uses it, with the algorithms of RFC 8760.

use md5::Md5;
use parser::Challenge;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512_256};

use super::compose::{number, put};

/// What is to be proved.
pub(crate) struct Proof<'a> {
    pub(crate) user: &'a [u8],
    pub(crate) password: &'a [u8],
    pub(crate) method: &'a [u8],
    pub(crate) uri: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) cnonce: &'a [u8],
    pub(crate) count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
    Sha512Cut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// RFC 2069: no qop.
    Old,
    Auth,
    AuthInt,
}

/// Whether this is a challenge we know how to answer.
pub(crate) fn can_answer(challenge: &Challenge<'_>) -> bool {
    challenge.is_digest()
        && Algorithm::of(challenge.get(b"algorithm")).is_some()
        && Protection::of(challenge.get(b"qop")).is_some()
}

/// Appends `Digest username=...` to `out`; `false` when the challenge is one we cannot answer.
pub(crate) fn write_credentials(
    challenge: &Challenge<'_>,
    proof: &Proof<'_>,
    out: &mut Vec<u8>,
) -> bool {
    if !challenge.is_digest() {
        return false;
    }
    let (Some(realm), Some(nonce)) = (challenge.get(b"realm"), challenge.get(b"nonce")) else {
        return false;
    };
    let Some(algorithm) = Algorithm::of(challenge.get(b"algorithm")) else {
        return false;
    };
    let Some(protection) = Protection::of(challenge.get(b"qop")) else {
        return false;
    };
    let mut count = Vec::with_capacity(8);
    put(&mut count, &[format!("{:08x}", proof.count).as_bytes()]);
    let response = algorithm.response(protection, realm, nonce, &count, proof);

    put(
        out,
        &[
            b"Digest username=\"",
            proof.user,
            b"\", realm=\"",
            realm,
            b"\", nonce=\"",
            nonce,
        ],
    );
    put(
        out,
        &[
            b"\", uri=\"",
            proof.uri,
            b"\", response=\"",
            response.as_bytes(),
            b"\"",
        ],
    );
    if let Some(name) = challenge.get(b"algorithm") {
        put(out, &[b", algorithm=", name]);
    }
    if let Some(opaque) = challenge.get(b"opaque") {
        put(out, &[b", opaque=\"", opaque, b"\""]);
    }
    if protection != Protection::Old {
        put(
            out,
            &[
                b", qop=",
                protection.name(),
                b", nc=",
                &count,
                b", cnonce=\"",
                proof.cnonce,
                b"\"",
            ],
        );
    }
    true
}

/// What `answer` has to give as its response to a challenge with this algorithm and qop. `None`: it answers another one.
pub(crate) fn response(
    algorithm: Option<&[u8]>,
    qop: Option<&[u8]>,
    answer: &Challenge<'_>,
    proof: &Proof<'_>,
) -> Option<String> {
    let (realm, nonce) = (answer.get(b"realm")?, answer.get(b"nonce")?);
    let protection = Protection::of(qop)?;
    let count = answer.get(b"nc").unwrap_or_default();
    let is_named = match protection {
        Protection::Old => answer.get(b"qop").is_none(),
        named => answer.get(b"qop") == Some(named.name()) && count == b"00000001",
    };
    let algorithm = Algorithm::of(algorithm)?;
    (is_named && Algorithm::of(answer.get(b"algorithm")) == Some(algorithm))
        .then(|| algorithm.response(protection, realm, nonce, count, proof))
}

impl Algorithm {
    fn of(name: Option<&[u8]>) -> Option<Algorithm> {
        match name {
            None => Some(Algorithm::Md5),
            Some(name) if name.eq_ignore_ascii_case(b"MD5") => Some(Algorithm::Md5),
            Some(name) if name.eq_ignore_ascii_case(b"SHA-256") => Some(Algorithm::Sha256),
            Some(name) if name.eq_ignore_ascii_case(b"SHA-512-256") => Some(Algorithm::Sha512Cut),
            Some(_) => None,
        }
    }

    /// RFC 7616 §3.4.1: KD(H(A1), nonce : nc : cnonce : qop : H(A2)).
    fn response(
        self,
        protection: Protection,
        realm: &[u8],
        nonce: &[u8],
        count: &[u8],
        proof: &Proof<'_>,
    ) -> String {
        let ha1 = self.hash(&[proof.user, b":", realm, b":", proof.password]);
        let ha2 = if protection == Protection::AuthInt {
            let body = self.hash(&[proof.body]);
            self.hash(&[proof.method, b":", proof.uri, b":", body.as_bytes()])
        } else {
            self.hash(&[proof.method, b":", proof.uri])
        };
        if protection == Protection::Old {
            return self.hash(&[ha1.as_bytes(), b":", nonce, b":", ha2.as_bytes()]);
        }
        let quality = protection.name();
        self.hash(&[
            ha1.as_bytes(),
            b":",
            nonce,
            b":",
            count,
            b":",
            proof.cnonce,
            b":",
            quality,
            b":",
            ha2.as_bytes(),
        ])
    }

    fn hash(self, pieces: &[&[u8]]) -> String {
        match self {
            Algorithm::Md5 => hash::<Md5>(pieces),
            Algorithm::Sha256 => hash::<Sha256>(pieces),
            Algorithm::Sha512Cut => hash::<Sha512_256>(pieces),
        }
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

fn hash<D: Digest>(pieces: &[&[u8]]) -> String {
    let mut state = D::new();
    for piece in pieces {
        state.update(piece);
    }
    let mut text = String::with_capacity(64);
    for byte in state.finalize().as_slice() {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

/// A cnonce of eight hex digits.
pub(crate) fn cnonce(random: &mut fastrand::Rng) -> Vec<u8> {
    format!("{:08x}", random.u32(..)).into_bytes()
}

/// Reads `expires`-like numbers out of text; `None` when it is not one.
pub(crate) fn decimal(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// Appends a header line that carries a number.
pub(crate) fn number_line(out: &mut Vec<u8>, name: &[u8], value: u32) {
    put(out, &[name, b": "]);
    number(out, value);
    out.extend_from_slice(b"\r\n");
}
