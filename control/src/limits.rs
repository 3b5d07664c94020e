//! The bounds of the control side.

use std::time::Duration;

/// Reports from one shard that wait for the control thread: log pages and answers.
pub const REPORTS_MAX: usize = 256;

/// Orders to one shard that wait for its next turn.
pub const ORDERS_MAX: usize = 256;

/// Commands under way at once. More get an error at once.
pub const COMMANDS_MAX: usize = 64;

/// How long the shards may take for a command; what is missing then is left out, or an error if
/// nothing came.
pub const COMMAND_WITHIN: Duration = Duration::from_secs(5);

/// How long a script may take to be read, preprocessed and compiled for a reload; a preprocessor alone has 10 s.
pub const COMPILE_WITHIN: Duration = Duration::from_secs(20);

/// Orders to one shard whose ring had no room for them. A shard that is so stuck misses the reload's deadline.
pub const UNSENT_MAX: usize = 16;

/// How often a reload is tried with shards that are started anew in the middle of it.
pub const SWAPS_MAX: u32 = 3;

/// How long the shards may take for one step of a reload.
pub const RELOAD_STEP_WITHIN: Duration = Duration::from_secs(5);

/// Until an order for which a shard's ring had no room is tried again.
pub const ORDER_AGAIN: Duration = Duration::from_millis(5);

/// Answers that clients have not fetched yet. While there are so many, no further command is read.
pub const ANSWERS_MAX: usize = 64;

/// Files being read at once for the shards. Reloads are rare; more fail at once.
pub const FILES_MAX: usize = 16;

/// Bytes of one command.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// How long the rest of a command that has begun may take altogether.
pub const COMMAND_REST_WITHIN: Duration = Duration::from_secs(2);

/// The silence after which a command that has begun was all that its client wrote. Writing a command takes
/// a client one system call or a few in a row.
pub const COMMAND_SILENCE: Duration = Duration::from_millis(500);

/// Between two log lines about what came through the FIFO and is no command; whoever writes garbage without
/// end does not fill the log.
pub const BROKEN_LOG_EVERY: Duration = Duration::from_secs(1);

/// Bytes of what is no command that its log line shows.
pub const BROKEN_SHOWN_BYTES: usize = 60;

/// How long a client may take to open its reply FIFO, and to read the answer.
pub const REPLY_WITHIN: Duration = Duration::from_secs(2);

/// How often the FIFO is looked for, and made again if somebody removed it.
pub const FIFO_CHECK: Duration = Duration::from_secs(30);

/// Until a FIFO that could not be made again is tried another time.
pub const FIFO_AGAIN: Duration = Duration::from_secs(1);

/// How long the shards may take for their last log lines when everything ends.
pub const FAREWELL_WITHIN: Duration = Duration::from_millis(1450);

/// How long clients may take after that to fetch the answers that are on their way, `kill`'s among them.
pub const LAST_ANSWERS_WITHIN: Duration = Duration::from_millis(200);
