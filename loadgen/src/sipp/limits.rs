//! The bounds of scenario files and their calls.

/// Bytes of a scenario file.
pub(crate) const FILE_MAX: usize = 4 << 20;

/// Elements of a scenario file.
pub(crate) const ELEMENTS_MAX: usize = 20_000;

/// How deep elements stand in each other; a scenario needs four.
pub(crate) const DEPTH_MAX: usize = 8;

/// Bytes of a file of values.
pub(crate) const VALUES_MAX: usize = 1 << 30;

/// Variables of a scenario.
pub(crate) const VARIABLES_MAX: usize = 1_024;

/// Response time timers of a scenario: a bit each in a call.
pub(crate) const TIMERS_MAX: usize = 32;

/// Counters of a scenario.
pub(crate) const COUNTERS_MAX: usize = 64;

/// Methods that a scenario sends: a bit each in a call.
pub(crate) const METHODS_MAX: usize = 31;

/// Parts of a regular expression that a variable can be given.
pub(crate) const GROUPS_MAX: usize = 16;

/// Steps that a call takes before it has to wait for something; more is a loop without end.
pub(crate) const STEPS_MAX: usize = 10_000;

/// Calls of one thread, lingering ones included. A slot is 31 bits of a timer's name.
pub(crate) const CALLS_MAX: usize = 8 << 20;

/// Bytes of a message that a template makes: what fits a datagram.
pub(crate) const MESSAGE_MAX: usize = 65_507;

/// Bytes of a variable.
pub(crate) const TEXT_MAX: usize = 65_535;

/// Messages that wait until a pause of their call is over.
pub(crate) const EARLY_MAX: usize = 8;

/// Message buffers kept for reuse, and how large one may be.
pub(crate) const BUFFERS_POOLED: usize = 16_384;
/// A pooled buffer that grew past this is freed instead.
pub(crate) const BUFFER_BYTES_MAX: usize = 4_096;

/// Warnings shown as they come; the rest is counted.
pub(crate) const WARNINGS_SHOWN: u64 = 50;

/// Lines of the scenario's log that wait for the disk; the rest is counted.
pub(crate) const LOG_BYTES_MAX: usize = 16 << 20;

/// Diagnostics of one file.
pub(crate) const DIAGNOSTICS_MAX: usize = 20;

/// The longest time a histogram tells apart, ten minutes in microseconds. Longer counts as this.
pub(crate) const LONGEST: u64 = 600_000_000;

const _: () = assert!(CALLS_MAX < 1 << 31, "a slot is 31 bits of a timer's name");
const _: () = assert!(TIMERS_MAX <= 32 && METHODS_MAX <= 32, "a bit of a u32 each");
