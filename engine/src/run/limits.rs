//! The bounds of a run.

/// Values of all `$avp` of one message. A list of numbers to try is tens; this ends a loop that only adds.
pub const AVPS_MAX: usize = 4096;

/// Bytes of text in all `$avp` of one message.
pub const AVP_BYTES_MAX: usize = 256 << 10;

/// Names of variables, attributes and routes that a shard knows, those made at run time included.
pub const NAMES_MAX: usize = 1 << 16;

/// Bytes of text in all `$var` of a run.
pub const VAR_BYTES_MAX: usize = 1 << 20;

/// Bytes of text that one run's expressions may hold at a time.
pub const RUN_TEXT_MAX: usize = 4 << 20;

/// Scenes kept for reuse: as many as transactions begin and end in the same moment.
pub const SCENES_POOLED: usize = 4096;

/// Runs kept for reuse. One executes at a time; the others come from waits that ended together.
pub const RUNS_POOLED: usize = 256;

/// Runs that can wait at once: those of one second at full rate, each waiting as long as DNS may take.
pub const RUNS_PARKED_MAX: usize = 1 << 18;

/// The longest that a run waits when whoever it asks names no time of its own.
pub const WAIT_MS_MAX: u32 = 60_000;

/// Patterns known at run time that are kept compiled.
pub const PATTERNS_MAX: usize = 256;
