//! Bounds of expressions. What a peer writes may be matched, and may end up in an expression.

/// Expressions known at run time that are kept compiled.
pub(super) const PATTERNS_MAX: usize = 256;

/// Bytes that all of them may take on a shard, each counted with what it may grow to.
pub(super) const PATTERNS_BYTES_MAX: usize = 64 << 20;

/// Bytes of an expression that becomes known at run time.
pub(super) const PATTERN_BYTES_MAX: usize = 8 << 10;

/// Bytes of an automaton of an expression, and as much again while it matches; larger ones are possible, and counted as
/// the largest.
pub(super) const COMPILED_BYTES_USUAL: usize = 128 << 10;

/// Bytes of the largest automaton.
pub(super) const COMPILED_BYTES_MAX: usize = 4 << 20;

/// Steps back of one match.
pub(super) const BACKTRACKS_MAX: usize = 20_000;

/// Bytes of a text for an expression that steps back. Each step may look at all of it: together with the bound of steps
/// this is what a match costs at worst, a fraction of a second.
pub(super) const BACKTRACKED_BYTES_MAX: usize = 8 << 10;

const _: () = assert!(
    BACKTRACKED_BYTES_MAX * 2 < BACKTRACKS_MAX,
    "looking for the place where a match begins takes a step a byte"
);

const _: () = assert!(
    2 * COMPILED_BYTES_USUAL * PATTERNS_MAX <= PATTERNS_BYTES_MAX
        && 2 * COMPILED_BYTES_MAX <= PATTERNS_BYTES_MAX,
    "usual expressions are all kept, and a large one has room"
);
