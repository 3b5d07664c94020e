//! Bounds of a rehearsal: a test file may be wrong in any way, and must not take the machine with it.

/// Bytes of a test file.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;

/// Servers of a test.
pub(super) const SERVERS_MAX: usize = 8;

/// Shards of a server.
pub(super) const SHARDS_MAX: u16 = 64;

/// Peers of a test.
pub(super) const PEERS_MAX: usize = 256;

/// The longest that one `wait` lets pass: a week.
pub(super) const WAIT_US_MAX: u64 = 7 * 24 * 3600 * 1_000_000;

/// Events of one step. A loop between servers, or a script that sends for ever, ends here.
pub(super) const EVENTS_PER_STEP_MAX: usize = 200_000;

/// Lines of what happened. Beyond that a test shows nothing to anybody.
pub(super) const ENTRIES_MAX: usize = 50_000;

/// The most cells of the table that finds a difference line by line; beyond that the rest is shown as replaced.
pub(super) const DIFFERENCE_CELLS_MAX: usize = 16 << 20;

/// `calm` waits this long for everything to end: an hour.
pub(super) const CALM_US_MAX: u64 = 3600 * 1_000_000;
