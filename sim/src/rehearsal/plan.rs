//! A test file as it was read: who there is, and what happens.

use std::net::SocketAddr;

use engine::Transport;

/// A test.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// As it was named.
    pub(super) file: String,
    /// The servers, at least one.
    pub(super) servers: Vec<ServerPlan>,
    /// Who sends and answers.
    pub(super) peers: Vec<PeerPlan>,
    /// Lines of the zone.
    pub(super) zone: Vec<String>,
    /// One way, microseconds.
    pub(super) delay_us: u64,
    /// Wall time at the beginning, microseconds since 1970.
    pub(super) epoch_us: u64,
    /// Log lines up to this level are shown.
    pub(super) log_level: i8,
    /// Files that modules read, by the path they name.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// What happens, in order.
    pub(super) steps: Vec<Step>,
    /// Byte offset of what is expected, behind the line `---`; `None` without that line.
    pub(super) expected_at: Option<usize>,
}

/// A server.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerPlan {
    /// In ladders.
    pub(super) name: String,
    /// The script, relative to the test file.
    pub(super) script: String,
    /// Where the script was named.
    pub(super) script_at: At,
    /// Engines.
    pub(super) shards: u16,
    /// Where it listens; empty: what the script says.
    pub(super) listen: Vec<ListenPlan>,
    /// Names of its own.
    pub(super) domains: Vec<String>,
    /// `$argv`.
    pub(super) defines: Vec<(String, String)>,
    /// What is watched, with the place it was written at.
    pub(super) watched: Vec<(String, At)>,
}

/// A socket.
#[derive(Clone, Debug)]
pub(super) struct ListenPlan {
    /// Its transport.
    pub(super) transport: Transport,
    /// Its address.
    pub(super) address: SocketAddr,
    /// Its name in ladders and scripts (`tag`).
    pub(super) name: Option<String>,
}

/// A peer.
#[derive(Clone, Debug)]
pub(super) struct PeerPlan {
    /// In ladders.
    pub(super) name: String,
    /// Of its From and Contact.
    pub(super) user: String,
    /// Of its From; the server's domain or address when it has none.
    pub(super) domain: Option<String>,
    /// Where it is.
    pub(super) address: SocketAddr,
    /// How it sends if nothing else is said.
    pub(super) transport: Transport,
    /// The server it sends to: an index.
    pub(super) server: usize,
}

/// A place in the test file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    /// From 1.
    pub(super) line: usize,
    /// From 1, in bytes.
    pub(super) column: usize,
    /// Bytes.
    pub(super) width: usize,
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Where.
    pub(super) at: At,
    /// Its first line.
    pub(super) text: String,
    /// What.
    pub(super) act: Act,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// A peer sends a request.
    Send(Send),
    /// A peer sends bytes as they are written.
    Raw {
        /// Who.
        peer: usize,
        /// What, line ends as in SIP.
        bytes: Vec<u8>,
        /// Over another transport than its own.
        transport: Option<Transport>,
        /// To another address than its server's.
        to: Option<SocketAddr>,
    },
    /// A peer sends its last message once more.
    Again(usize),
    /// How a peer answers from now on.
    Rule(usize, Rule),
    /// Whether a peer sends the ACK to a 2xx by itself.
    Acks(usize, bool),
    /// Time passes, microseconds.
    Wait(u64),
    /// Time passes until the servers have forgotten everything.
    Calm,
    /// A management command.
    Command {
        /// Which server.
        server: usize,
        /// Its name.
        name: String,
        /// Its parameters.
        parameters: Vec<(Option<String>, String)>,
    },
    /// The network loses messages.
    Lose {
        /// How many.
        count: u32,
        /// Sender.
        from: String,
        /// Receiver.
        to: String,
        /// How the line in the ladder begins.
        what: String,
    },
    /// A file that modules read has another content now.
    File(String, Vec<u8>),
    /// Which shard receives from now on; `None`: as the kernel would choose.
    Shard(Option<u16>),
    /// What is shown of messages that servers send.
    Show(Show),
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Send {
    /// Who.
    pub(super) peer: usize,
    /// The method.
    pub(super) method: String,
    /// Its Request-URI; `None`: in a dialog.
    pub(super) uri: Option<String>,
    /// Which call, by its label.
    pub(super) call: Option<String>,
    /// Over another transport than its own.
    pub(super) transport: Option<Transport>,
    /// To another address.
    pub(super) to: Option<SocketAddr>,
    /// With a session description.
    pub(super) sdp: bool,
    /// Header fields as they were written.
    pub(super) headers: Vec<HeaderEdit>,
    /// The body, line ends as in SIP.
    pub(super) body: Option<String>,
}

/// A header field of a message that a peer sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderEdit {
    /// Only for replies with this code.
    pub(super) code: Option<u16>,
    /// Its name.
    pub(super) name: String,
    /// `None`: the field is left out.
    pub(super) value: Option<String>,
}

/// How a peer answers requests.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Which method; `None`: all. `re-INVITE` is an INVITE in a dialog.
    pub(super) method: Option<String>,
    /// How.
    pub(super) kind: RuleKind,
    /// Header fields of its replies.
    pub(super) headers: Vec<HeaderEdit>,
    /// The body of its final reply.
    pub(super) body: Option<String>,
}

/// How a peer answers.
#[derive(Clone, Debug)]
pub(super) enum RuleKind {
    /// With these replies: one list a request, the last one for all that follow.
    Replies(Vec<Vec<ReplyPlan>>),
    /// It is not there: nothing arrives, nothing comes back.
    Silent,
    /// Its host says that nobody listens there.
    Unreachable,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplyPlan {
    /// Status code.
    pub(super) code: u16,
    /// Reason phrase.
    pub(super) reason: String,
    /// Since the request arrived, microseconds.
    pub(super) after_us: u64,
}

/// What is shown of messages that servers send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Show {
    /// Only the ladder.
    #[default]
    Nothing,
    /// The whole text.
    All,
    /// These header fields; `body` is the body.
    Fields(Vec<String>),
}
