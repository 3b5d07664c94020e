//! The bounds of the compiler, and why each is what it is.

/// Files that may include each other at once, the main script counted. OpenSIPS stops flattening here.
pub const INCLUDE_DEPTH_MAX: usize = 50;

/// Bytes of the script with all its includes in place. The largest public script has 70 kB.
pub const SOURCE_BYTES_MAX: usize = 4 << 20;

/// Bytes of a line before a place whose column counts characters.
pub const COLUMNS_COUNTED_MAX: usize = 4096;

/// Files of one script, repeated includes counted: 50 levels of two includes each would never end.
pub const FILES_MAX: usize = 4096;

/// Bytes of one variable with its sub-name and transformations.
pub const VARIABLE_BYTES_MAX: usize = 8192;

/// Blocks, parentheses, comments and variables inside each other. The parser descends once per level, so this bounds
/// its stack; a person does not write ten.
pub const NESTING_MAX: usize = 64;

/// Errors shown in one run; with one more the compiler stops. What follows the first few is rarely news.
pub const ERRORS_MAX: usize = 50;

/// Warnings kept in one run.
pub const WARNINGS_MAX: usize = 200;

/// Arguments of a function call: the language's own limit.
pub const CALL_ARGS_MAX: usize = 8;

/// Parameters of `route(x, ...)` and values of `return(code, ...)`: the language's own limit.
pub const ROUTE_ARGS_MAX: usize = 8;

/// Values that a run can have on its stack inside one route. A call of eight arguments, each of them a format string
/// of a dozen variables, stays far below; more is an error where it is written.
pub const STACK_MAX: usize = 255;

/// Routes called inside each other at run time: the language's own limit.
pub const ROUTE_DEPTH_MAX: usize = 100;

/// Operations of one program.
pub const OPS_MAX: usize = 1 << 20;

/// Bytes that a compiled regular expression may take. One is made per literal, so a script cannot eat the machine.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

const _: () = assert!(
    NESTING_MAX < 256 && STACK_MAX < 256,
    "both are kept in a byte"
);
