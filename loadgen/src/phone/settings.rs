//! What a phone is told at the start: who it is, where it sends, how it answers, how it misbehaves.

use std::net::SocketAddr;

use super::{Guard, Micros};

/// A phone's settings. [`Settings::new`] gives a well-behaved UDP phone with one line.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What ladders and reports call it.
    pub name: String,
    /// Its lines, one for each local address. At least one.
    pub lines: Vec<Line>,
    /// How its bytes travel.
    pub transport: Transport,
    /// Where requests outside a dialog go. Without it, to the address of the Request-URI.
    pub proxy: Option<SocketAddr>,
    /// The domain of From, and of the registrar's Request-URI.
    pub domain: String,
    /// Whether dialogs follow the routes that proxies recorded.
    pub routing: Routing,
    /// T1 and its kin.
    pub timers: Timers,
    /// What it does with a call that comes in.
    pub answering: Answering,
    /// In which shares of the calls it does something else.
    pub odds: Odds,
    /// Who offers a session, and when.
    pub session: Session,
    /// Answers challenges with this; without it a challenge is a rejection.
    pub credentials: Option<Login>,
    /// Whether a REGISTER answers the last challenge again, with the next nonce count, before it is challenged
    /// (RFC 7616 §3.3): what saves a round trip a refresh.
    pub reuse_nonce: bool,
    /// Lets nobody through without credentials.
    pub guard: Option<Guard>,
    /// The Contact of its 3xx, as it stands in the header.
    pub elsewhere: String,
    /// The ways in which it breaks the rules.
    pub faults: Faults,
    /// Whether received messages get the parser's full verdict (a generator at its limit may do without).
    pub check: bool,
    /// How many calls it holds at most, those included that only absorb retransmissions.
    pub calls_max: usize,
    /// Two phones of one seed and the same events do the same, byte for byte.
    pub seed: u64,
}

impl Settings {
    /// A well-behaved UDP phone: `sip:user@domain` at `local`.
    #[must_use]
    pub fn new(user: &str, domain: &str, local: SocketAddr, seed: u64) -> Self {
        Self {
            name: user.to_owned(),
            lines: vec![Line {
                user: user.to_owned(),
                local,
            }],
            transport: Transport::Udp,
            proxy: None,
            domain: domain.to_owned(),
            routing: Routing::RouteSet,
            timers: Timers::default(),
            answering: Answering::default(),
            odds: Odds::default(),
            session: Session::default(),
            credentials: None,
            reuse_nonce: false,
            guard: None,
            elsewhere: String::new(),
            faults: Faults::default(),
            check: true,
            calls_max: super::limits::CALLS_MAX,
            seed,
        }
    }
}

/// One local address and the user at it.
#[derive(Clone, Debug)]
pub struct Line {
    /// The user part of From and Contact.
    pub user: String,
    /// Where its messages come from and go to.
    pub local: SocketAddr,
}

/// How a phone's bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams: the phone retransmits.
    Udp,
    /// A connection, framed by whoever carries the bytes.
    Tcp,
}

impl Transport {
    pub(crate) fn is_reliable(self) -> bool {
        self == Transport::Tcp
    }

    pub(crate) fn via(self) -> &'static [u8] {
        match self {
            Transport::Udp => b"UDP",
            Transport::Tcp => b"TCP",
        }
    }
}

/// What a phone makes of Record-Route and Contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// RFC 3261 §12: a route set, and the remote target from Contact.
    RouteSet,
    /// As SIPp's built-in scenarios: no route set is kept or given; requests of the dialog go where
    /// the first one went, with its Request-URI.
    Unrouted,
}

/// The timers of RFC 3261 §17 and what hangs on them.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// The first retransmission.
    pub t1: Micros,
    /// The longest interval between retransmissions.
    pub t2: Micros,
    /// How long a message stays in the network.
    pub t4: Micros,
    /// How long finished transactions absorb retransmissions (Timers D, J, L, M); 64*T1 by the RFC.
    pub linger: Micros,
    /// How long a caller waits after the last provisional response: three times `ringing`.
    pub patience: Micros,
    /// How often ringing is repeated, so that no proxy's Timer C fires (§13.3.1.1); zero is never.
    pub ringing: Micros,
    /// Whether anything is sent again. Without it every lost datagram is a failed call, which is what
    /// shows a loss for what it is.
    pub repeats: bool,
}

impl Timers {
    /// Timers B, F and H: when a transaction gives up.
    #[must_use]
    pub fn timeout(&self) -> Micros {
        64 * self.t1
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: 500_000,
            t2: 4_000_000,
            t4: 5_000_000,
            linger: 32_000_000,
            ringing: 60_000_000,
            patience: 180_000_000,
            repeats: true,
        }
    }
}

/// What a phone does with an INVITE that opens a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answering {
    /// Sends 100 at once.
    pub trying: bool,
    /// The provisional response: 180, 183, or none.
    pub ringing: Option<u16>,
    /// How long it rings.
    pub ring: Spread,
    /// What it does then.
    pub then: Then,
    /// Hangs up this long after the ACK; without it, the caller does.
    pub hang_up: Option<Spread>,
}

impl Default for Answering {
    fn default() -> Self {
        Self {
            trying: false,
            ringing: Some(180),
            ring: Spread::Fixed(0),
            then: Then::Answer,
            hang_up: None,
        }
    }
}

/// How a ringing call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// With 200.
    Answer,
    /// With this final response: 486 is busy, 603 declines.
    Reject(u16),
    /// Nobody answers: rings until a CANCEL comes.
    Ring,
    /// A phone that is dead: not even ringing.
    Silent,
}

/// The shares of incoming calls that go another way than [`Answering`] says. Drawn for each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// Rejected with `status`.
    pub reject: Chance,
    /// The final response of those.
    pub status: u16,
    /// Nobody answers: these ring until a CANCEL comes.
    pub ring_on: Chance,
    /// Of the answered ones: those that the answering side hangs up, if it hangs up any.
    pub hang_up: Chance,
}

impl Default for Odds {
    fn default() -> Self {
        Self {
            reject: Chance(0),
            status: 486,
            ring_on: Chance(0),
            hang_up: Chance::ALWAYS,
        }
    }
}

impl Odds {
    /// How this call ends its ringing; nothing is drawn where there is nothing to choose.
    pub(crate) fn then(&self, usual: Then, random: &mut fastrand::Rng) -> Then {
        let (reject, ring_on) = (self.reject.0, self.ring_on.0);
        if reject == 0 && ring_on == 0 {
            return usual;
        }
        match random.u32(0..Chance::ALWAYS.0) {
            drawn if drawn < reject => Then::Reject(self.status),
            drawn if drawn < reject.saturating_add(ring_on) => Then::Ring,
            _ => usual,
        }
    }

    /// Whether the answering side hangs this call up.
    pub(crate) fn hangs_up(&self, random: &mut fastrand::Rng) -> bool {
        self.hang_up == Chance::ALWAYS || self.hang_up.strikes(random)
    }
}

/// Who offers a session, and when (RFC 3261 §13.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Session {
    /// The caller in its INVITE, the answering side answers in its 2xx.
    #[default]
    Offer,
    /// The answering side in its 2xx, the caller answers in its ACK.
    Late,
    /// Nobody: messages without bodies. Not what RFC 3261 asks for, but what a signalling benchmark may want.
    None,
}

/// What a caller does with its call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallPlan {
    /// Hangs up this long after the answer; without it, the other side does (or a command).
    pub hold: Option<Spread>,
    /// Gives up with CANCEL this long after the INVITE.
    pub cancel: Option<Spread>,
    /// Sends a re-INVITE this long after the answer.
    pub reinvite: Option<Spread>,
}

impl Default for CallPlan {
    fn default() -> Self {
        Self {
            hold: Some(Spread::Fixed(0)),
            cancel: None,
            reinvite: None,
        }
    }
}

/// A duration, or a distribution of durations, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// Always this.
    Fixed(Micros),
    /// Anything from the first to the second, equally.
    Uniform(Micros, Micros),
    /// Exponential with this mean, cut at twenty times the mean: telephone calls.
    Exponential(Micros),
    /// Lognormal, cut at a hundred times the mean: hold times as they are measured.
    Lognormal {
        /// The mean of what is drawn (not of its logarithm).
        mean: Micros,
        /// The standard deviation of the natural logarithm, in thousandths.
        sigma_milli: u32,
    },
    /// One of these, each as likely as any other: measured times. Never empty.
    Table(&'static [Micros]),
}

impl Spread {
    /// The longest that is drawn.
    #[must_use]
    pub fn longest(self) -> Micros {
        match self {
            Spread::Fixed(micros) => micros,
            Spread::Uniform(low, high) => low.max(high),
            Spread::Exponential(mean) => mean.saturating_mul(20),
            Spread::Lognormal { mean, .. } => mean.saturating_mul(100),
            Spread::Table(times) => times.iter().copied().max().unwrap_or(0),
        }
    }

    /// Draws one.
    pub fn draw(self, random: &mut fastrand::Rng) -> Micros {
        match self {
            Spread::Fixed(micros) => micros,
            Spread::Uniform(low, high) => random.u64(low.min(high)..=high.max(low)),
            Spread::Exponential(mean) => {
                let draw = -(1.0 - random.f64()).ln() * mean as f64;
                (draw as Micros).min(mean.saturating_mul(20))
            }
            Spread::Lognormal { mean, sigma_milli } => {
                let sigma = f64::from(sigma_milli) / 1e3;
                let draw = mean as f64 * (sigma * normal(random) - sigma * sigma / 2.0).exp();
                (draw as Micros).min(mean.saturating_mul(100))
            }
            Spread::Table(times) => times[random.usize(0..times.len())],
        }
    }
}

/// The standard normal distribution (Box and Muller, one of the two).
pub(crate) fn normal(random: &mut fastrand::Rng) -> f64 {
    let (radius, angle) = (1.0 - random.f64(), random.f64());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// User and password for digest authentication.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user; empty means the user of the line or registration.
    pub user: String,
    /// The password.
    pub password: String,
}

/// The ways in which a phone breaks the rules. All are off at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// An ACK to a 2xx is not sent.
    pub lose_ack: Chance,
    /// A final response is not sent the first time (it is when it is retransmitted).
    pub lose_response: Chance,
    /// A message is sent twice at once.
    pub duplicate: Chance,
    /// A request is sent once more, two seconds after its final response came.
    pub late_retransmission: Chance,
    /// A BYE carries a To tag that no dialog has.
    pub wrong_tag: Chance,
    /// A CANCEL is answered, the call goes on ringing and is answered all the same.
    pub ignore_cancel: Chance,
    /// A 200 to INVITE is followed by a 486.
    pub second_final: Chance,
}

/// A probability in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance(pub u32);

impl Chance {
    /// Always.
    pub const ALWAYS: Chance = Chance(1_000_000);

    /// Draws. Draws nothing when it is impossible, so that a knob left at zero changes no run.
    pub(crate) fn strikes(self, random: &mut fastrand::Rng) -> bool {
        self.0 > 0 && random.u32(0..1_000_000) < self.0
    }
}
