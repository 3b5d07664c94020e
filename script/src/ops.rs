//! The operations of a program.
//!
//! A run has a program counter, a stack of values, `$rc`, the outcome of the last test, and one frame per called route.
//! An operation takes its operands from the stack and finishes or waits; when a variable or a function has to wait,
//! the operation has changed nothing yet and is done again, whole, when the run resumes. So a parked run is its stack,
//! its frames and an [`OpId`], and no operation calls another.
//!
//! A value on the stack is a string, a number (with its decimal string), NULL, or *failed*: what a bad subexpression
//! leaves behind. Operators hand a failed operand on; storing it is skipped with a warning and `$rc` = -1; testing it
//! is an error.
//!
//! What a variable needs besides its literal parts is pushed before it, in the order sub-name, index, parameters of
//! its transformations: `$(avp($var(n))[$var(i)]{s.substr,$var(a),2})` is `Load n, Load i, Load a, Load avp`. The
//! [`Spec`](crate::program::Spec) says how many values it takes; when one of them is failed or NULL, so is the result.

use crate::program::{AsyncId, CallId, ConstId, FormatId, NetId, RegexId, RouteId, SpecId};

/// Index of an operation in [`Program::ops`](crate::Program::ops).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub u32);

/// Index of a counter in the frame of a route, below [`Route::slots`](crate::program::Route::slots).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot(pub u16);

/// One operation. *Pops* and *pushes* are about the stack of values; rightmost is the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Pushes a literal.
    Push(ConstId),
    /// Pushes NULL.
    PushNull,
    /// Pushes `$rc` as a number: the value of a call in an expression.
    PushRc,
    /// Pushes the last outcome: 1, 0, or failed if it was an error.
    PushOutcome,
    /// Pushes the counter: the index of a `for`.
    PushCounter(Slot),
    /// Pops the operands of the variable, pushes its value. May wait.
    Load(SpecId),
    /// Pops the operands of the format (the first pushed is the first printed), pushes the text. NULL prints `<null>`;
    /// text beyond `pv_print_buf_size` is a failed value.
    Format(FormatId),
    /// Pushes the topmost n values once more, in the same order.
    Dup(u8),
    /// Moves the value below the topmost n to the top.
    Lift(u8),
    /// Pops one value.
    Pop,

    /// Pops left, right; pushes the result by the rules of `+` and its kin (script-language §7.4).
    Arithmetic(Operator),
    /// The same for `+=` and its kin, where NULL on either side is an error.
    Compound(Operator),
    /// Pops a number, pushes its complement: `~`.
    Complement,
    /// Pops the value, then the operands of the variable below it; assigns. `$rc` = 1, or -1 if the value is failed or
    /// cannot be assigned. Assigning NULL is deleting. May wait.
    Store {
        /// The variable.
        spec: SpecId,
        /// `=` or `:=`.
        how: StoreHow,
    },

    /// Pops a value; true unless it is NULL, an empty string or the number 0. Failed is an error.
    TestValue,
    /// Pops a value; true if it is NULL, or if it is not when negated.
    TestNull {
        /// `!= NULL`.
        negated: bool,
    },
    /// False if `$rc` < 0, otherwise true. (0 is left by a false `if` only, and counts as success; any other 0 has
    /// stopped the script.)
    TestRc,
    /// Pops a value, compares it with a literal. A number literal wants the number reading, otherwise an error; a
    /// string literal the string form.
    CompareConst {
        /// The operator.
        how: Comparison,
        /// The right side.
        constant: ConstId,
    },
    /// Pops left, right; both are variables: numbers if both are, else strings if both have a string form, else error.
    Compare(Comparison),
    /// Pops a value, matches it: `=~`, or `!~` if negated.
    MatchRegex {
        /// The compiled literal.
        regex: RegexId,
        /// `!~`.
        negated: bool,
    },
    /// Pops text, pattern; the pattern is compiled now. A bad one is an error.
    MatchValue {
        /// `!~`.
        negated: bool,
    },
    /// Pops a value, reads it as an IP address, tests membership. Not an address is an error; NULL is outside.
    MatchNet {
        /// The network; an address is a network of one.
        net: NetId,
        /// `!=`.
        negated: bool,
    },

    /// Goes on there.
    Jump(OpId),
    /// Goes on there if the last outcome is one of these. Where an error jumps with false, it was logged by the test.
    JumpIf {
        /// The outcomes.
        when: Outcomes,
        /// The target.
        to: OpId,
    },
    /// A `case`: if the top value equals the literal, pops it and jumps. A string literal compares without case with
    /// the string form, a number with the number.
    Case {
        /// The literal.
        constant: ConstId,
        /// The body.
        to: OpId,
    },
    /// Sets the counter to 0.
    LoopStart(Slot),
    /// Counts one round of a `while`; beyond `max_while_loops` logs an error and jumps.
    LoopGuard {
        /// The counter.
        slot: Slot,
        /// Behind the loop.
        exit: OpId,
    },
    /// The step of a `for`: if the top value is NULL or failed, pops it and jumps; else counts.
    ForStep {
        /// The counter.
        slot: Slot,
        /// Behind the loop.
        exit: OpId,
    },

    /// Sets `$rc`. A false `if` without `else` sets 0, which stops nothing.
    SetRc(i32),
    /// Calls a function: pops its operands, sets `$rc`. 0 stops the script. May wait. See [`Call`](crate::program::Call).
    Call(CallId),
    /// Pops the arguments, runs the route in a new frame with them as `$param(1)`…; the next operation follows when it
    /// returns, with `$rc` set by it.
    Route {
        /// The route.
        route: RouteId,
        /// How many arguments.
        args: u8,
    },
    /// Pops the arguments, then the name below them (text, or a number as text); a `route[name]` that does not exist is
    /// logged and sets `$rc` = -1.
    RouteByName {
        /// How many arguments.
        args: u8,
    },
    /// Pops the values for `$return(0)`…, then the code below them, which is `$rc`: a number as it is, 1 for another
    /// string, -1 for NULL. Leaves the route and its part of the stack; in a top route ends the run.
    /// Code 0 stops the script.
    Return {
        /// How many values beside the code.
        values: u8,
    },
    /// The end of a route that did not return: as `Return` with `$rc`, and 1 if `$rc` is 0 (a false `if`).
    RouteEnd,
    /// Stops the script; what happens by default at the end of such a route happens.
    Exit,
    /// Stops the script, and the message or branch is dropped if the kind of route knows that.
    Drop,
    /// Pops operands as `Call` does and starts the function asynchronously; the script ends here and goes on in
    /// another route. See [`Async`](crate::program::Async).
    Async(AsyncId),
    /// Pops operands as `Call` does, then (above them) the text for `$param(1)` if there is one; starts the function
    /// and goes on. See [`Async`](crate::program::Async).
    Launch(AsyncId),

    /// `log`: writes a text as it is; `$rc` = 1.
    Log {
        /// The level.
        level: i8,
        /// The text.
        text: ConstId,
    },
    /// Before the text of an `xlog` is made: if its level is above the run's `xlog_level`, sets `$rc` = 1 and jumps, and
    /// pops the level if it is on the stack. Otherwise leaves the stack alone.
    LogGuard {
        /// The level.
        level: LogLevel,
        /// Behind the `xlog`.
        skip: OpId,
    },
    /// Pops the text, then the level below it if it is on the stack; writes; `$rc` = 1.
    Xlog(LogLevel),
    /// An `assert` that did not hold: logs the text, ends the process if `abort_on_assert`, otherwise
    /// sets the error information (class assert, code 500), runs the error route and stops. Compiled only if
    /// `enable_asserts`.
    AssertFailed(Option<ConstId>),
}

const _: () = assert!(
    size_of::<Op>() <= 12,
    "operations stay small: hundreds run per message"
);

/// How a variable is assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreHow {
    /// `=`; adds a value to `$avp`.
    Set,
    /// `:=`; replaces all values of `$avp`, parses for `$json`.
    Replace,
}

/// Operators of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `+`, also of strings.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`, towards zero.
    Divide,
    /// `%`.
    Modulo,
    /// `&`, also of strings of one length.
    And,
    /// `|`, also of strings of one length.
    Or,
    /// `^`, also of strings of one length.
    Xor,
    /// `<<`.
    ShiftLeft,
    /// `>>`.
    ShiftRight,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `>`.
    Greater,
    /// `<=`.
    LessOrEqual,
    /// `>=`.
    GreaterOrEqual,
}

/// What a test can come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// False.
    False = 1,
    /// True.
    True = 2,
    /// Could not be told: logged as "error in expression FILE:LINE".
    Error = 4,
}

/// A set of outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Outcomes(pub u8);

impl Outcomes {
    /// Only false.
    pub const FALSE: Outcomes = Outcomes(Outcome::False as u8);
    /// Only true.
    pub const TRUE: Outcomes = Outcomes(Outcome::True as u8);
    /// Only error.
    pub const ERROR: Outcomes = Outcomes(Outcome::Error as u8);

    /// Is it one of these?
    #[inline]
    pub const fn contains(self, outcome: Outcome) -> bool {
        self.0 & outcome as u8 != 0
    }

    /// Both sets.
    pub const fn or(self, other: Outcomes) -> Outcomes {
        Outcomes(self.0 | other.0)
    }
}

/// The level of an `xlog`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogLevel {
    /// Written in the script, -3 (alert) to 4 (debug).
    Fixed(i8),
    /// Not written: `xlog_print_level`.
    Default,
    /// Read from a variable; on the stack.
    OnStack,
}
