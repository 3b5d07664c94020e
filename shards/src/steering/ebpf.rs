//! The eBPF program: `Peek` and `Owner::of` once more, for the kernel.
//!
//! It copies the head of a datagram into scratch memory of its core and goes through it a header line a step
//! ([`lines`]), looking eight bytes at a time for the line feed. Like `Peek` it keeps the first Call-ID (also `i`),
//! the top Via and the first Route, through folding and blanks before the colon, and stops at the blank line. Then it
//! looks for our token, checks it with our key, and computes the same keyed hash as the owner. So a peer can no more
//! choose a socket than a shard.
//!
//! What is longer than its bounds, or more oddly written than they allow, is left to the kernel (no Call-ID found) or
//! goes by its Call-ID (no token found), and the receiving shard hands it over if that was wrong.
//!
//! Loops are `bpf_loop` over a function, which the verifier looks at once: Linux 5.17. The state of the steps is in
//! the scratch memory, where the verifier assumes nothing about it, and so ends soon.

use engine::owner::SteeringKeys;
use wire::steering::UNDECIDED;
use wire::steering::ebpf::{
    Alu, Assembly, Code, Helper, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, Reg, Size,
    When,
};

/// Bytes of a message that are looked at. A Call-ID further on is left to `Peek`.
const HEAD_BYTES: i32 = 4096;
/// Shorter datagrams are no message: keep-alives.
const HEAD_BYTES_MIN: i32 = 16;
/// Bytes of a Call-ID. A longer one is left to `Peek`.
const CALL_ID_BYTES: i32 = 256;
/// Header lines, and pieces of 128 bytes of longer ones.
const STEPS: i32 = 256;
/// Parameters of a Via or Route, and pieces of 64 bytes of longer ones.
const PARAMETERS: i32 = 32;
/// Blanks that are skipped in one place.
const BLANKS: usize = 8;

/// Where in the scratch memory the line feed is looked for next.
const POSITION: i16 = 0;
/// Which header the line is in: 0, or a slot.
const WANTED: i16 = 8;
/// Where its value begins.
const VALUE: i16 = 16;
/// Bytes of the head.
const LENGTH: i16 = 24;
/// Whether it is a response.
const IS_RESPONSE: i16 = 32;
/// Whether something was so odd that the kernel chooses.
const GIVEN_UP: i16 = 40;
/// Whether this line is the last.
const STOPS: i16 = 48;
/// Begin and end of the values of the headers, by slot; begin 0: not seen.
const SLOTS: i16 = 56;
const CALL_ID: i32 = 0;
const VIA: i32 = 1;
const ROUTE: i32 = 2;
/// Of the parameter that is looked for: where to go on, where to end, its word, which bits of it count, which are set
/// before comparing, what else ends the search (in every byte), and where its value was found.
const AT: i16 = 104;
const END: i16 = 112;
const PATTERN: i16 = 120;
const MASK: i16 = 128;
const FOLD: i16 = 136;
const STOP_AT: i16 = 144;
const FOUND: i16 = 152;
/// The head. Before it is room for what is hashed before a Call-ID.
const HEAD: i16 = 192;
/// What may be read behind the head: the longest step, the longest Call-ID.
const SLACK: i32 = 512;

/// Bytes of scratch memory.
pub(super) const SCRATCH_BYTES: u32 = (HEAD as i32 + HEAD_BYTES + SLACK) as u32;

const fn every(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

fn word(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..text.len()].copy_from_slice(text);
    u64::from_le_bytes(bytes)
}

/// The begin of a slot; its end is eight bytes further on.
const fn slot(number: i32) -> i16 {
    SLOTS + 16 * number as i16
}

/// The functions of the program.
struct Functions {
    sip_hash: Label,
    hexadecimal: Label,
    lines: Label,
    parameters: Label,
}

/// The program for an installation with these keys and so many shards.
pub(super) fn program(keys: &SteeringKeys, shards: u16) -> Code {
    let mut a = Assembly::new();
    let functions = Functions {
        sip_hash: a.label(),
        hexadecimal: a.label(),
        lines: a.label(),
        parameters: a.label(),
    };
    steer(&mut a, &functions, keys, shards);
    sip_hash(&mut a, functions.sip_hash);
    hexadecimal(&mut a, functions.hexadecimal);
    lines(&mut a, functions.lines);
    parameters(&mut a, functions.parameters);
    a.finish()
}

/// The whole: `r7` is the scratch memory, later `r8` the begin of the Call-ID and `r9` its length.
fn steer(a: &mut Assembly, functions: &Functions, keys: &SteeringKeys, shards: u16) {
    let main = a.label();
    a.function(main, "steer");
    let undecided = a.label();
    let decided = a.label();
    read_head(a, undecided);
    start_lines(a, functions.lines, undecided);
    trim_call_id(a, undecided);

    let by_call_id = a.label();
    let request = a.label();
    a.load(Size::Eight, R1, R7, IS_RESPONSE);
    a.jump(R1, When::Equal, 0, request);
    read_branch(a, functions, keys, by_call_id, decided);
    a.place(request);
    read_cookie(a, functions, keys, by_call_id, decided);
    a.place(by_call_id);
    hash_of_call(a, functions, keys, decided);

    // `Owner::shard`; the hash is in r0.
    a.place(decided);
    a.alu(Alu::Mul, R0, i32::from(shards));
    a.alu(Alu::ShiftRight, R0, 32);
    a.exit();
    a.place(undecided);
    a.mov(R0, UNDECIDED as i32);
    a.exit();
}

/// The head into the scratch memory.
fn read_head(a: &mut Assembly, undecided: Label) {
    a.mov(R6, R1);
    a.store(Size::Four, R10, -4, 0);
    a.map(R1, 0);
    a.mov(R2, R10);
    a.alu(Alu::Add, R2, -4);
    a.helper(Helper::MapLookup);
    a.jump(R0, When::Equal, 0, undecided);
    a.mov(R7, R0);
    // The first field of the context is the length of the payload.
    a.load(Size::Four, R8, R6, 0);
    let fits = a.label();
    a.jump(R8, When::AtMost, HEAD_BYTES, fits);
    a.mov(R8, HEAD_BYTES);
    a.place(fits);
    a.jump(R8, When::Below, HEAD_BYTES_MIN, undecided);
    a.mov(R1, R6);
    a.mov(R2, 0);
    a.mov(R3, R7);
    a.alu(Alu::Add, R3, i32::from(HEAD));
    a.mov(R4, R8);
    a.helper(Helper::LoadBytes);
    a.jump(R0, When::Differs, 0, undecided);
    a.store(Size::Eight, R7, LENGTH, R8);
    for at in [WANTED, GIVEN_UP, STOPS, IS_RESPONSE, FOUND] {
        a.store(Size::Eight, R7, at, 0);
    }
    for header in [CALL_ID, VIA, ROUTE] {
        a.store(Size::Eight, R7, slot(header), 0);
    }
}

/// Skips leading line breaks, tells a response from a request, and goes through the lines.
fn start_lines(a: &mut Assembly, lines: Label, undecided: Label) {
    let begins = a.label();
    a.mov(R8, R7);
    a.mov(R9, 0);
    for _ in 0..BLANKS {
        let is_break = a.label();
        a.load(Size::One, R1, R8, HEAD);
        a.jump(R1, When::Equal, i32::from(b'\r'), is_break);
        a.jump(R1, When::Differs, i32::from(b'\n'), begins);
        a.place(is_break);
        a.alu(Alu::Add, R8, 1);
        a.alu(Alu::Add, R9, 1);
    }
    a.goto(undecided);
    a.place(begins);
    a.store(Size::Eight, R7, POSITION, R9);
    a.load(Size::Four, R1, R8, HEAD);
    a.alu(Alu::Or, R1, 0x0020_2020);
    let request = a.label();
    a.jump(R1, When::Differs, word(b"sip/") as i32, request);
    a.store(Size::Eight, R7, IS_RESPONSE, 1);
    a.place(request);
    repeat(a, lines, STEPS);
    a.load(Size::Eight, R1, R7, GIVEN_UP);
    a.jump(R1, When::Differs, 0, undecided);
}

/// `bpf_loop`: the function is given a pointer to the pointer in `r7`.
fn repeat(a: &mut Assembly, function: Label, times: i32) {
    a.store(Size::Eight, R10, -16, R7);
    a.mov(R1, times);
    a.function_at(R2, function);
    a.mov(R3, R10);
    a.alu(Alu::Add, R3, -16);
    a.mov(R4, 0);
    a.helper(Helper::Loop);
}

/// The Call-ID without the blanks around it: `r8` where it begins, `r9` its length.
fn trim_call_id(a: &mut Assembly, undecided: Label) {
    a.load(Size::Eight, R8, R7, slot(CALL_ID));
    a.jump(R8, When::Equal, 0, undecided);
    a.jump(R8, When::Above, HEAD_BYTES, undecided);
    a.load(Size::Eight, R9, R7, slot(CALL_ID) + 8);
    a.jump(R9, When::Above, HEAD_BYTES, undecided);
    let begins = a.label();
    let ends = a.label();
    for _ in 0..BLANKS {
        a.jump(R8, When::AtLeast, R9, begins);
        a.mov(R1, R7);
        a.alu(Alu::Add, R1, R8);
        a.load(Size::One, R2, R1, HEAD);
        unless_blank(a, R2, begins);
        a.alu(Alu::Add, R8, 1);
    }
    a.goto(undecided);
    a.place(begins);
    for _ in 0..BLANKS {
        a.jump(R9, When::AtMost, R8, ends);
        a.mov(R1, R7);
        a.alu(Alu::Add, R1, R9);
        a.load(Size::One, R2, R1, HEAD - 1);
        unless_blank(a, R2, ends);
        a.alu(Alu::Sub, R9, 1);
    }
    a.goto(undecided);
    a.place(ends);
    a.alu(Alu::Sub, R9, R8);
    a.jump(R9, When::Above, CALL_ID_BYTES, undecided);
}

/// Goes to `to` if the byte is none of SP, HTAB, CR, LF.
fn unless_blank(a: &mut Assembly, byte: Reg, to: Label) {
    let is_blank = a.label();
    for blank in b" \t\r" {
        a.jump(byte, When::Equal, i32::from(*blank), is_blank);
    }
    a.jump(byte, When::Differs, i32::from(b'\n'), to);
    a.place(is_blank);
}

/// What is looked for among the parameters of a header.
struct Parameter {
    header: i32,
    /// What follows the `;`.
    name: &'static [u8],
    /// Set in every byte before comparing: bit 5 makes all letters small.
    fold: u64,
    /// What ends the search besides the end of the value.
    stop_at: u8,
}

/// `r8` and `r9` stay; the value's begin is left in `r1`, bounded, and in the stack. If it is not there, or fewer than
/// `bytes` follow: `none`.
fn find(a: &mut Assembly, functions: &Functions, what: &Parameter, bytes: i32, none: Label) {
    a.load(Size::Eight, R1, R7, slot(what.header));
    a.jump(R1, When::Equal, 0, none);
    a.store(Size::Eight, R7, AT, R1);
    a.load(Size::Eight, R1, R7, slot(what.header) + 8);
    a.store(Size::Eight, R7, END, R1);
    for (at, value) in [
        (PATTERN, word(what.name)),
        (MASK, u64::MAX >> (64 - 8 * what.name.len())),
        (FOLD, what.fold),
        (STOP_AT, every(what.stop_at)),
    ] {
        a.constant(R1, value);
        a.store(Size::Eight, R7, at, R1);
    }
    repeat(a, functions.parameters, PARAMETERS);
    a.load(Size::Eight, R1, R7, FOUND);
    a.jump(R1, When::Equal, 0, none);
    a.jump(R1, When::Above, HEAD_BYTES, none);
    a.alu(Alu::Add, R1, what.name.len() as i32);
    a.load(Size::Eight, R2, R7, END);
    a.mov(R3, R1);
    a.alu(Alu::Add, R3, bytes);
    a.jump(R3, When::Above, R2, none);
    a.store(Size::Eight, R10, TOKEN, R1);
}

/// Where in the stack the begin of a token is, the hash it says, its check, and what else it says.
const TOKEN: i16 = -24;
const SAID: i16 = -32;
const CHECK: i16 = -40;
const BODY: i16 = -48;

/// `r0` = eight hexadecimal digits, `at` bytes behind what the slot of the stack says; else `none`.
fn read_digits(a: &mut Assembly, functions: &Functions, from: i16, at: i16, none: Label) {
    a.load(Size::Eight, R1, R10, from);
    a.alu(Alu::Add, R1, R7);
    a.load(Size::Eight, R1, R1, HEAD + at);
    digits(a, functions, none);
}

/// `r0` = the eight hexadecimal digits in `r1`; else `none`.
fn digits(a: &mut Assembly, functions: &Functions, none: Label) {
    a.call(functions.hexadecimal);
    a.mov(R1, R0);
    a.alu(Alu::ShiftRight, R1, 32);
    a.jump(R1, When::Differs, 0, none);
}

/// `Owner::read_branch` of the top Via.
fn read_branch(
    a: &mut Assembly,
    functions: &Functions,
    keys: &SteeringKeys,
    none: Label,
    decided: Label,
) {
    /// Magic cookie 7, hash 8, kind 1, body 12, check 8.
    const TOKEN_BYTES: i32 = 36;
    let branch = Parameter {
        header: VIA,
        name: b"branch=",
        fold: every(0x20),
        stop_at: b',',
    };
    find(a, functions, &branch, TOKEN_BYTES, none);
    // Behind the token the branch ends, or a dot begins what is the proxy core's.
    let ends = a.label();
    a.jump(R3, When::Equal, R2, ends);
    a.mov(R4, R7);
    a.alu(Alu::Add, R4, R1);
    a.load(Size::One, R2, R4, HEAD + TOKEN_BYTES as i16);
    for byte in b".;, \t" {
        a.jump(R2, When::Equal, i32::from(*byte), ends);
    }
    a.jump(R2, When::Differs, i32::from(b'\r'), none);
    a.place(ends);
    a.alu(Alu::Add, R1, R7);
    a.load(Size::Eight, R2, R1, HEAD);
    a.alu(Alu::ShiftLeft, R2, 8);
    a.constant(R3, word(b"z9hG4bK") << 8);
    a.jump(R2, When::Differs, R3, none);
    let is_kind = a.label();
    a.load(Size::One, R2, R1, HEAD + 15);
    a.jump(R2, When::Equal, i32::from(b'c'), is_kind);
    a.jump(R2, When::Differs, i32::from(b's'), none);
    a.place(is_kind);

    read_digits(a, functions, TOKEN, 7, none);
    a.store(Size::Eight, R10, SAID, R0);
    read_digits(a, functions, TOKEN, 28, none);
    a.store(Size::Eight, R10, CHECK, R0);
    // Twelve digits are the first eight, and of the last eight the last four.
    read_digits(a, functions, TOKEN, 16, none);
    a.alu(Alu::ShiftLeft, R0, 16);
    a.store(Size::Eight, R10, BODY, R0);
    read_digits(a, functions, TOKEN, 20, none);
    a.alu(Alu::And, R0, 0xffff);
    a.load(Size::Eight, R1, R10, BODY);
    a.alu(Alu::Or, R0, R1);
    a.store(Size::Eight, R10, BODY, R0);

    // Before the Call-ID stands, in the copy, what `Owner::branch_check` hashes before it: parts with their lengths.
    const PREFIX: i16 = 21;
    a.load(Size::Eight, R2, R10, TOKEN);
    a.alu(Alu::Add, R2, R7);
    a.load(Size::One, R2, R2, HEAD + 15);
    a.mov(R1, R7);
    a.alu(Alu::Add, R1, R8);
    let place = |at: i16| HEAD - PREFIX + at;
    a.store(Size::Two, R1, place(0), 4);
    a.load(Size::Eight, R3, R10, SAID);
    a.store(Size::Four, R1, place(2), R3);
    a.store(Size::Two, R1, place(6), 1);
    a.store(Size::One, R1, place(8), R2);
    a.store(Size::Two, R1, place(9), 8);
    a.load(Size::Eight, R3, R10, BODY);
    a.store(Size::Eight, R1, place(11), R3);
    a.store(Size::Two, R1, place(19), R9);
    hash_with_prefix(a, functions, keys.branch, PREFIX);
    check(a, none, decided);
}

/// `Owner::read_cookie` of the first Route.
fn read_cookie(
    a: &mut Assembly,
    functions: &Functions,
    keys: &SteeringKeys,
    none: Label,
    decided: Label,
) {
    const COOKIE_BYTES: i32 = 16;
    let own = Parameter {
        header: ROUTE,
        name: b"own=",
        fold: 0,
        stop_at: b';',
    };
    find(a, functions, &own, COOKIE_BYTES, none);
    read_digits(a, functions, TOKEN, 0, none);
    a.store(Size::Eight, R10, SAID, R0);
    read_digits(a, functions, TOKEN, 8, none);
    a.store(Size::Eight, R10, CHECK, R0);
    const PREFIX: i16 = 8;
    a.mov(R1, R7);
    a.alu(Alu::Add, R1, R8);
    a.store(Size::Two, R1, HEAD - 8, 4);
    a.load(Size::Eight, R2, R10, SAID);
    a.store(Size::Four, R1, HEAD - 6, R2);
    a.store(Size::Two, R1, HEAD - 2, R9);
    hash_with_prefix(a, functions, keys.cookie, PREFIX);
    check(a, none, decided);
}

/// `r0` = the hash of the Call-ID and so many bytes before it.
fn hash_with_prefix(a: &mut Assembly, functions: &Functions, key: (u64, u64), prefix: i16) {
    a.mov(R4, R8);
    a.alu(Alu::Add, R4, i32::from(HEAD - prefix));
    a.mov(R5, R9);
    a.alu(Alu::Add, R5, i32::from(prefix));
    hash(a, functions, key);
}

/// `r0` = the hash of `r5` bytes from `r4` in the scratch memory.
fn hash(a: &mut Assembly, functions: &Functions, key: (u64, u64)) {
    a.constant(R1, key.0);
    a.constant(R2, key.1);
    a.mov(R3, R7);
    a.call(functions.sip_hash);
}

/// If the low half of `r0` is the check that the token says, its hash decides.
fn check(a: &mut Assembly, none: Label, decided: Label) {
    low_half(a);
    a.load(Size::Eight, R1, R10, CHECK);
    a.jump(R0, When::Differs, R1, none);
    a.load(Size::Eight, R0, R10, SAID);
    a.goto(decided);
}

fn low_half(a: &mut Assembly) {
    a.alu(Alu::ShiftLeft, R0, 32);
    a.alu(Alu::ShiftRight, R0, 32);
}

/// `Owner::hash_of_call`: what a Call-ID of ours carries, else the hash of the Call-ID.
fn hash_of_call(a: &mut Assembly, functions: &Functions, keys: &SteeringKeys, decided: Label) {
    /// Hash 8, check 8, chance 16.
    const MINTED_BYTES: i32 = 32;
    let others = a.label();
    let minted = a.label();
    a.jump(R9, When::Below, MINTED_BYTES, others);
    a.jump(R9, When::Equal, MINTED_BYTES, minted);
    a.mov(R1, R7);
    a.alu(Alu::Add, R1, R8);
    a.load(Size::One, R2, R1, HEAD + MINTED_BYTES as i16);
    a.jump(R2, When::Differs, i32::from(b'@'), others);
    a.place(minted);
    a.store(Size::Eight, R10, TOKEN, R8);
    read_digits(a, functions, TOKEN, 0, others);
    a.store(Size::Eight, R10, SAID, R0);
    read_digits(a, functions, TOKEN, 8, others);
    a.store(Size::Eight, R10, CHECK, R0);
    read_digits(a, functions, TOKEN, 16, others);
    a.alu(Alu::ShiftLeft, R0, 32);
    a.store(Size::Eight, R10, BODY, R0);
    read_digits(a, functions, TOKEN, 24, others);
    a.load(Size::Eight, R1, R10, BODY);
    a.alu(Alu::Or, R0, R1);
    // Two parts with their lengths, 16 bytes; the Call-ID itself stays whole behind them.
    a.mov(R1, R7);
    a.alu(Alu::Add, R1, R8);
    a.store(Size::Two, R1, HEAD - 16, 4);
    a.load(Size::Eight, R2, R10, SAID);
    a.store(Size::Four, R1, HEAD - 14, R2);
    a.store(Size::Two, R1, HEAD - 10, 8);
    a.store(Size::Eight, R1, HEAD - 8, R0);
    a.mov(R4, R8);
    a.alu(Alu::Add, R4, i32::from(HEAD - 16));
    a.mov(R5, 16);
    hash(a, functions, keys.call_id);
    check(a, others, decided);
    a.place(others);
    hash_with_prefix(a, functions, keys.owning, 0);
    low_half(a);
    a.goto(decided);
}

/// SipHash-1-3 with the key `r1`, `r2` of the `r5` bytes from `r4` in `r3`.
fn sip_hash(a: &mut Assembly, label: Label) {
    a.function(label, "sip_hash");
    let refused = a.label();
    a.jump(R4, When::Above, HEAD_BYTES + i32::from(HEAD) + 16, refused);
    a.jump(R5, When::Above, CALL_ID_BYTES + 32, refused);
    // v0 to v3 are r6 to r9.
    for (to, half, text) in [
        (R6, R1, b"uespemos"),
        (R7, R2, b"modnarod"),
        (R8, R1, b"arenegyl"),
        (R9, R2, b"setybdet"),
    ] {
        a.constant(to, word(text));
        a.alu(Alu::Xor, to, half);
    }
    a.mov(R1, R3);
    a.alu(Alu::Add, R1, R4);
    a.mov(R2, R5);
    a.mov(R3, R5);
    let last = a.label();
    let next = a.here();
    a.jump(R2, When::Below, 8, last);
    a.load(Size::Eight, R0, R1, 0);
    a.alu(Alu::Xor, R9, R0);
    sip_round(a);
    a.alu(Alu::Xor, R6, R0);
    a.alu(Alu::Add, R1, 8);
    a.alu(Alu::Sub, R2, 8);
    a.goto(next);
    // The bytes that are left, and the length in the highest byte.
    a.place(last);
    let whole = a.label();
    a.mov(R0, 0);
    a.jump(R2, When::Equal, 0, whole);
    a.load(Size::Eight, R0, R1, 0);
    a.mov(R4, 8);
    a.alu(Alu::Sub, R4, R2);
    a.alu(Alu::ShiftLeft, R4, 3);
    a.alu(Alu::ShiftLeft, R0, R4);
    a.alu(Alu::ShiftRight, R0, R4);
    a.place(whole);
    a.alu(Alu::ShiftLeft, R3, 56);
    a.alu(Alu::Or, R0, R3);
    a.alu(Alu::Xor, R9, R0);
    sip_round(a);
    a.alu(Alu::Xor, R6, R0);
    a.alu(Alu::Xor, R8, 0xff);
    for _ in 0..3 {
        sip_round(a);
    }
    a.mov(R0, R6);
    for other in [R7, R8, R9] {
        a.alu(Alu::Xor, R0, other);
    }
    a.exit();
    a.place(refused);
    a.mov(R0, 0);
    a.exit();
}

/// One round on `r6` to `r9`; `r4` is lost.
fn sip_round(a: &mut Assembly) {
    let mut half = |sum: Reg, other: Reg, bits: i32, turned: bool| {
        a.alu(Alu::Add, sum, other);
        rotate(a, other, bits);
        a.alu(Alu::Xor, other, sum);
        if turned {
            rotate(a, sum, 32);
        }
    };
    half(R6, R7, 13, true);
    half(R8, R9, 16, false);
    half(R6, R9, 21, false);
    half(R8, R7, 17, true);
}

fn rotate(a: &mut Assembly, what: Reg, bits: i32) {
    a.mov(R4, what);
    a.alu(Alu::ShiftLeft, what, bits);
    a.alu(Alu::ShiftRight, R4, 64 - bits);
    a.alu(Alu::Or, what, R4);
}

/// Eight lower-case hexadecimal digits in `r1`, the first in its lowest byte: their value, or 2^64 - 1.
///
/// The idea: in each byte bit 6 says letter, the low four bits and nine for a letter are the value. Written back it
/// must be what was read, a letter at least ten (plus six it has bit 4), a digit below.
fn hexadecimal(a: &mut Assembly, label: Label) {
    a.function(label, "hexadecimal");
    let bad = a.label();
    a.mov(R2, R1);
    a.alu(Alu::ShiftRight, R2, 6);
    a.constant(R3, every(1));
    a.alu(Alu::And, R2, R3);
    a.mov(R0, R1);
    a.constant(R4, every(0x0f));
    a.alu(Alu::And, R0, R4);
    a.mov(R5, R2);
    a.alu(Alu::Mul, R5, 9);
    a.alu(Alu::Add, R0, R5);
    a.mov(R5, R2);
    a.alu(Alu::Mul, R5, i32::from(b'a' - 10 - b'0'));
    a.alu(Alu::Add, R5, R0);
    a.constant(R4, every(b'0'));
    a.alu(Alu::Add, R5, R4);
    a.jump(R5, When::Differs, R1, bad);
    a.mov(R5, R0);
    a.constant(R4, every(0x10));
    a.alu(Alu::And, R5, R4);
    a.jump(R5, When::Differs, 0, bad);
    a.mov(R5, R0);
    a.constant(R4, every(6));
    a.alu(Alu::Add, R5, R4);
    a.alu(Alu::ShiftRight, R5, 4);
    a.alu(Alu::And, R5, R3);
    a.jump(R5, When::Differs, R2, bad);
    // Bytes of four bits move together.
    a.swap(R0);
    for (bits, mask) in [
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0xffff_ffff),
    ] {
        a.mov(R4, R0);
        a.alu(Alu::ShiftRight, R4, bits);
        a.alu(Alu::Or, R0, R4);
        a.constant(R4, mask);
        a.alu(Alu::And, R0, R4);
    }
    a.exit();
    a.place(bad);
    a.mov(R0, -1);
    a.exit();
}

/// What a step of a loop begins with: `r6` the scratch memory, `r7` the place where the last one stopped, `r8` both
/// together. The loop ends behind the head.
fn begin_step(a: &mut Assembly, place: i16, ends: Label) {
    a.load(Size::Eight, R6, R2, 0);
    a.load(Size::Eight, R7, R6, place);
    a.jump(R7, When::AtLeast, HEAD_BYTES, ends);
    a.mov(R8, R6);
    a.alu(Alu::Add, R8, R7);
}

/// `r1` = bit 7 of the bytes of `r1` that are zero; exact for the lowest. `r4` is 0x01.., `r5` 0x80..; `r2` is lost.
fn zero_bytes(a: &mut Assembly) {
    a.mov(R2, R1);
    a.alu(Alu::Sub, R2, R4);
    a.alu(Alu::Xor, R1, -1);
    a.alu(Alu::And, R1, R2);
    a.alu(Alu::And, R1, R5);
}

/// Adds to `r7` the place behind the lowest byte marked in `r1`; `r4` is 0x01...
fn add_place(a: &mut Assembly) {
    a.mov(R2, R1);
    a.alu(Alu::Negate, R2, 0);
    a.alu(Alu::And, R1, R2);
    a.alu(Alu::Sub, R1, 1);
    a.alu(Alu::And, R1, R4);
    a.alu(Alu::Mul, R1, R4);
    a.alu(Alu::ShiftRight, R1, 56);
    a.alu(Alu::Add, R7, R1);
}

/// One step through the head: to the next line feed, or 128 bytes on. Answers 1 when it has seen enough.
fn lines(a: &mut Assembly, label: Label) {
    a.function(label, "lines");
    let (goes_on, ends) = (a.label(), a.label());
    let (feed, line_end, next_line, at_end) = (a.label(), a.label(), a.label(), a.label());
    begin_step(a, POSITION, ends);
    a.constant(R3, every(b'\n'));
    a.constant(R4, every(1));
    a.constant(R5, every(0x80));
    for piece in 0..16 {
        a.load(Size::Eight, R1, R8, HEAD + 8 * piece);
        a.alu(Alu::Xor, R1, R3);
        zero_bytes(a);
        a.jump(R1, When::Differs, 0, feed);
        a.alu(Alu::Add, R7, 8);
    }
    a.store(Size::Eight, R6, POSITION, R7);
    a.load(Size::Eight, R1, R6, LENGTH);
    a.jump(R7, When::AtLeast, R1, at_end);
    a.goto(goes_on);

    // r7: behind the feed. A line ends with CRLF, and the next must not continue it.
    a.place(feed);
    add_place(a);
    a.store(Size::Eight, R6, POSITION, R7);
    a.load(Size::Eight, R9, R6, LENGTH);
    a.jump(R7, When::Above, R9, at_end);
    a.mov(R8, R6);
    a.alu(Alu::Add, R8, R7);
    a.load(Size::One, R1, R8, HEAD - 2);
    a.jump(R1, When::Differs, i32::from(b'\r'), goes_on);
    a.mov(R3, R7);
    a.alu(Alu::Sub, R3, 2);
    a.jump(R7, When::Equal, R9, line_end);
    a.load(Size::One, R1, R8, HEAD);
    a.jump(R1, When::Equal, i32::from(b' '), goes_on);
    a.jump(R1, When::Equal, i32::from(b'\t'), goes_on);
    a.goto(line_end);
    // What the end of the datagram cuts off is a line all the same.
    a.place(at_end);
    a.store(Size::Eight, R6, STOPS, 1);
    a.load(Size::Eight, R3, R6, LENGTH);

    // r3: the end of the value, if the line has one.
    a.place(line_end);
    a.load(Size::Eight, R1, R6, WANTED);
    a.jump(R1, When::Equal, 0, next_line);
    a.store(Size::Eight, R6, WANTED, 0);
    a.jump(R1, When::Above, ROUTE + 1, ends);
    a.alu(Alu::Sub, R1, 1);
    a.alu(Alu::And, R1, 3);
    a.alu(Alu::ShiftLeft, R1, 4);
    a.alu(Alu::Add, R1, R6);
    // The first of its name counts.
    a.load(Size::Eight, R2, R1, SLOTS);
    a.jump(R2, When::Differs, 0, next_line);
    a.load(Size::Eight, R2, R6, VALUE);
    a.store(Size::Eight, R1, SLOTS, R2);
    a.store(Size::Eight, R1, SLOTS + 8, R3);
    // A response needs no more than these two.
    a.load(Size::Eight, R1, R6, IS_RESPONSE);
    a.jump(R1, When::Equal, 0, next_line);
    a.load(Size::Eight, R1, R6, slot(CALL_ID));
    a.jump(R1, When::Equal, 0, next_line);
    a.load(Size::Eight, R1, R6, slot(VIA));
    a.jump(R1, When::Differs, 0, ends);

    a.place(next_line);
    a.load(Size::Eight, R1, R6, STOPS);
    a.jump(R1, When::Differs, 0, ends);
    name(a, goes_on, ends);

    a.place(goes_on);
    a.mov(R0, 0);
    a.exit();
    a.place(ends);
    a.mov(R0, 1);
    a.exit();
}

/// Whether the line that begins at `r7` is one of those wanted, as `Peek` finds out.
fn name(a: &mut Assembly, goes_on: Label, ends: Label) {
    let (call_id, via, route, short_call_id, short_via) =
        (a.label(), a.label(), a.label(), a.label(), a.label());
    let colon = a.label();
    a.load(Size::Eight, R9, R6, LENGTH);
    a.jump(R7, When::AtLeast, R9, ends);
    a.jump(R7, When::AtLeast, HEAD_BYTES, ends);
    a.mov(R8, R6);
    a.alu(Alu::Add, R8, R7);
    a.load(Size::Eight, R1, R8, HEAD);
    a.mov(R2, R1);
    a.alu(Alu::And, R2, 0xff);
    a.jump(R2, When::Equal, i32::from(b'\r'), ends);
    a.alu(Alu::Or, R2, 0x20);
    a.constant(R3, every(0x20));
    a.alu(Alu::Or, R1, R3);
    a.jump(R2, When::Equal, i32::from(b'c'), call_id);
    a.jump(R2, When::Equal, i32::from(b'v'), via);
    a.jump(R2, When::Equal, i32::from(b'r'), route);
    a.jump(R2, When::Equal, i32::from(b'i'), short_call_id);
    a.goto(goes_on);

    let compare = |a: &mut Assembly, name: &[u8], header: i32, other: Label| {
        a.mov(R2, R1);
        a.alu(Alu::ShiftLeft, R2, 64 - 8 * name.len() as i32);
        a.constant(R3, word(name) << (64 - 8 * name.len()));
        a.jump(R2, When::Differs, R3, other);
        a.mov(R4, header + 1);
        a.alu(Alu::Add, R7, name.len() as i32);
    };
    a.place(call_id);
    compare(a, b"call-id", CALL_ID, goes_on);
    // Bit 5 makes a `-` of a CR too.
    a.load(Size::One, R2, R8, HEAD + 4);
    a.jump(R2, When::Differs, i32::from(b'-'), goes_on);
    a.goto(colon);
    a.place(route);
    compare(a, b"route", ROUTE, goes_on);
    a.goto(colon);
    a.place(via);
    compare(a, b"via", VIA, short_via);
    a.goto(colon);
    a.place(short_via);
    a.mov(R4, VIA + 1);
    a.alu(Alu::Add, R7, 1);
    a.goto(colon);
    a.place(short_call_id);
    a.mov(R4, CALL_ID + 1);
    a.alu(Alu::Add, R7, 1);

    // r7: behind the name.
    a.place(colon);
    let found = a.label();
    for _ in 0..=BLANKS {
        let is_blank = a.label();
        a.mov(R8, R6);
        a.alu(Alu::Add, R8, R7);
        a.load(Size::One, R1, R8, HEAD);
        a.alu(Alu::Add, R7, 1);
        a.jump(R1, When::Equal, i32::from(b':'), found);
        a.jump(R1, When::Equal, i32::from(b' '), is_blank);
        a.jump(R1, When::Differs, i32::from(b'\t'), goes_on);
        a.place(is_blank);
    }
    a.store(Size::Eight, R6, GIVEN_UP, 1);
    a.goto(ends);
    a.place(found);
    // What lies behind the datagram is of an earlier one.
    a.jump(R7, When::Above, R9, goes_on);
    a.store(Size::Eight, R6, VALUE, R7);
    a.store(Size::Eight, R6, WANTED, R4);
    a.store(Size::Eight, R6, POSITION, R7);
}

/// One step through the value of a header: to the next `;`, or 64 bytes on. Answers 1 when it has the parameter.
fn parameters(a: &mut Assembly, label: Label) {
    a.function(label, "parameters");
    let (goes_on, ends, mark) = (a.label(), a.label(), a.label());
    begin_step(a, AT, ends);
    a.constant(R4, every(1));
    a.constant(R5, every(0x80));
    for piece in 0..8 {
        a.load(Size::Eight, R1, R8, HEAD + 8 * piece);
        a.mov(R9, R1);
        a.load(Size::Eight, R3, R6, STOP_AT);
        a.alu(Alu::Xor, R1, R3);
        zero_bytes(a);
        a.mov(R3, R1);
        a.mov(R1, R9);
        a.constant(R9, every(b';'));
        a.alu(Alu::Xor, R1, R9);
        zero_bytes(a);
        a.alu(Alu::Or, R1, R3);
        a.jump(R1, When::Differs, 0, mark);
        a.alu(Alu::Add, R7, 8);
    }
    a.store(Size::Eight, R6, AT, R7);
    a.load(Size::Eight, R1, R6, END);
    a.jump(R7, When::AtLeast, R1, ends);
    a.goto(goes_on);

    a.place(mark);
    add_place(a);
    a.store(Size::Eight, R6, AT, R7);
    a.load(Size::Eight, R1, R6, END);
    a.jump(R7, When::Above, R1, ends);
    a.mov(R8, R6);
    a.alu(Alu::Add, R8, R7);
    a.load(Size::One, R1, R8, HEAD - 1);
    a.jump(R1, When::Differs, i32::from(b';'), ends);
    a.load(Size::Eight, R1, R8, HEAD);
    for (op, with) in [(Alu::Or, FOLD), (Alu::And, MASK), (Alu::Xor, PATTERN)] {
        a.load(Size::Eight, R2, R6, with);
        a.alu(op, R1, R2);
    }
    a.jump(R1, When::Differs, 0, goes_on);
    a.store(Size::Eight, R6, FOUND, R7);
    a.goto(ends);

    a.place(goes_on);
    a.mov(R0, 0);
    a.exit();
    a.place(ends);
    a.mov(R0, 1);
    a.exit();
}
