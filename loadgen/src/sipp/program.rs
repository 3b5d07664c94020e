//! What a scenario file becomes: steps, each with what it sends or waits for.
//!
//! Made once and shared read-only by all threads.

use std::fmt;

use regex::bytes::Regex;

use super::chance::Distribution;
use super::injection::Injection;

/// Names a variable: a place in [`Program::variables`].
pub(crate) type VariableId = u16;

#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) steps: Vec<Step>,
    pub(crate) variables: Vec<Variable>,
    /// How many variables each call, the thread and each user have.
    pub(crate) slots: Slots,
    /// Names of response time timers.
    pub(crate) timers: Vec<String>,
    pub(crate) counters: Vec<String>,
    /// Methods that the scenario sends.
    pub(crate) methods: Vec<Vec<u8>>,
    /// Bounds in milliseconds; by timer.
    pub(crate) response_bounds: Vec<(usize, Vec<u64>)>,
    pub(crate) length_bounds: Vec<u64>,
    pub(crate) files: Vec<Injection>,
    /// Fields that hold an `[authentication]` of their own: file, row, column.
    pub(crate) cells: std::collections::HashMap<(u16, u32, u16), Template>,
    pub(crate) uses: Uses,
}

/// What has to be remembered of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    pub(crate) peer_tag: bool,
    pub(crate) routes: bool,
    pub(crate) log: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) call: u16,
    pub(crate) global: u16,
    pub(crate) user: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Begins by sending.
    Caller,
    /// Begins by receiving.
    Callee,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Call,
    Global,
    User,
}

#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) slot: u16,
}

#[derive(Debug)]
pub(crate) struct Step {
    /// In the file.
    pub(crate) line: u32,
    pub(crate) kind: Kind,
    /// Only when this variable is set, or is not.
    pub(crate) when: Option<(VariableId, bool)>,
    pub(crate) start_timer: Option<u8>,
    pub(crate) stop_timer: Option<u8>,
    /// The timer may be stopped again in the same call.
    pub(crate) repeats_timer: bool,
    pub(crate) counter: Option<u16>,
    pub(crate) next: Option<Next>,
    pub(crate) actions: Vec<Action>,
    /// The share of messages that are thrown away, 0 to 1.
    pub(crate) lost: f64,
    /// An empty line behind it in the table.
    pub(crate) gap: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Next {
    pub(crate) step: u32,
    pub(crate) test: Option<VariableId>,
    /// 0 to 1.
    pub(crate) chance: f64,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Send(Send),
    Recv(Recv),
    Pause(Pause),
    Nop,
    /// The call is over and stays for so many milliseconds to answer what is repeated.
    TimeWait(u32),
}

#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) template: Template,
    pub(crate) what: What,
    /// T1 in milliseconds: sent again until something expected comes.
    pub(crate) retrans: Option<u32>,
    /// As the table shows it: a method or a status.
    pub(crate) shown: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A place in [`Program::methods`].
    Request(u8),
    Ack,
    Cancel(u8),
    Response,
    /// The start line begins with a keyword: looked at when it is written.
    Computed,
}

#[derive(Debug)]
pub(crate) struct Recv {
    pub(crate) expect: Expect,
    pub(crate) optional: Optional,
    /// Of this step alone, in milliseconds.
    pub(crate) timeout: Option<u32>,
    pub(crate) on_timeout: Option<u32>,
    /// The shortest of the chain of optional messages that begins here, and whose it is.
    pub(crate) chain_timeout: Option<(u32, u32)>,
    pub(crate) keeps_routes: bool,
    pub(crate) keeps_challenge: bool,
    /// A later step repeats parts of the message.
    pub(crate) keeps_message: bool,
}

#[derive(Debug)]
pub(crate) enum Expect {
    Request(Vec<u8>),
    RequestLike(Box<Regex>),
    Response(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Optional {
    No,
    Yes,
    /// At any time.
    Global,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pause {
    /// `-d`.
    Default,
    For(Distribution),
    Variable(VariableId),
}

/// Text with places to fill in.
#[derive(Default)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => write!(f, "{}", String::from_utf8_lossy(text)),
            Part::Slot(slot) => write!(f, "{{{:?}}}", slot.keyword),
            Part::Body => Ok(()),
        })
    }
}

#[derive(Debug)]
pub(crate) enum Part {
    Text(Box<[u8]>),
    Slot(Slot),
    /// The body begins.
    Body,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) keyword: Keyword,
    /// The part to go on with when there is nothing to fill in: the rest of the line is left out.
    pub(crate) otherwise: Option<u32>,
}

#[derive(Debug)]
pub(crate) enum Keyword {
    CallId,
    CallNumber(i64),
    Cseq(i64),
    /// Of the message that so many steps away sends.
    Branch(u32),
    LocalPort(i64),
    RemoteIp,
    RemotePort(i64),
    AutoMediaPort(i64),
    Len(i64),
    PeerTag,
    Routes,
    NextUrl,
    LastHeader(Box<[u8]>),
    LastMessage,
    LastRequestUri,
    LastCseqNumber(i64),
    Authentication(Box<Login>),
    Field {
        file: u16,
        column: u16,
        row: Option<Operand>,
    },
    Variable(VariableId),
    Timestamp,
    ClockTick,
    Users,
    UserId,
}

#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) user: Template,
    pub(crate) password: Template,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operand {
    Number(f64),
    Variable(VariableId),
}

#[derive(Debug)]
pub(crate) enum Action {
    Search(Box<Search>),
    Log(Template),
    Warning(Template),
    Assign(VariableId, Operand),
    AssignText(VariableId, Template),
    Arithmetic(Arithmetic, VariableId, Operand),
    ToDouble(VariableId, VariableId),
    Trim(VariableId),
    Sample(VariableId, Distribution),
    Test {
        to: VariableId,
        left: VariableId,
        compare: Compare,
        right: Operand,
    },
    CompareText {
        to: VariableId,
        left: VariableId,
        right: Template,
    },
    /// Whether the request proves that it knows the password.
    VerifyAuth {
        to: VariableId,
        user: Template,
        password: Template,
    },
    Jump(Operand),
    TimeOfDay(VariableId, Option<VariableId>),
    Stop(Stop),
}

#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) regex: Regex,
    pub(crate) within: Within,
    pub(crate) check: Option<Check>,
    /// The whole match, then its groups.
    pub(crate) assign_to: Vec<VariableId>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Within {
    Message,
    Body,
    Header {
        /// With its colon, if it was written with one.
        name: String,
        /// From 1; from the end if below 0.
        occurrence: i32,
        any_case: bool,
        start_line: bool,
    },
    Variable(VariableId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Found,
    NotFound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Now,
    Gracefully,
    Call,
}

impl Program {
    /// The message that a call at this step waits for in the end: behind optional ones stands one that is not.
    pub(crate) fn awaited(&self, step: u32) -> u32 {
        let chain = self.steps.iter().enumerate().skip(step as usize);
        let mut chain = chain.map_while(|(place, step)| match &step.kind {
            Kind::Recv(recv) => Some((place, recv)),
            _ => None,
        });
        let end = chain.find(|(_, recv)| recv.optional == Optional::No);
        end.map_or(step, |(place, _)| place as u32)
    }

    /// A step as tables and causes show it.
    pub(crate) fn shown(&self, step: usize) -> String {
        let Some(step) = self.steps.get(step) else {
            return "the end".to_owned();
        };
        match &step.kind {
            Kind::Send(send) => send.shown.clone(),
            Kind::Recv(recv) => recv.expect.shown(),
            Kind::Pause(_) => "pause".to_owned(),
            Kind::Nop => "nop".to_owned(),
            Kind::TimeWait(_) => "timewait".to_owned(),
        }
    }
}

impl Expect {
    pub(crate) fn shown(&self) -> String {
        match self {
            Expect::Request(method) => String::from_utf8_lossy(method).into_owned(),
            Expect::RequestLike(regex) => format!("/{regex}/"),
            Expect::Response(status) => status.to_string(),
        }
    }
}
