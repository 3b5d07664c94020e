//! One connection: what it has read of a message, what it still owes.

use engine::{Flow, ShardId, Ticket};
use parser::Frame;
use parser::framing::{Framed, Framing};
use parser::limits::MESSAGE_BYTES_MAX;
use wire::{Epoll, Interest, Stream};

use super::StreamSettings;
use super::queue::Queue;
use crate::limits::STALLED_S_MAX;

/// Readings of one connection in one turn, so that a fast peer does not starve the others.
const READINGS_A_TURN: usize = 4;

/// RFC 5626 §3.5.1: the answer to a ping.
const PONG: &[u8] = b"\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Under way; what is sent waits.
    Connecting,
    Open,
    /// Nothing is read any more; it ends when nothing is owed.
    Closing,
}

/// Who wants to know that a message could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) shard: ShardId,
    pub(crate) ticket: Ticket,
}

pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) flow: Flow,
    pub(super) state: State,
    /// Other ports of the peer that it stands for (RFC 5923).
    pub(super) aliases: Vec<u16>,
    /// When bytes last went either way, in seconds.
    pub(super) active_s: u32,
    /// When the incomplete message began.
    partial_since_s: u32,
    /// When the peer last took something of what is owed.
    owed_since_s: u32,
    framing: Framing,
    /// Bytes that the incomplete message has at least.
    needs: u32,
    /// The incomplete message.
    partial: Option<Frame>,
    queue: Option<Box<Queue>>,
    asked: Interest,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Open,
    /// What came cannot be framed; it was passed on as far as it came.
    Lost,
    /// The peer has finished, or the connection is broken.
    Ended,
}

pub(super) enum WriteError {
    QueueFull(Sender),
    Broken(Sender),
}

impl Connection {
    pub(super) fn new(stream: Stream, state: State, flow: Flow, now_s: u32) -> Connection {
        let asked = if state == State::Connecting {
            Interest::WRITE
        } else {
            Interest::READ
        };
        Connection {
            stream,
            flow,
            state,
            aliases: Vec::new(),
            active_s: now_s,
            partial_since_s: now_s,
            owed_since_s: now_s,
            framing: Framing::default(),
            needs: 0,
            partial: None,
            queue: None,
            asked,
        }
    }

    /// Whether it is to end: silent, in the middle of one message for too long, or owing a peer that
    /// takes nothing. Connecting has a deadline of its own.
    pub(super) fn is_over(&self, now_s: u32, settings: &StreamSettings) -> bool {
        if self.state == State::Connecting {
            return false;
        }
        let lasts = |since_s: u32, max_s: u64| u64::from(now_s.saturating_sub(since_s)) >= max_s;
        lasts(self.active_s, settings.lifetime.as_secs())
            || (self.partial.is_some()
                && lasts(self.partial_since_s, settings.message_time.as_secs().max(1)))
            || (self.owes() && lasts(self.owed_since_s, STALLED_S_MAX))
    }

    /// Whether bytes wait to be written.
    pub(super) fn owes(&self) -> bool {
        self.queue.is_some()
    }

    /// Tells the kernel what this connection waits for, if that has changed.
    pub(super) fn ask(&mut self, epoll: &Epoll) {
        let wanted = match self.state {
            State::Connecting => Interest::WRITE,
            State::Open if self.owes() => Interest::BOTH,
            State::Open => Interest::READ,
            State::Closing if self.owes() => Interest::WRITE,
            State::Closing => Interest::NOTHING,
        };
        if wanted != self.asked
            && epoll
                .modify(&self.stream, self.flow.connection.0, wanted)
                .is_ok()
        {
            self.asked = wanted;
        }
    }

    /// Sends a message, now or when the peer reads again.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        sender: Sender,
        now_s: u32,
    ) -> Result<(), WriteError> {
        let mut written = 0;
        if self.state != State::Connecting && self.queue.is_none() {
            while written < bytes.len() {
                match self.stream.write(&bytes[written..]) {
                    Ok(Some(count)) => written += count,
                    Ok(None) => break,
                    Err(_) => return Err(WriteError::Broken(sender)),
                }
            }
            if written == bytes.len() {
                return Ok(());
            }
        }
        if self.queue.is_none() {
            self.owed_since_s = now_s;
        }
        let queue = self.queue.get_or_insert_default();
        // A message that has begun must be finished, or the stream is worth nothing.
        if written == 0 && !queue.has_room(bytes.len()) {
            return Err(WriteError::QueueFull(sender));
        }
        queue.push(&bytes[written..], sender);
        Ok(())
    }

    /// Writes what is owed, as far as the peer takes it.
    pub(super) fn drain(&mut self, now_s: u32) -> std::io::Result<()> {
        let Some(queue) = &mut self.queue else {
            return Ok(());
        };
        while !queue.is_empty() {
            match self.stream.write(queue.front())? {
                Some(count) => {
                    self.owed_since_s = now_s;
                    queue.consume(count);
                }
                None => return Ok(()),
            }
        }
        self.queue = None;
        Ok(())
    }

    /// Who sent what was never written whole.
    pub(super) fn unsent(&mut self) -> impl Iterator<Item = Sender> + use<> {
        self.queue
            .take()
            .into_iter()
            .flat_map(|queue| queue.into_senders())
    }

    /// Reads what is there and passes on each whole message.
    pub(super) fn read(
        &mut self,
        page: &mut [u8],
        now_s: u32,
        mut pass: impl FnMut(Frame, Flow),
    ) -> Reading {
        if self.state == State::Closing {
            return Reading::Open;
        }
        for _ in 0..READINGS_A_TURN {
            let (reading, drained) = match self.partial.take() {
                None => self.read_page(page, now_s, &mut pass),
                Some(partial) => self.read_on(partial, now_s, &mut pass),
            };
            if reading != Reading::Open || drained {
                return reading;
            }
        }
        Reading::Open
    }

    /// Nothing is incomplete: into the shard's page, most often whole messages.
    fn read_page(
        &mut self,
        page: &mut [u8],
        now_s: u32,
        pass: &mut impl FnMut(Frame, Flow),
    ) -> (Reading, bool) {
        // One byte less than the page: what is left over must fit into a frame.
        let room = page.len().min(MESSAGE_BYTES_MAX);
        let count = match self.stream.read(&mut page[..room]) {
            Ok(Some(0)) | Err(_) => return (Reading::Ended, true),
            Ok(Some(count)) => count,
            Ok(None) => return (Reading::Open, true),
        };
        let first = self.framing.next(&page[..count]);
        let (consumed, ended) = self.cut(first, &page[..count], now_s, pass);
        if ended {
            return (Reading::Lost, true);
        }
        if consumed < count {
            self.begin_partial(&page[consumed..count], now_s);
        }
        (Reading::Open, count < room)
    }

    /// A message is incomplete: on behind what is there of it.
    fn read_on(
        &mut self,
        mut partial: Frame,
        now_s: u32,
        pass: &mut impl FnMut(Frame, Flow),
    ) -> (Reading, bool) {
        let filled = partial.len();
        let wanted = (self.needs as usize).max(filled + 1);
        if partial.capacity() < wanted {
            if wanted > MESSAGE_BYTES_MAX {
                pass(partial, self.flow);
                return (Reading::Lost, true);
            }
            let mut larger = Frame::with_capacity(wanted);
            larger.extend(&partial);
            partial = larger;
        }
        let capacity = partial.capacity();
        let room = &mut partial.spare_mut()[filled..capacity];
        let count = match self.stream.read(room) {
            Ok(Some(0)) | Err(_) => return (Reading::Ended, true),
            Ok(Some(count)) => count,
            Ok(None) => {
                self.partial = Some(partial);
                return (Reading::Open, true);
            }
        };
        let drained = count < room.len();
        partial.set_len(filled + count);
        // Looked at once only: the framing remembers half a ping.
        let first = self.framing.next(&partial);
        if first == (Framed::Message { len: partial.len() }) {
            // Whole at last, and nothing behind it: the frame itself is the message.
            pass(partial, self.flow);
            return (Reading::Open, drained);
        }
        let (consumed, ended) = self.cut(first, &partial, now_s, pass);
        if ended {
            return (Reading::Lost, true);
        }
        if consumed == 0 {
            self.partial = Some(partial);
        } else if consumed < partial.len() {
            self.begin_partial(&partial[consumed..], now_s);
        }
        (Reading::Open, drained)
    }

    /// The front of another message: its time counts from here, however busy the stream was before.
    fn begin_partial(&mut self, bytes: &[u8], now_s: u32) {
        self.partial = Some(Frame::copy_of(bytes));
        self.partial_since_s = now_s;
    }

    /// Cuts whole messages off the front; `framed` is what stands there. The answer is how many bytes
    /// they took, and whether the framing is lost behind them.
    fn cut(
        &mut self,
        mut framed: Framed,
        bytes: &[u8],
        now_s: u32,
        pass: &mut impl FnMut(Frame, Flow),
    ) -> (usize, bool) {
        let mut at = 0;
        loop {
            at += match framed {
                Framed::Message { len } => {
                    pass(Frame::copy_of(&bytes[at..at + len]), self.flow);
                    len
                }
                Framed::Ping { len } => {
                    // A peer that pings and does not read its pongs gets no more of them.
                    let nobody = Sender {
                        shard: self.flow.connection.shard(),
                        ticket: Ticket::NONE,
                    };
                    let _ = self.write(PONG, nobody, now_s);
                    len
                }
                Framed::Pong { len } => len,
                Framed::NeedMore { at_least } => {
                    self.needs = at_least as u32;
                    return (at, false);
                }
                Framed::Lost(_) => {
                    pass(Frame::copy_of(&bytes[at..]), self.flow);
                    return (at, true);
                }
            };
            if at >= bytes.len() {
                return (bytes.len(), false);
            }
            framed = self.framing.next(&bytes[at..]);
        }
    }
}
