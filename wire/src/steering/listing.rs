//! Encoded programs as text: what tests compare.
//!
//! Read from the encoding, not from what was asked of the assembler, so that a wrong encoding is seen.

use std::fmt::Write as _;

use super::{classic, ebpf};

/// In the kernel's notation. Jumps name the instruction they lead to.
pub(super) fn ebpf(code: &[ebpf::Instruction], functions: &[(usize, &str)]) -> String {
    use ebpf::{
        CALL, CLASS_ALU, CLASS_JUMP, CLASS_LOAD_AT, CLASS_STORE_AT, CLASS_STORE_CONSTANT_AT, EXIT,
        LOAD_CONSTANT, PSEUDO_CALL, PSEUDO_FUNCTION, PSEUDO_MAP, SOURCE_IS_REG, TO_BIG_ENDIAN,
    };
    let mut text = String::new();
    let name_of = |at: i64| {
        let found = functions.iter().find(|&&(place, _)| place as i64 == at);
        found.map_or("?", |&(_, name)| name)
    };
    let mut at = 0;
    while let Some(one) = code.get(at) {
        if let Some((_, name)) = functions.iter().find(|(place, _)| *place == at) {
            let _ = writeln!(text, "{name}:");
        }
        let (dst, src, off, imm) = (one.dst, one.src, one.off, one.imm);
        let target = |distance: i64| at as i64 + 1 + distance;
        let other = if one.code & SOURCE_IS_REG == 0 {
            imm.to_string()
        } else {
            format!("r{src}")
        };
        let place = |base: u8| match off {
            0 => format!("(r{base})"),
            off => format!("(r{base} {off:+})"),
        };
        let size = match one.code & 0x18 {
            0x10 => "u8",
            0x08 => "u16",
            0x00 => "u32",
            _ => "u64",
        };
        let says = match one.code {
            LOAD_CONSTANT => {
                let high = code.get(at + 1).map_or(0, |next| next.imm);
                match src {
                    0 => format!(
                        "r{dst} = {:#x}",
                        u64::from(high as u32) << 32 | u64::from(imm as u32)
                    ),
                    PSEUDO_MAP => format!("r{dst} = map {imm}"),
                    PSEUDO_FUNCTION => format!("r{dst} = &{}", name_of(target(imm.into()))),
                    _ => "?".to_owned(),
                }
            }
            TO_BIG_ENDIAN => format!("r{dst} = be{imm} r{dst}"),
            CALL if src == PSEUDO_CALL => format!("call {}", name_of(target(imm.into()))),
            CALL => format!("call #{imm}"),
            EXIT => "exit".to_owned(),
            CLASS_JUMP => format!("goto {}", target(off.into())),
            code => match code & 0x07 {
                class if class == CLASS_ALU => match code & 0xf0 {
                    0x00 => format!("r{dst} += {other}"),
                    0x10 => format!("r{dst} -= {other}"),
                    0x20 => format!("r{dst} *= {other}"),
                    0x40 => format!("r{dst} |= {other}"),
                    0x50 => format!("r{dst} &= {other}"),
                    0x60 => format!("r{dst} <<= {other}"),
                    0x70 => format!("r{dst} >>= {other}"),
                    0x80 => format!("r{dst} = -r{dst}"),
                    0xa0 => format!("r{dst} ^= {other}"),
                    0xb0 => format!("r{dst} = {other}"),
                    _ => "?".to_owned(),
                },
                class if class == CLASS_JUMP => {
                    let when = match code & 0xf0 {
                        0x10 => "==",
                        0x20 => ">",
                        0x30 => ">=",
                        0x50 => "!=",
                        0xa0 => "<",
                        0xb0 => "<=",
                        _ => "?",
                    };
                    format!("if r{dst} {when} {other} goto {}", target(off.into()))
                }
                class if class == CLASS_LOAD_AT & 7 => format!("r{dst} = {size} {}", place(src)),
                class if class == CLASS_STORE_AT & 7 => format!("{size} {} = r{src}", place(dst)),
                class if class == CLASS_STORE_CONSTANT_AT & 7 => {
                    format!("{size} {} = {imm}", place(dst))
                }
                _ => "?".to_owned(),
            },
        };
        let _ = writeln!(text, "{at:5}  {says}");
        at += if one.code == LOAD_CONSTANT { 2 } else { 1 };
    }
    text
}

/// In the notation of the kernel's `bpf_asm`.
pub(super) fn classic(code: &[classic::Instruction]) -> String {
    use classic::{
        A_TO_X, CLASS_ALU, CLASS_JUMP, FROM_X, LOAD_BYTE, LOAD_CELL, LOAD_CONSTANT, LOAD_INDEX,
        LOAD_INDEX_CELL, LOAD_LENGTH, LOAD_WORD, LOAD_WORD_AT, RETURN, RETURN_A, STORE, X_TO_A,
    };
    let mut text = String::new();
    for (at, one) in code.iter().enumerate() {
        let k = one.k;
        let other = if one.code & FROM_X == 0 {
            format!("#{k:#x}")
        } else {
            "x".to_owned()
        };
        let says = match one.code {
            LOAD_CONSTANT => format!("ld #{k:#x}"),
            LOAD_INDEX => format!("ldx #{k}"),
            LOAD_LENGTH => "ld len".to_owned(),
            LOAD_CELL => format!("ld M[{k}]"),
            LOAD_INDEX_CELL => format!("ldx M[{k}]"),
            LOAD_WORD => format!("ld [x + {k}]"),
            LOAD_WORD_AT => format!("ld [{k}]"),
            LOAD_BYTE => format!("ldb [x + {k}]"),
            STORE => format!("st M[{k}]"),
            RETURN => format!("ret #{k:#x}"),
            RETURN_A => "ret a".to_owned(),
            A_TO_X => "tax".to_owned(),
            X_TO_A => "txa".to_owned(),
            CLASS_JUMP => format!("jmp {}", at + 1 + k as usize),
            code if code & 7 == CLASS_JUMP => {
                let name = match code & 0xf0 {
                    0x10 => "jeq",
                    0x20 => "jgt",
                    0x30 => "jge",
                    _ => "?",
                };
                let (yes, no) = (at + 1 + usize::from(one.jt), at + 1 + usize::from(one.jf));
                format!("{name} {other}, {yes}, {no}")
            }
            code if code & 7 == CLASS_ALU => {
                let name = match code & 0xf0 {
                    0x00 => "add",
                    0x10 => "sub",
                    0x20 => "mul",
                    0x40 => "or",
                    0x50 => "and",
                    0x60 => "lsh",
                    0x70 => "rsh",
                    _ => "?",
                };
                format!("{name} {other}")
            }
            _ => "?".to_owned(),
        };
        let _ = writeln!(text, "{at:5}  {says}");
    }
    text
}
