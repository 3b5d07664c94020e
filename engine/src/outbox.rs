//! What the world has to do after an input: one reusable arena of bytes with fixed descriptors.
//!
//! The engine writes, the shard (or sim) drains and clears. Order is the order of writing.
//! Nothing is allocated once the arena has reached its working size.

use crate::input::{Flow, Letter, ShardId, Ticket};
use parser::Frame;
use std::ops::Range;
use std::path::PathBuf;

/// One thing to do. Byte ranges are into [`Outbox::bytes`].
#[derive(Debug)]
pub enum Output {
    /// Send these bytes. A stream flow without a connection opens or reuses one to `flow.remote`.
    Send {
        /// Into [`Outbox::bytes`].
        range: Range<u32>,
        /// By which way.
        flow: Flow,
        /// Which call it is about: what has the same number keeps its order. 0 is a call like any other.
        call: u32,
        /// Told by `Input::SendFailed` when it cannot be sent; `Ticket::NONE` when nobody cares.
        ticket: Ticket,
    },
    /// This message belongs to another shard.
    Handover {
        /// The owner.
        to: ShardId,
        /// The bytes.
        frame: Frame,
        /// By which way it came to us.
        flow: Flow,
    },
    /// For a module of another shard.
    Letter(Letter),
    /// Ask the world; the answer comes back as `Input::Answer` with this ticket, at the latest by the deadline.
    Query {
        /// Who waits.
        ticket: Ticket,
        /// What is asked.
        query: Query,
        /// Monotonic microseconds.
        deadline_us: u64,
    },
    /// A line for the log.
    Log {
        /// OpenSIPS's levels: -3 alert, -2 critical, -1 error, 1 warning, 2 notice, 3 info, 4 debug.
        level: i8,
        /// Into [`Outbox::bytes`].
        range: Range<u32>,
    },
    /// The answer to a management command: JSON text.
    CommandAnswer {
        /// Of the command.
        ticket: Ticket,
        /// `Ok`: the result as JSON. `Err`: code, message.
        result: Result<Range<u32>, (i32, Range<u32>)>,
    },
    /// What has no connection of its own to `remote` leaves by this connection, while it lasts. It ends at another port
    /// of the same host.
    Alias(Flow),
    /// Close this connection.
    Close(Flow),
    /// End the process at once, by SIGABRT, when what was logged before is written: `abort_on_assert`.
    Abort,
    /// This input made us panic; its call was dropped. Keep the bytes for whoever looks into it.
    Quarantine {
        /// The message, into [`Outbox::bytes`]; empty when it was no message.
        range: Range<u32>,
        /// What the panic said.
        reason: Range<u32>,
        /// Whether the tables are still consistent; if not, the shard has to start anew.
        is_sound: bool,
    },
}

/// A question to the world outside the shard's engines.
#[derive(Debug)]
pub enum Query {
    /// A DNS question; the answer is the raw response message.
    Dns {
        /// Host name without the final dot.
        name: String,
        /// RFC 1035 §3.2.2 and later: 1 A, 28 AAAA, 33 SRV, 35 NAPTR.
        record_type: u16,
    },
    /// The bytes of a file.
    File {
        /// Relative to the directory the process started in.
        path: PathBuf,
        /// A larger one is an error.
        bytes_max: usize,
    },
    /// Wake me then; nothing is asked.
    Sleep,
}

/// Collects what is to be done.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    outputs: Vec<Output>,
    call: u32,
}

impl Outbox {
    /// An empty one; grows to its working size and keeps it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The arena all ranges point into.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is to be done, in order.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Takes the list for draining; ranges stay valid until [`Outbox::clear`].
    pub fn drain(&mut self) -> (std::vec::Drain<'_, Output>, &[u8]) {
        (self.outputs.drain(..), &self.bytes)
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.outputs.clear();
    }

    /// A place to cut back to when an input ends in a panic.
    pub fn mark(&self) -> (usize, usize) {
        (self.bytes.len(), self.outputs.len())
    }

    /// Cuts back to a mark.
    pub fn cut_back(&mut self, mark: (usize, usize)) {
        self.bytes.truncate(mark.0);
        self.outputs.truncate(mark.1);
    }

    /// What is sent from now on is about this call.
    pub fn about(&mut self, call: u32) {
        self.call = call;
    }

    /// Sends what `write` appends to the arena. Returns the range written.
    pub fn send(
        &mut self,
        flow: Flow,
        ticket: Ticket,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Range<u32> {
        let range = self.write(write);
        self.outputs.push(Output::Send {
            range: range.clone(),
            flow,
            call: self.call,
            ticket,
        });
        range
    }

    /// Appends bytes without a descriptor, for outputs that carry a range.
    pub fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<u32> {
        let start = self.bytes.len() as u32;
        write(&mut self.bytes);
        start..self.bytes.len() as u32
    }

    /// The bytes of a range of this outbox.
    pub fn slice(&self, range: &Range<u32>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }

    /// A log line.
    pub fn log(&mut self, level: i8, write: impl FnOnce(&mut Vec<u8>)) {
        let range = self.write(write);
        self.outputs.push(Output::Log { level, range });
    }

    /// Appends what another outbox holds, and empties that.
    pub fn append(&mut self, other: &mut Outbox) {
        let by = self.bytes.len() as u32;
        self.bytes.append(&mut other.bytes);
        let moved = |range: Range<u32>| range.start + by..range.end + by;
        self.outputs
            .extend(other.outputs.drain(..).map(|output| match output {
                Output::Send {
                    range,
                    flow,
                    call,
                    ticket,
                } => Output::Send {
                    range: moved(range),
                    flow,
                    call,
                    ticket,
                },
                Output::Log { level, range } => Output::Log {
                    level,
                    range: moved(range),
                },
                Output::CommandAnswer { ticket, result } => Output::CommandAnswer {
                    ticket,
                    result: match result {
                        Ok(range) => Ok(moved(range)),
                        Err((code, range)) => Err((code, moved(range))),
                    },
                },
                Output::Quarantine {
                    range,
                    reason,
                    is_sound,
                } => Output::Quarantine {
                    range: moved(range),
                    reason: moved(reason),
                    is_sound,
                },
                other => other,
            }));
    }

    /// Anything else.
    pub fn push(&mut self, output: Output) {
        self.outputs.push(output);
    }
}
