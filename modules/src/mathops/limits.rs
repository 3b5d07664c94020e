//! Bounds of expressions. What peers write may end up in them.

/// Bytes of an expression.
pub(super) const EXPRESSION_MAX: usize = 4096;

/// Operands within operands: parentheses, functions.
pub(super) const DEPTH_MAX: usize = 64;

/// Numbers on the stack of a reverse Polish expression.
pub(super) const STACK_MAX: usize = 64;

/// Digits behind the point, and significant figures: a double has no more.
pub(super) const DIGITS_MAX: i32 = 15;
