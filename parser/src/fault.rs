//! What is wrong with a peer's bytes, where, and what RFC 3261 answers to it.

use std::fmt;

use crate::header::HeaderName;

/// A fault of a message or of one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What it is.
    pub kind: FaultKind,
    /// At which byte of the message (or of the value, when a value was parsed by itself).
    pub at: u16,
    /// In which header, when in one.
    pub header: Option<HeaderName>,
    /// Set for what is never answered: responses, ACK, and what is not SIP.
    pub silent: bool,
}

/// What a fault is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// The grammar wants something else here.
    Expected(Expected),
    /// A mandatory header is not there.
    Missing(HeaderName),
    /// A header that may stand once stands twice.
    Repeated(HeaderName),
    /// Not SIP at all: no start line.
    NotSip,
    /// `SIP/` of another version.
    Version,
    /// A Request-URI of a scheme nobody here routes, and no Route that decides instead.
    Scheme,
    /// The CSeq names another method than the start line. `known` is the start line's.
    MethodMismatch {
        /// Whether the start line's method is a registered one.
        known: bool,
    },
    /// The body ends before Content-Length says.
    Truncated,
    /// More bytes, header lines or list elements than `limits.rs` allows.
    TooLarge,
    /// A bare CR or LF inside the head.
    StrayLineBreak,
}

/// What the grammar wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Decimal digits.
    Number,
    /// A number below this bound.
    Below(u64),
    /// A blank.
    Space,
    /// Exactly this byte.
    Byte(u8),
    /// A token of RFC 3261 §25.1.
    Token,
    /// The closing quote of a quoted string.
    ClosingQuote,
    /// A URI.
    Uri,
    /// A scheme and a colon.
    Scheme,
    /// A host name, IPv4 address or bracketed IPv6 reference.
    Host,
    /// A port number.
    Port,
    /// A parameter name.
    Parameter,
    /// A value after `=`.
    Value,
    /// Two hexadecimal digits after `%`.
    Escape,
    /// The end of the value.
    End,
    /// A header name and a colon.
    HeaderName,
    /// `SIP/2.0`.
    SipVersion,
    /// A status code of three digits, 100 to 699.
    StatusCode,
    /// The empty line after the headers.
    BlankLine,
    /// A branch with something after the magic cookie.
    Branch,
    /// Angle brackets round a URI that holds `,`, `;` or `?`.
    Brackets,
    /// An RFC 1123 date in GMT.
    Date,
    /// A line of a session description of this letter.
    SdpLine(u8),
    /// A `boundary` parameter, or the boundary itself.
    Boundary,
}

impl Fault {
    /// The grammar wanted `expected` at `at`.
    #[must_use]
    pub fn expected(expected: Expected, at: usize) -> Self {
        Self::new(FaultKind::Expected(expected), at)
    }

    /// A fault of this kind at this byte.
    #[must_use]
    pub fn new(kind: FaultKind, at: usize) -> Self {
        Self {
            kind,
            at: u16::try_from(at).unwrap_or(u16::MAX),
            header: None,
            silent: false,
        }
    }

    /// The status code that answers it; `None` is silence.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        if self.silent {
            return None;
        }
        match self.kind {
            FaultKind::NotSip => None,
            FaultKind::Version => Some(505),
            FaultKind::Scheme => Some(416),
            FaultKind::MethodMismatch { known: false } => Some(501),
            FaultKind::TooLarge => Some(513),
            _ => Some(400),
        }
    }

    /// The same fault, moved `by` bytes to the right: from a value to its message.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Self {
        self.at = u16::try_from(usize::from(self.at) + by).unwrap_or(u16::MAX);
        self
    }

    /// The same fault, said to be in this header.
    #[must_use]
    pub fn in_header(mut self, header: HeaderName) -> Self {
        self.header = Some(header);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FaultKind::Expected(expected) => write!(f, "expected {expected}")?,
            FaultKind::Missing(name) => write!(f, "no {} header", name.as_str())?,
            FaultKind::Repeated(name) => write!(f, "more than one {}", name.as_str())?,
            FaultKind::NotSip => write!(f, "not SIP")?,
            FaultKind::Version => write!(f, "another version than SIP/2.0")?,
            FaultKind::Scheme => write!(f, "a Request-URI of an unknown scheme")?,
            FaultKind::MethodMismatch { .. } => {
                write!(f, "CSeq names another method than the start line")?
            }
            FaultKind::Truncated => write!(f, "the body ends before Content-Length")?,
            FaultKind::TooLarge => write!(f, "too large")?,
            FaultKind::StrayLineBreak => write!(f, "a bare CR or LF")?,
        }
        write!(f, " at byte {}", self.at)?;
        match self.header {
            Some(header) => write!(f, " in {}", header.as_str()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => f.write_str("a number"),
            Self::Below(bound) => write!(f, "a number below {bound}"),
            Self::Space => f.write_str("a blank"),
            Self::Byte(byte) => write!(f, "`{}`", byte.escape_ascii()),
            Self::Token => f.write_str("a token"),
            Self::ClosingQuote => f.write_str("a closing quote"),
            Self::Uri => f.write_str("a URI"),
            Self::Scheme => f.write_str("a scheme"),
            Self::Host => f.write_str("a host"),
            Self::Port => f.write_str("a port"),
            Self::Parameter => f.write_str("a parameter"),
            Self::Value => f.write_str("a value"),
            Self::Escape => f.write_str("two hexadecimal digits"),
            Self::End => f.write_str("the end of the value"),
            Self::HeaderName => f.write_str("a header name and a colon"),
            Self::SipVersion => f.write_str("`SIP/2.0`"),
            Self::StatusCode => f.write_str("a status code"),
            Self::BlankLine => f.write_str("an empty line after the headers"),
            Self::Branch => f.write_str("a branch after the magic cookie"),
            Self::Brackets => f.write_str("angle brackets round the URI"),
            Self::Date => f.write_str("a date in GMT"),
            Self::SdpLine(letter) => write!(f, "a line `{}=`", letter.escape_ascii()),
            Self::Boundary => f.write_str("a boundary"),
        }
    }
}
