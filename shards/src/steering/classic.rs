//! The classic BPF program: finds the token that we put into our Via and Record-Route.
//!
//! Classic programs have no loops and cannot hash, but they need no permission. Of a response the branch of the first
//! Via is looked for, of a request the cookie in the first Route; both begin with eight digits of the hash of their
//! call. Nothing checks them here, so the engine does. A request without our Route is left to the kernel, which takes
//! the addresses: the first request of a call may be handed over, what follows comes to the right shard.
//!
//! The search is unrolled. The idea: of a word of seven letters, one of its four pieces of four letters begins at a
//! multiple of four, so one load in four places finds it.

use wire::DatagramSocket;
use wire::steering::UNDECIDED;
use wire::steering::classic::{Alu, Assembly, Code, Label, Operand, When};

/// How far each part of the search goes.
#[derive(Clone, Copy, Debug)]
struct Reach {
    /// Of a response: where the branch of its first Via is looked for, up to this byte.
    branch: u32,
    /// Of a request: where its first Route is looked for, up to this byte.
    route: u32,
    /// How far behind the name `Route` its cookie may be.
    cookie: u32,
}

/// Programs in the order in which they are tried: kernels before 6.8 take a program of 20 KiB, translated, unless
/// net.core.optmem_max is raised.
const REACHES: [Reach; 3] = [
    Reach {
        branch: 320,
        route: 640,
        cookie: 112,
    },
    Reach {
        branch: 192,
        route: 360,
        cookie: 80,
    },
    Reach {
        branch: 128,
        route: 192,
        cookie: 64,
    },
];

/// A start line is longer than this.
const START: u32 = 16;

/// Where the first byte of a token is, and the halves of its hash.
const TOKEN: u32 = 0;
const HIGH: u32 = 1;
const LOW: u32 = 2;

/// Gives the longest program that the kernel takes to each group.
pub(super) fn attach(shards: u16, groups: &[&DatagramSocket]) -> Result<(), String> {
    let mut why = String::new();
    for reach in REACHES {
        let code = program_of(shards, reach);
        match groups.iter().try_for_each(|one| one.steer_classic(&code)) {
            Ok(()) => return Ok(()),
            Err(error) => {
                why = format!(
                    "attaching {} instructions failed ({error}); it may be that net.core.optmem_max is too small",
                    code.len()
                );
            }
        }
    }
    Err(why)
}

/// The longest program for so many shards.
#[cfg(test)]
pub(super) fn program(shards: u16) -> Code {
    program_of(shards, REACHES[0])
}

#[cfg(test)]
pub(super) fn shortest(shards: u16) -> Code {
    program_of(shards, REACHES[REACHES.len() - 1])
}

fn program_of(shards: u16, reach: Reach) -> Code {
    let mut a = Assembly::new();
    let (response, token) = (a.label(), a.label());
    at_least(&mut a, START + 4);
    a.word_at(0);
    let request = a.label();
    a.jump(
        When::Equal,
        u32::from_be_bytes(*b"SIP/"),
        None,
        Some(request),
    );
    a.goto(response);
    a.place(request);
    find_cookie(&mut a, reach, token);
    a.place(response);
    find_branch(&mut a, reach, token);
    a.place(token);
    decide(&mut a, shards);
    a.finish()
}

/// Ends undecided unless the datagram has so many bytes.
fn at_least(a: &mut Assembly, bytes: u32) {
    let is_long = a.label();
    a.length();
    a.jump(When::AtLeast, bytes, Some(is_long), None);
    a.answer(UNDECIDED);
    a.place(is_long);
}

/// Ends undecided unless so many bytes follow from `x` on.
fn at_least_behind(a: &mut Assembly, bytes: u32) {
    let is_long = a.label();
    a.length();
    a.alu(Alu::Sub, Operand::X);
    a.jump(When::AtLeast, bytes, Some(is_long), None);
    a.answer(UNDECIDED);
    a.place(is_long);
}

/// Ends undecided unless these bytes stand at `x + at`.
fn must_be(a: &mut Assembly, at: u32, bytes: &[u8; 4]) {
    let is = a.label();
    a.word(at);
    a.jump(When::Equal, u32::from_be_bytes(*bytes), Some(is), None);
    a.answer(UNDECIDED);
    a.place(is);
}

/// Looks for a text up to `end` bytes from the front; `x` is where it begins when it goes to `found`. What is found
/// is four letters of it. Ends undecided.
fn search(a: &mut Assembly, text: &[u8], end: u32, found: Label) {
    /// So many that a jump over them is short.
    const LOADS_OF_A_PART: u32 = 16;
    let pieces: Vec<u32> = text
        .windows(4)
        .map(|piece| u32::from_be_bytes(piece.try_into().expect("four letters")))
        .collect();
    let stride = pieces.len() as u32;
    let mut at = START;
    while at < end {
        let next_part = a.label();
        let landings: Vec<Label> = pieces.iter().map(|_| a.label()).collect();
        at_least(a, at + LOADS_OF_A_PART * stride + 4);
        for _ in 0..LOADS_OF_A_PART {
            a.index(at);
            a.word_at(at);
            for (&piece, &landing) in pieces.iter().zip(&landings) {
                a.jump(When::Equal, piece, Some(landing), None);
            }
            at += stride;
        }
        a.goto(next_part);
        for (before, landing) in (0..).zip(landings) {
            a.place(landing);
            if before > 0 {
                a.from_index();
                a.alu(Alu::Sub, Operand::Constant(before));
                a.to_index();
            }
            a.goto(found);
        }
        a.place(next_part);
    }
    a.answer(UNDECIDED);
}

/// Of a response: our branch.
fn find_branch(a: &mut Assembly, reach: Reach, token: Label) {
    /// Magic cookie and token.
    const BRANCH_BYTES: u32 = 36;
    let found = a.label();
    search(a, b"z9hG4bK", reach.branch, found);
    a.place(found);
    at_least_behind(a, BRANCH_BYTES);
    must_be(a, 0, b"z9hG");
    must_be(a, 3, b"G4bK");
    // Somebody else's branch has none of our kinds there.
    let (is_ours, other) = (a.label(), a.label());
    a.byte(15);
    a.jump(When::Equal, u32::from(b'c'), Some(is_ours), None);
    a.jump(When::Equal, u32::from(b's'), Some(is_ours), Some(other));
    a.place(other);
    a.answer(UNDECIDED);
    a.place(is_ours);
    a.from_index();
    a.alu(Alu::Add, Operand::Constant(7));
    a.store(TOKEN);
    a.goto(token);
}

/// Of a request: the cookie in its first Route.
fn find_cookie(a: &mut Assembly, reach: Reach, token: Label) {
    const NAME: &[u8; 8] = b"\r\nRoute:";
    const COOKIE: &[u8; 5] = b";own=";
    const LOADS_OF_A_PART: u32 = 8;
    let found = a.label();
    search(a, NAME, reach.route, found);
    a.place(found);
    at_least_behind(a, NAME.len() as u32);
    must_be(a, 0, b"\r\nRo");
    must_be(a, 4, b"ute:");
    a.from_index();
    a.store(TOKEN);
    let (first, second) = (*b";own", *b"own=");
    let is_cookie = a.label();
    let mut at = NAME.len() as u32;
    while at < reach.cookie {
        let next_part = a.label();
        at_least_behind(a, at + 2 * LOADS_OF_A_PART + 4);
        let mut landings = Vec::new();
        for _ in 0..LOADS_OF_A_PART {
            let (here, before) = (a.label(), a.label());
            a.word(at);
            a.jump(When::Equal, u32::from_be_bytes(first), Some(here), None);
            a.jump(When::Equal, u32::from_be_bytes(second), Some(before), None);
            landings.push((here, at));
            landings.push((before, at - 1));
            at += 2;
        }
        a.goto(next_part);
        for (landing, distance) in landings {
            a.place(landing);
            a.constant(distance + COOKIE.len() as u32);
            a.goto(is_cookie);
        }
        a.place(next_part);
    }
    a.answer(UNDECIDED);
    // a: how far behind x the cookie begins.
    a.place(is_cookie);
    a.alu(Alu::Add, Operand::X);
    a.store(TOKEN);
    a.goto(token);
}

/// The shard of the eight digits at the token, as `Owner::shard` has it: the hash times the shards, without the low 32
/// bits. Here in halves of 16 bits.
fn decide(a: &mut Assembly, shards: u16) {
    a.load_index(TOKEN);
    at_least_behind(a, 8);
    for (half, from) in [(HIGH, 0), (LOW, 4)] {
        for digit in 0..4 {
            let (letter, number, both) = (a.label(), a.label(), a.label());
            a.load_index(TOKEN);
            a.byte(from + digit);
            a.jump(When::AtLeast, u32::from(b'a'), Some(letter), Some(number));
            a.place(letter);
            a.alu(Alu::Sub, Operand::Constant(u32::from(b'a' - 10)));
            a.goto(both);
            a.place(number);
            a.alu(Alu::Sub, Operand::Constant(u32::from(b'0')));
            a.place(both);
            a.alu(Alu::And, Operand::Constant(15));
            a.alu(Alu::ShiftLeft, Operand::Constant(4 * (3 - digit)));
            if digit > 0 {
                a.load_index(half);
                a.alu(Alu::Add, Operand::X);
            }
            a.store(half);
        }
    }
    a.load(LOW);
    a.alu(Alu::Mul, Operand::Constant(u32::from(shards)));
    a.alu(Alu::ShiftRight, Operand::Constant(16));
    a.to_index();
    a.load(HIGH);
    a.alu(Alu::Mul, Operand::Constant(u32::from(shards)));
    a.alu(Alu::Add, Operand::X);
    a.alu(Alu::ShiftRight, Operand::Constant(16));
    a.answer_a();
}
