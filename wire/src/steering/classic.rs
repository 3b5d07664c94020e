//! An assembler for classic BPF: Documentation/networking/filter.rst of Linux.
//!
//! One accumulator `a`, one index `x`, sixteen cells of memory, jumps forward only, at most 4,096 instructions. A load
//! outside the datagram ends the program with the answer 0, so lengths are compared first. Bytes are read in the
//! order of the network.

use std::fmt;

use super::listing;

/// Instructions of one program, `BPF_MAXINSNS`.
pub const INSTRUCTIONS_MAX: usize = 4096;

/// A place in a program, perhaps not yet known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// The other side of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A constant.
    Constant(u32),
    /// The index.
    X,
}

/// Arithmetic on 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Alu {
    Add = 0x00,
    Sub = 0x10,
    Mul = 0x20,
    Or = 0x40,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
}

/// When the first of the two ways of a jump is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[expect(missing_docs, reason = "the names say it")]
pub enum When {
    Equal = 0x10,
    Above = 0x20,
    AtLeast = 0x30,
}

/// An encoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub(crate) code: u16,
    pub(crate) jt: u8,
    pub(crate) jf: u8,
    pub(crate) k: u32,
}

pub(super) const LOAD_CONSTANT: u16 = 0x00;
pub(super) const LOAD_INDEX: u16 = 0x01;
pub(super) const LOAD_LENGTH: u16 = 0x80;
pub(super) const LOAD_CELL: u16 = 0x60;
pub(super) const LOAD_INDEX_CELL: u16 = 0x61;
pub(super) const LOAD_WORD: u16 = 0x40;
pub(super) const LOAD_BYTE: u16 = 0x50;
pub(super) const LOAD_WORD_AT: u16 = 0x20;
pub(super) const STORE: u16 = 0x02;
pub(super) const CLASS_ALU: u16 = 0x04;
pub(super) const CLASS_JUMP: u16 = 0x05;
pub(super) const FROM_X: u16 = 0x08;
pub(super) const RETURN: u16 = 0x06;
pub(super) const RETURN_A: u16 = 0x16;
pub(super) const A_TO_X: u16 = 0x07;
pub(super) const X_TO_A: u16 = 0x87;

/// Where the ways of a jump lead; `None`: to the next instruction.
type Ways = (Option<Label>, Option<Label>);

/// A program that is being written.
#[derive(Default)]
pub struct Assembly {
    instructions: Vec<Instruction>,
    jumps: Vec<(usize, Ways)>,
    labels: Vec<Option<usize>>,
}

/// A program, ready to be given to a socket.
pub struct Code {
    pub(crate) instructions: Vec<Instruction>,
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

    fn push(&mut self, code: u16, k: u32) {
        self.instructions.push(Instruction {
            code,
            jt: 0,
            jf: 0,
            k,
        });
    }

    /// `a = value`.
    pub fn constant(&mut self, value: u32) {
        self.push(LOAD_CONSTANT, value);
    }

    /// `x = value`.
    pub fn index(&mut self, value: u32) {
        self.push(LOAD_INDEX, value);
    }

    /// `a =` bytes of the datagram.
    pub fn length(&mut self) {
        self.push(LOAD_LENGTH, 0);
    }

    /// `a =` the four bytes at `x + at`.
    pub fn word(&mut self, at: u32) {
        self.push(LOAD_WORD, at);
    }

    /// `a =` the four bytes at `at`. Much faster than with the index.
    pub fn word_at(&mut self, at: u32) {
        self.push(LOAD_WORD_AT, at);
    }

    /// `a =` the byte at `x + at`.
    pub fn byte(&mut self, at: u32) {
        self.push(LOAD_BYTE, at);
    }

    /// `a = cell`.
    pub fn load(&mut self, cell: u32) {
        self.push(LOAD_CELL, cell);
    }

    /// `x = cell`.
    pub fn load_index(&mut self, cell: u32) {
        self.push(LOAD_INDEX_CELL, cell);
    }

    /// `cell = a`.
    pub fn store(&mut self, cell: u32) {
        self.push(STORE, cell);
    }

    /// `a op= with`.
    pub fn alu(&mut self, op: Alu, with: Operand) {
        match with {
            Operand::Constant(k) => self.push(CLASS_ALU | op as u16, k),
            Operand::X => self.push(CLASS_ALU | op as u16 | FROM_X, 0),
        }
    }

    /// `x = a`.
    pub fn to_index(&mut self) {
        self.push(A_TO_X, 0);
    }

    /// `a = x`.
    pub fn from_index(&mut self) {
        self.push(X_TO_A, 0);
    }

    /// `goto to`, however far.
    pub fn goto(&mut self, to: Label) {
        self.jumps.push((self.instructions.len(), (Some(to), None)));
        self.push(CLASS_JUMP, 0);
    }

    /// `if a <when> with goto yes else goto no`; at most 255 instructions further on.
    pub fn jump(&mut self, when: When, with: u32, yes: Option<Label>, no: Option<Label>) {
        self.jumps.push((self.instructions.len(), (yes, no)));
        self.push(CLASS_JUMP | when as u16, with);
    }

    /// Ends with this answer.
    pub fn answer(&mut self, value: u32) {
        self.push(RETURN, value);
    }

    /// Ends with the answer `a`.
    pub fn answer_a(&mut self) {
        self.push(RETURN_A, 0);
    }

    /// The program.
    ///
    /// # Panics
    ///
    /// If a label was used and never placed, lies behind, or is too far for its jump, or the program is too long:
    /// mistakes of the writer.
    #[must_use]
    pub fn finish(mut self) -> Code {
        assert!(self.instructions.len() <= INSTRUCTIONS_MAX, "too long");
        for (at, (yes, no)) in self.jumps {
            let distance = |label: Option<Label>| {
                let place = label.map(|one| self.labels[one.0].expect("a label is placed"));
                let place = place.unwrap_or(at + 1);
                place.checked_sub(at + 1).expect("jumps lead forward")
            };
            let (yes, no) = (distance(yes), distance(no));
            let instruction = &mut self.instructions[at];
            if instruction.code == CLASS_JUMP {
                instruction.k = yes as u32;
            } else {
                instruction.jt = u8::try_from(yes).expect("a jump is short");
                instruction.jf = u8::try_from(no).expect("a jump is short");
            }
        }
        Code {
            instructions: self.instructions,
        }
    }
}

impl Code {
    /// How many instructions it has.
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
        listing::classic(&self.instructions)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} instructions)", self.len())
    }
}
