//! Templates become bytes.

use std::io::Write as _;
use std::net::IpAddr;

use parser::Challenge;
use smallvec::SmallVec;

use super::super::message::{Start, View};
use super::super::program::{Keyword, Login, Operand, Part, Template};
use super::{Call, World};
use crate::phone::digest::{Proof, cnonce, write_credentials};

/// What can only be filled in when the rest stands: a place in the message.
enum Later<'p> {
    Length(i64),
    Authentication(&'p Login),
}

type Laters<'p> = SmallVec<[(usize, Later<'p>); 2]>;

impl<'p> World<'p> {
    /// A message; its length and its credentials are filled in last.
    pub(super) fn write_message(
        &mut self,
        template: &'p Template,
        call: &mut Call,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let mut laters = Laters::new();
        let body = self.write(template, call, out, &mut laters);
        let body = body.unwrap_or(out.len());
        let length = out.len() - body;
        // From the last to the first, so that the places of those before stay.
        for (place, later) in laters.into_iter().rev() {
            let mut piece = self.pool.pop().unwrap_or_default();
            match later {
                Later::Length(offset) => decimal(&mut piece, length as i64 + offset),
                Later::Authentication(login) => {
                    let body_now = out.len() - length;
                    let (message, body) = out[start..].split_at(body_now - start);
                    self.credentials(call, login, message, body, &mut piece);
                }
            }
            let end = out.len();
            out.resize(end + piece.len(), 0);
            out.copy_within(place..end, place + piece.len());
            out[place..place + piece.len()].copy_from_slice(&piece);
            self.pool(piece);
        }
    }

    /// A text that is no message: nothing has to wait.
    pub(super) fn write_text(
        &mut self,
        template: &'p Template,
        call: &mut Call,
        out: &mut Vec<u8>,
    ) {
        self.write(template, call, out, &mut Laters::new());
    }

    /// Where the body begins.
    fn write(
        &mut self,
        template: &'p Template,
        call: &mut Call,
        out: &mut Vec<u8>,
        laters: &mut Laters<'p>,
    ) -> Option<usize> {
        let mut body = None;
        let mut place = 0;
        while let Some(part) = template.parts.get(place) {
            place += 1;
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Body => body = Some(out.len()),
                Part::Slot(slot) => {
                    let written = self.write_keyword(&slot.keyword, call, out, laters);
                    if let (false, Some(otherwise)) = (written, slot.otherwise) {
                        place = otherwise as usize;
                    }
                }
            }
        }
        body
    }

    /// Whether there was something to write.
    fn write_keyword(
        &mut self,
        keyword: &'p Keyword,
        call: &mut Call,
        out: &mut Vec<u8>,
        laters: &mut Laters<'p>,
    ) -> bool {
        let settings = self.settings;
        match keyword {
            Keyword::CallId => out.extend_from_slice(&call.call_id),
            Keyword::CallNumber(offset) => decimal(out, call.number as i64 + offset),
            Keyword::Cseq(offset) => decimal(out, i64::from(call.cseq) + offset),
            Keyword::Branch(step) => {
                out.extend_from_slice(b"z9hG4bK-");
                decimal(out, i64::from(settings.constants.pid));
                out.push(b'-');
                decimal(out, call.number as i64);
                out.push(b'-');
                decimal(out, i64::from(*step));
            }
            Keyword::LocalPort(offset) => {
                let port = self.ports.get(call.line as usize).copied().unwrap_or(0);
                decimal(out, i64::from(port) + offset);
            }
            Keyword::RemoteIp => {
                let _ = match call.peer.ip() {
                    IpAddr::V4(ip) => write!(out, "{ip}"),
                    IpAddr::V6(ip) => write!(out, "[{ip}]"),
                };
            }
            Keyword::RemotePort(offset) => decimal(out, i64::from(call.peer.port()) + offset),
            Keyword::AutoMediaPort(offset) => {
                let apart = (call.number - 1) * 4 % 10_000;
                let port = i64::from(settings.constants.media_port) + apart as i64;
                decimal(out, port + offset);
            }
            Keyword::Len(offset) => laters.push((out.len(), Later::Length(*offset))),
            Keyword::PeerTag => {
                if let Some(dialog) = &call.dialog
                    && !dialog.peer_tag.is_empty()
                {
                    out.extend_from_slice(b";tag=");
                    out.extend_from_slice(&dialog.peer_tag);
                }
            }
            Keyword::Routes => match &call.dialog {
                Some(dialog) if !dialog.routes.is_empty() => {
                    out.extend_from_slice(b"Route: ");
                    out.extend_from_slice(&dialog.routes);
                }
                _ => return false,
            },
            Keyword::NextUrl => {
                if let Some(dialog) = &call.dialog {
                    out.extend_from_slice(&dialog.next_url);
                }
            }
            Keyword::LastHeader(name) => return last_header(call, name, out),
            Keyword::LastMessage => out.extend_from_slice(&call.last),
            Keyword::LastRequestUri => match View::read(&call.last).map(|view| view.start) {
                Some(Start::Request { uri, .. }) => out.extend_from_slice(uri),
                _ => return false,
            },
            Keyword::LastCseqNumber(offset) => {
                let number = View::read(&call.last)
                    .and_then(|view| crate::phone::digest::decimal(view.cseq));
                decimal(out, i64::from(number.unwrap_or(0)) + offset);
            }
            Keyword::Authentication(login) => {
                let is_challenged = call
                    .dialog
                    .as_ref()
                    .is_some_and(|dialog| !dialog.challenge.is_empty());
                if is_challenged {
                    laters.push((out.len(), Later::Authentication(login)));
                }
                return is_challenged;
            }
            Keyword::Field { file, column, row } => {
                return self.write_field(*file, *column, *row, call, out, laters);
            }
            Keyword::Variable(id) => self.value(call, *id).write(out),
            Keyword::Timestamp => timestamp(out, settings.epoch + self.now),
            Keyword::ClockTick => decimal(out, (self.now / 1_000) as i64),
            Keyword::Users => decimal(out, i64::from(settings.users)),
            Keyword::UserId => decimal(out, i64::from(call.user)),
        }
        true
    }

    fn write_field(
        &mut self,
        file: u16,
        column: u16,
        row: Option<Operand>,
        call: &mut Call,
        out: &mut Vec<u8>,
        laters: &mut Laters<'p>,
    ) -> bool {
        let program = self.program;
        let injection = &program.files[usize::from(file)];
        let row = match row {
            None => call.rows[usize::from(file)] as usize,
            Some(Operand::Number(number)) => number as usize,
            Some(Operand::Variable(id)) => self.value(call, id).number() as usize,
        };
        let row = row % injection.rows();
        let before = (out.len(), laters.len());
        match program.cells.get(&(file, row as u32, column)) {
            Some(template) => {
                self.write(template, call, out, laters);
            }
            None => out.extend_from_slice(injection.field(row, usize::from(column))),
        }
        (out.len(), laters.len()) != before
    }

    /// `Authorization: Digest ...` for the message that it will stand in.
    fn credentials(
        &mut self,
        call: &mut Call,
        login: &'p Login,
        message: &[u8],
        body: &[u8],
        out: &mut Vec<u8>,
    ) {
        let (mut user, mut password) = (Vec::new(), Vec::new());
        self.write_text(&login.user, call, &mut user);
        self.write_text(&login.password, call, &mut password);
        let cnonce = cnonce(&mut self.random);
        let Some(dialog) = &mut call.dialog else {
            return;
        };
        dialog.used += 1;
        let mut words = message.split(|&byte| byte == b' ');
        let (method, uri) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let uri = match &self.settings.auth_uri {
            Some(given) => given.as_bytes(),
            None => uri,
        };
        let Ok(challenge) = Challenge::parse(&dialog.challenge) else {
            return;
        };
        out.extend_from_slice(if dialog.is_proxy {
            b"Proxy-Authorization: "
        } else {
            b"Authorization: "
        });
        let proof = Proof {
            user: &user,
            password: &password,
            method,
            uri,
            body,
            cnonce: &cnonce,
            count: dialog.used,
        };
        write_credentials(&challenge, &proof, out);
    }
}

/// All headers of this name of the last message, whole lines.
fn last_header(call: &Call, name: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(view) = View::read(&call.last) else {
        return false;
    };
    let mut found = false;
    for line in view.lines(name) {
        if found {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(line);
        found = true;
    }
    found
}

pub(super) fn decimal(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Microseconds since 1970 as RFC 3339 writes them, UTC.
fn timestamp(out: &mut Vec<u8>, micros: u64) {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = ((seconds / 86_400) as i64, seconds % 86_400);
    // Days of a calendar whose years begin in March: the leap day is the last of one.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
    );
}
