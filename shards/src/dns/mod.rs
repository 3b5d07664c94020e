//! DNS questions of one shard: RFC 1035 over UDP, and over TCP when the answer was cut.
//!
//! Bytes only: the answer goes to the engine as it came, once it is the answer to this question.
//! What it means, and how long, is the engine's `resolve`. Each question has a socket of its own, so
//! that a forger has to guess the port as well as the number (RFC 5452).

mod configuration;
mod question;

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use engine::Ticket;
use engine::input::Answer;
use parser::Frame;
use wire::stream::StreamOptions;
use wire::{DatagramSocket, Epoll, Interest, Stream};

use crate::alarms::{Alarm, Alarms};
use crate::counters::Counters;
use crate::limits::DNS_QUESTIONS_MAX;
pub use configuration::DnsSettings;
use question::{Fit, Question};

/// All questions of one shard that are under way.
pub(crate) struct Dns {
    settings: DnsSettings,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Names the epoll entries of questions among the shard's tokens.
    token_base: u64,
    random: fastrand::Rng,
    /// Which server is asked first; the next one after a server has failed.
    favourite: usize,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    asking: Option<Asking>,
}

struct Asking {
    ticket: Ticket,
    question: Question,
    deadline_us: u64,
    tries: u32,
    server: usize,
    channel: Channel,
}

enum Channel {
    Datagram(DatagramSocket),
    Stream(Exchange),
}

/// A question over TCP: two bytes of length before either message (RFC 1035 §4.2.2).
struct Exchange {
    stream: Stream,
    written: usize,
    received: Vec<u8>,
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Channel::Datagram(socket) => socket.as_raw_fd(),
            Channel::Stream(exchange) => exchange.stream.as_raw_fd(),
        }
    }
}

/// What a look at a channel found.
enum Outcome {
    Nothing,
    Answered(Frame),
    /// Cut: ask again over TCP.
    Cut,
    /// The server does not know the extension of RFC 6891: ask again without.
    TooNew,
    /// This server cannot help: ask the next.
    Refused,
}

impl Dns {
    pub(crate) fn new(settings: DnsSettings, token_base: u64, seed: u64) -> Dns {
        Dns {
            settings,
            slots: Vec::new(),
            free: Vec::new(),
            token_base,
            random: fastrand::Rng::with_seed(seed),
            favourite: 0,
        }
    }

    /// Asks. `Some` is an answer at once: that it cannot be asked.
    #[expect(
        clippy::too_many_arguments,
        reason = "a question, and where its effects go"
    )]
    pub(crate) fn ask(
        &mut self,
        ticket: Ticket,
        name: &str,
        record_type: u16,
        now_us: u64,
        deadline_us: u64,
        epoll: &Epoll,
        alarms: &mut Alarms,
        counters: &mut Counters,
    ) -> Option<Answer> {
        let question = match Question::new(name, record_type, self.random.u16(..)) {
            Some(question) if self.slots.len() - self.free.len() < DNS_QUESTIONS_MAX => question,
            _ => {
                counters.dns_failures += 1;
                return Some(Answer::Failed);
            }
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let server = self.favourite;
        let Some(channel) = self.open(server, &question, counters) else {
            self.free.push(slot);
            counters.dns_failures += 1;
            return Some(Answer::Failed);
        };
        self.slots[slot as usize].generation = self.slots[slot as usize].generation.wrapping_add(1);
        self.slots[slot as usize].asking = Some(Asking {
            ticket,
            question,
            deadline_us,
            tries: 1,
            server,
            channel,
        });
        self.listen(slot, now_us, epoll, alarms);
        None
    }

    /// The channel of this slot is ready.
    pub(crate) fn ready(
        &mut self,
        slot: u32,
        now_us: u64,
        epoll: &Epoll,
        alarms: &mut Alarms,
        counters: &mut Counters,
    ) -> Option<(Ticket, Answer)> {
        let asking = self.slots.get_mut(slot as usize)?.asking.as_mut()?;
        match look(asking) {
            Outcome::Nothing => {
                // Asked in full: from here on only its answer is waited for, not room to write.
                if let Channel::Stream(exchange) = &asking.channel
                    && exchange.written == asking.question.framed().len()
                {
                    let token = self.token_base | u64::from(slot);
                    let _ = epoll.modify(&asking.channel, token, Interest::READ);
                }
                None
            }
            Outcome::Answered(frame) => {
                Some(self.finish(slot, Answer::Dns(frame), epoll, counters))
            }
            Outcome::Cut => {
                let server = self.settings.servers[asking.server % self.settings.servers.len()];
                match exchange(server) {
                    Some(exchange) => {
                        let _ = epoll.remove(&asking.channel);
                        asking.channel = Channel::Stream(exchange);
                        self.listen(slot, now_us, epoll, alarms);
                        None
                    }
                    None => self.ask_next(slot, now_us, epoll, alarms, counters),
                }
            }
            Outcome::TooNew => {
                asking.question.without_extension();
                // The same server again, with what it understands.
                asking.server = asking.server.wrapping_sub(1);
                self.ask_next(slot, now_us, epoll, alarms, counters)
            }
            Outcome::Refused => self.ask_next(slot, now_us, epoll, alarms, counters),
        }
    }

    /// The time of one try is over.
    pub(crate) fn deadline(
        &mut self,
        slot: u32,
        generation: u32,
        now_us: u64,
        epoll: &Epoll,
        alarms: &mut Alarms,
        counters: &mut Counters,
    ) -> Option<(Ticket, Answer)> {
        let entry = self.slots.get(slot as usize)?;
        entry
            .asking
            .as_ref()
            .filter(|_| entry.generation == generation)?;
        self.ask_next(slot, now_us, epoll, alarms, counters)
    }

    fn ask_next(
        &mut self,
        slot: u32,
        now_us: u64,
        epoll: &Epoll,
        alarms: &mut Alarms,
        counters: &mut Counters,
    ) -> Option<(Ticket, Answer)> {
        let tries_max = self.settings.attempts * self.settings.servers.len() as u32;
        let asking = self.slots.get_mut(slot as usize)?.asking.as_mut()?;
        let is_late = now_us >= asking.deadline_us;
        if is_late || asking.tries >= tries_max {
            let answer = if is_late {
                Answer::TimedOut
            } else {
                Answer::Failed
            };
            return Some(self.finish(slot, answer, epoll, counters));
        }
        asking.tries += 1;
        asking.server = asking.server.wrapping_add(1) % self.settings.servers.len();
        asking.question.renumber(self.random.u16(..));
        let (server, question) = (asking.server, asking.question.clone());
        let _ = epoll.remove(&asking.channel);
        let Some(channel) = self.open(server, &question, counters) else {
            return Some(self.finish(slot, Answer::Failed, epoll, counters));
        };
        // Whoever is asked next begins where somebody answers.
        self.favourite = server;
        if let Some(asking) = self.slots[slot as usize].asking.as_mut() {
            asking.channel = channel;
        }
        self.slots[slot as usize].generation = self.slots[slot as usize].generation.wrapping_add(1);
        self.listen(slot, now_us, epoll, alarms);
        None
    }

    fn open(&self, server: usize, question: &Question, counters: &mut Counters) -> Option<Channel> {
        let server = self
            .settings
            .servers
            .get(server % self.settings.servers.len().max(1))?;
        let socket = DatagramSocket::connect(*server).ok()?;
        counters.dns_questions += 1;
        // A failure here is reported by the socket as well; the next server is asked then.
        let _ = socket.send(question.bytes());
        Some(Channel::Datagram(socket))
    }

    /// Puts the channel of a slot under watch, and its try under a deadline.
    fn listen(&mut self, slot: u32, now_us: u64, epoll: &Epoll, alarms: &mut Alarms) {
        let entry = &self.slots[slot as usize];
        let Some(asking) = &entry.asking else { return };
        let interest = match asking.channel {
            Channel::Datagram(_) => Interest::READ,
            Channel::Stream(_) => Interest::BOTH,
        };
        let _ = epoll.add(&asking.channel, self.token_base | u64::from(slot), interest);
        let a_try = self.settings.timeout.as_micros() as u64;
        alarms.set(
            (now_us + a_try).min(asking.deadline_us.max(now_us)),
            Alarm::Question(slot, entry.generation),
        );
    }

    fn finish(
        &mut self,
        slot: u32,
        answer: Answer,
        epoll: &Epoll,
        counters: &mut Counters,
    ) -> (Ticket, Answer) {
        if !matches!(answer, Answer::Dns(_)) {
            counters.dns_failures += 1;
        }
        let ticket = match self.slots[slot as usize].asking.take() {
            Some(asking) => {
                let _ = epoll.remove(&asking.channel);
                self.free.push(slot);
                asking.ticket
            }
            None => Ticket::NONE,
        };
        (ticket, answer)
    }
}

fn exchange(server: SocketAddr) -> Option<Exchange> {
    let any = if server.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let stream = Stream::connect(any, server, &StreamOptions::default()).ok()?;
    Some(Exchange {
        stream,
        written: 0,
        received: Vec::new(),
    })
}

fn look(asking: &mut Asking) -> Outcome {
    let mut room = [0u8; 4096];
    match &mut asking.channel {
        Channel::Datagram(socket) => loop {
            match socket.receive(&mut room) {
                Ok(len) => match asking.question.fits(&room[..len]) {
                    Fit::Answer => return Outcome::Answered(Frame::copy_of(&room[..len])),
                    Fit::Cut => return Outcome::Cut,
                    Fit::TooNew => return Outcome::TooNew,
                    Fit::Refused => return Outcome::Refused,
                    // Somebody else's, or forged: keep listening.
                    Fit::Stranger => {}
                },
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    return Outcome::Nothing;
                }
                Err(_) => return Outcome::Refused,
            }
        },
        Channel::Stream(exchange) => {
            let framed = asking.question.framed();
            while exchange.written < framed.len() {
                match exchange.stream.write(&framed[exchange.written..]) {
                    Ok(Some(count)) => exchange.written += count,
                    Ok(None) => return Outcome::Nothing,
                    Err(_) => return Outcome::Refused,
                }
            }
            loop {
                match exchange.stream.read(&mut room) {
                    Ok(Some(0)) | Err(_) => return Outcome::Refused,
                    Ok(Some(count)) => exchange.received.extend_from_slice(&room[..count]),
                    Ok(None) => return Outcome::Nothing,
                }
                let received = &exchange.received;
                let [high, low, message @ ..] = received.as_slice() else {
                    continue;
                };
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                if message.len() < len {
                    continue;
                }
                return match asking.question.fits(&message[..len]) {
                    Fit::Answer | Fit::Cut => Outcome::Answered(Frame::copy_of(&message[..len])),
                    _ => Outcome::Refused,
                };
            }
        }
    }
}
