//! An assembler for eBPF: instructions with labels in, encoded instructions out.
//!
//! The names are those of the kernel's own notation (`r1 = r2`, `if r1 > 5 goto ..`), which
//! [`Code::listing`] writes. A program is a list of functions; the first is where the kernel begins.
//! Encoding: Documentation/bpf/standardization/instruction-set.rst of Linux, RFC 9669.

use std::fmt;

use super::listing;

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reg(pub(super) u8);

/// What a function answers; what a call leaves.
pub const R0: Reg = Reg(0);
/// The first argument. Calls lose it, and those up to `R5`.
pub const R1: Reg = Reg(1);
/// The second argument.
pub const R2: Reg = Reg(2);
/// The third argument.
pub const R3: Reg = Reg(3);
/// The fourth argument.
pub const R4: Reg = Reg(4);
/// The fifth argument.
pub const R5: Reg = Reg(5);
/// Kept over calls, as those up to `R9`.
pub const R6: Reg = Reg(6);
/// Kept over calls.
pub const R7: Reg = Reg(7);
/// Kept over calls.
pub const R8: Reg = Reg(8);
/// Kept over calls.
pub const R9: Reg = Reg(9);
/// The end of the stack frame of 512 bytes; read only.
pub const R10: Reg = Reg(10);

/// The other side of an operation: a register, or a constant (extended with its sign to 64 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A register.
    Reg(Reg),
    /// A constant.
    Constant(i32),
}

impl From<Reg> for Operand {
    fn from(reg: Reg) -> Self {
        Operand::Reg(reg)
    }
}

impl From<i32> for Operand {
    fn from(constant: i32) -> Self {
        Operand::Constant(constant)
    }
}

/// Arithmetic on 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Alu {
    Add = 0x00,
    Sub = 0x10,
    Mul = 0x20,
    Or = 0x40,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Negate = 0x80,
    Xor = 0xa0,
    Move = 0xb0,
}

/// When a jump is taken; numbers have no sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum When {
    Equal = 0x10,
    Above = 0x20,
    AtLeast = 0x30,
    Differs = 0x50,
    Below = 0xa0,
    AtMost = 0xb0,
}

/// How many bytes a load or a store moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Size {
    One = 0x10,
    Two = 0x08,
    Four = 0x00,
    Eight = 0x18,
}

/// Functions of the kernel, by their numbers in <linux/bpf.h>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Helper {
    /// (map, key) → pointer to the value, or null.
    MapLookup = 1,
    /// (datagram, from, to, bytes) → 0, or an error.
    LoadBytes = 26,
    /// (times, function, its argument, 0) → how often it was called. Since Linux 5.17.
    Loop = 181,
}

/// A place in a program, perhaps not yet known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// What an instruction still lacks.
#[derive(Clone, Copy, Debug)]
enum Lacks {
    /// The distance to a label in its offset.
    Jump(Label),
    /// The distance to a label in its constant.
    Function(Label),
}

/// An encoded instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    pub(super) code: u8,
    pub(super) dst: u8,
    pub(super) src: u8,
    pub(super) off: i16,
    pub(super) imm: i32,
}

impl Instruction {
    /// As the kernel reads it on a little-endian machine.
    pub(super) fn bytes(self) -> [u8; 8] {
        let mut bytes = [self.code, self.dst | self.src << 4, 0, 0, 0, 0, 0, 0];
        bytes[2..4].copy_from_slice(&self.off.to_le_bytes());
        bytes[4..].copy_from_slice(&self.imm.to_le_bytes());
        bytes
    }
}

pub(super) const CLASS_LOAD: u8 = 0x00;
pub(super) const CLASS_LOAD_AT: u8 = 0x61;
pub(super) const CLASS_STORE_AT: u8 = 0x63;
pub(super) const CLASS_STORE_CONSTANT_AT: u8 = 0x62;
pub(super) const CLASS_JUMP: u8 = 0x05;
pub(super) const CLASS_ALU: u8 = 0x07;
pub(super) const SOURCE_IS_REG: u8 = 0x08;
/// Two instructions that hold 64 bits.
pub(super) const LOAD_CONSTANT: u8 = 0x18;
pub(super) const TO_BIG_ENDIAN: u8 = 0xdc;
pub(super) const CALL: u8 = 0x85;
pub(super) const EXIT: u8 = 0x95;
/// Of `LOAD_CONSTANT`, in its source: the constant is a map's number.
pub(super) const PSEUDO_MAP: u8 = 1;
/// Of `CALL`: to a function of the program.
pub(super) const PSEUDO_CALL: u8 = 1;
/// Of `LOAD_CONSTANT`: the constant is the distance to a function.
pub(super) const PSEUDO_FUNCTION: u8 = 4;

/// A program that is being written.
#[derive(Default)]
pub struct Assembly {
    instructions: Vec<Instruction>,
    lacks: Vec<(usize, Lacks)>,
    labels: Vec<Option<usize>>,
    functions: Vec<(usize, &'static str)>,
}

/// A program, ready to be loaded.
pub struct Code {
    pub(super) instructions: Vec<Instruction>,
    /// Where each function begins, and its name.
    pub(super) functions: Vec<(usize, &'static str)>,
}

impl Assembly {
    /// A program without instructions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A label to be placed later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Here is `label`.
    pub fn place(&mut self, label: Label) {
        let place = &mut self.labels[label.0];
        assert!(place.is_none(), "a label has one place");
        *place = Some(self.instructions.len());
    }

    /// A label that is here.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.place(label);
        label
    }

    /// Here begins a function.
    pub fn function(&mut self, label: Label, name: &'static str) {
        self.place(label);
        self.functions.push((self.instructions.len(), name));
    }

    fn push(&mut self, code: u8, dst: Reg, src: u8, off: i16, imm: i32) {
        self.instructions.push(Instruction {
            code,
            dst: dst.0,
            src,
            off,
            imm,
        });
    }

    /// `dst op= with`, on 64 bits.
    pub fn alu(&mut self, op: Alu, dst: Reg, with: impl Into<Operand>) {
        match with.into() {
            Operand::Reg(src) => self.push(CLASS_ALU | op as u8 | SOURCE_IS_REG, dst, src.0, 0, 0),
            Operand::Constant(imm) => self.push(CLASS_ALU | op as u8, dst, 0, 0, imm),
        }
    }

    /// `dst = from`.
    pub fn mov(&mut self, dst: Reg, from: impl Into<Operand>) {
        self.alu(Alu::Move, dst, from);
    }

    /// `dst = value`, all 64 bits of it.
    pub fn constant(&mut self, dst: Reg, value: u64) {
        self.wide(dst, 0, value as u32 as i32, (value >> 32) as i32);
    }

    /// `dst = map`, of the list that the program is loaded with.
    pub fn map(&mut self, dst: Reg, number: u16) {
        self.wide(dst, PSEUDO_MAP, i32::from(number), 0);
    }

    /// `dst = function`, for a helper that calls it.
    pub fn function_at(&mut self, dst: Reg, function: Label) {
        let lacks = Lacks::Function(function);
        self.lacks.push((self.instructions.len(), lacks));
        self.wide(dst, PSEUDO_FUNCTION, 0, 0);
    }

    fn wide(&mut self, dst: Reg, src: u8, low: i32, high: i32) {
        self.push(LOAD_CONSTANT, dst, src, 0, low);
        self.push(CLASS_LOAD, R0, 0, 0, high);
    }

    /// The first byte of `dst` becomes its highest.
    pub fn swap(&mut self, dst: Reg) {
        self.push(TO_BIG_ENDIAN, dst, 0, 0, 64);
    }

    /// `dst = *(base + off)`, what is above the size being zero.
    pub fn load(&mut self, size: Size, dst: Reg, base: Reg, off: i16) {
        self.push(CLASS_LOAD_AT | size as u8, dst, base.0, off, 0);
    }

    /// `*(base + off) = from`.
    pub fn store(&mut self, size: Size, base: Reg, off: i16, from: impl Into<Operand>) {
        match from.into() {
            Operand::Reg(src) => self.push(CLASS_STORE_AT | size as u8, base, src.0, off, 0),
            Operand::Constant(imm) => {
                self.push(CLASS_STORE_CONSTANT_AT | size as u8, base, 0, off, imm);
            }
        }
    }

    /// `goto to`.
    pub fn goto(&mut self, to: Label) {
        self.lacks.push((self.instructions.len(), Lacks::Jump(to)));
        self.push(CLASS_JUMP, R0, 0, 0, 0);
    }

    /// `if what <when> with goto to`.
    pub fn jump(&mut self, what: Reg, when: When, with: impl Into<Operand>, to: Label) {
        self.lacks.push((self.instructions.len(), Lacks::Jump(to)));
        match with.into() {
            Operand::Reg(src) => {
                self.push(CLASS_JUMP | when as u8 | SOURCE_IS_REG, what, src.0, 0, 0);
            }
            Operand::Constant(imm) => self.push(CLASS_JUMP | when as u8, what, 0, 0, imm),
        }
    }

    /// Calls the kernel.
    pub fn helper(&mut self, helper: Helper) {
        self.push(CALL, R0, 0, 0, helper as i32);
    }

    /// Calls a function of the program.
    pub fn call(&mut self, function: Label) {
        let lacks = Lacks::Function(function);
        self.lacks.push((self.instructions.len(), lacks));
        self.push(CALL, R0, PSEUDO_CALL, 0, 0);
    }

    /// The end of the function; its answer is in `R0`.
    pub fn exit(&mut self) {
        self.push(EXIT, R0, 0, 0, 0);
    }

    /// The program.
    ///
    /// # Panics
    ///
    /// If a label was used and never placed, or a jump is longer than 32,767 instructions: mistakes of the writer,
    /// which every assembly makes the same.
    #[must_use]
    pub fn finish(mut self) -> Code {
        for (at, lacks) in self.lacks {
            let (Lacks::Jump(label) | Lacks::Function(label)) = lacks;
            let place = self.labels[label.0].expect("a label that is used is placed");
            let distance = place as i32 - at as i32 - 1;
            let instruction = &mut self.instructions[at];
            match lacks {
                Lacks::Jump(_) => {
                    instruction.off = i16::try_from(distance).expect("a jump is short");
                }
                Lacks::Function(_) => instruction.imm = distance,
            }
        }
        Code {
            instructions: self.instructions,
            functions: self.functions,
        }
    }
}

impl Code {
    /// How many instructions it has; one with 64 bits of constant counts twice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.instructions.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instructions.is_empty()
    }

    /// The program read back from its encoding, an instruction a line.
    #[must_use]
    pub fn listing(&self) -> String {
        listing::ebpf(&self.instructions, &self.functions)
    }
}

impl fmt::Debug for Code {
    /// Not its instructions: they may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} instructions)", self.len())
    }
}
