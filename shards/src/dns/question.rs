//! One DNS question as bytes, and whether some bytes answer it.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

/// What fits the paths of today without fragments (DNS flag day 2020).
const PAYLOAD_BYTES: u16 = 1232;

/// RFC 1035 §4.1.1.
const HEADER_BYTES: usize = 12;

/// The record of RFC 6891 without options, at the end of our question.
const EXTENSION_BYTES: usize = 11;

/// What bytes from a server are to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Its answer, be it that there is none such.
    Answer,
    /// Its answer, cut.
    Cut,
    /// The server does not know the extension.
    TooNew,
    /// The server cannot answer.
    Refused,
    /// Not about this question.
    Stranger,
}

#[derive(Clone, Debug)]
pub(super) struct Question {
    /// Length, then message, as TCP wants it.
    framed: Vec<u8>,
    extended: bool,
    /// Where the question section ends in the message.
    section_end: usize,
}

impl Question {
    /// `None`: this cannot be a name.
    pub(super) fn new(name: &str, record_type: u16, number: u16) -> Option<Question> {
        let mut name = Name::from_ascii(name).ok()?;
        // As it stands: search lists are the engine's business.
        name.set_fqdn(true);
        let mut message = Message::new(number, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(name, RecordType::from(record_type)));
        let mut extension = Edns::new();
        extension.set_max_payload(PAYLOAD_BYTES);
        message.set_edns(extension);
        let bytes = message.to_vec().ok()?;
        let mut framed = u16::try_from(bytes.len()).ok()?.to_be_bytes().to_vec();
        framed.extend_from_slice(&bytes);
        Some(Question {
            section_end: bytes.len() - EXTENSION_BYTES,
            framed,
            extended: true,
        })
    }

    /// The message.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.framed[2..]
    }

    /// The message with its length before it.
    pub(super) fn framed(&self) -> &[u8] {
        &self.framed
    }

    /// Another number for another try, so that an answer to the last one is a stranger.
    pub(super) fn renumber(&mut self, number: u16) {
        self.framed[2..4].copy_from_slice(&number.to_be_bytes());
    }

    /// Asks without the extension of RFC 6891.
    pub(super) fn without_extension(&mut self) {
        if std::mem::take(&mut self.extended) {
            self.framed.truncate(2 + self.section_end);
            // No additional records.
            self.framed[12..14].copy_from_slice(&[0, 0]);
            let len = self.section_end as u16;
            self.framed[..2].copy_from_slice(&len.to_be_bytes());
        }
    }

    /// What these bytes are to this question.
    pub(super) fn fits(&self, bytes: &[u8]) -> Fit {
        const RESPONSE: u8 = 0x80;
        const CUT: u8 = 0x02;
        let ours = self.bytes();
        let section = &ours[HEADER_BYTES..self.section_end];
        if bytes.len() < HEADER_BYTES || bytes[..2] != ours[..2] || bytes[2] & RESPONSE == 0 {
            return Fit::Stranger;
        }
        let code = bytes[3] & 0x0f;
        // Servers that refuse may leave the question out.
        let same_question = bytes
            .get(HEADER_BYTES..self.section_end)
            .is_some_and(|theirs| theirs.eq_ignore_ascii_case(section));
        match code {
            0 | 3 if !same_question => Fit::Stranger,
            0 | 3 if bytes[2] & CUT != 0 => Fit::Cut,
            0 | 3 => Fit::Answer,
            // FORMERR, NOTIMP: perhaps because of the extension.
            1 | 4 if self.extended => Fit::TooNew,
            _ => Fit::Refused,
        }
    }
}
