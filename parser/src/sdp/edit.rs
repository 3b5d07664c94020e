//! Editing a session description through a `Draft`: addresses, ports, formats, streams.

use std::net::IpAddr;

use super::codecs::{PAYLOAD_TYPES, payload_type};
use super::{Connection, Media, Sdp, words};
use crate::Draft;
use crate::limits::FORMATS_MAX;

impl<'a> Sdp<'a> {
    /// Puts `address` into every `c=` line, of the session and of all streams. A connection on hold
    /// by RFC 2543 (`0.0.0.0`) keeps meaning that and stays.
    pub fn replace_connections(&self, address: IpAddr, draft: &mut Draft) {
        self.lines()
            .filter_map(|line| Connection::read(&line))
            .filter(|connection| connection.address != b"0.0.0.0")
            .for_each(|connection| {
                connection.replace(address, draft);
            });
    }

    /// Puts `address` into the `o=` line.
    pub fn replace_origin_address(&self, address: IpAddr, draft: &mut Draft) {
        let Some(line) = self.session_lines().find(|line| line.letter == b'o') else {
            return;
        };
        // Six words: user, id, version, network, family, address.
        let Some(family) = words(line.value)
            .nth(4)
            .filter(|_| self.origin_address().is_some())
        else {
            return;
        };
        let start = family.as_ptr().addr() - line.value.as_ptr().addr();
        let mut span = line.value_span;
        span.start += u16::try_from(start).unwrap_or(0);
        draft.replace(span, connection_text(address, "").as_bytes());
    }

    /// Removes whole streams that `unwanted` names. RFC 3264 §6 wants as many streams in an answer as in
    /// the offer: there set the port to 0 instead.
    pub fn delete_streams(&self, draft: &mut Draft, unwanted: impl Fn(&Media<'a>) -> bool) {
        self.media()
            .filter(|media| unwanted(media))
            .for_each(|media| draft.delete(media.span));
    }
}

impl Connection<'_> {
    /// Puts another address in its place.
    pub fn replace(&self, address: IpAddr, draft: &mut Draft) {
        draft.replace(self.span, connection_text(address, "IN ").as_bytes());
    }
}

impl<'a> Media<'a> {
    /// Puts another port in its place. 0 refuses the stream (RFC 3264 §6).
    pub fn replace_port(&self, port: u16, draft: &mut Draft) {
        let mut digits = Vec::with_capacity(5);
        crate::grammar::write_number(port.into(), &mut digits);
        draft.replace(self.port_span, &digits);
    }

    /// Removes formats, with their `rtpmap`, `fmtp` and `rtcp-fb` lines. When none would be left, the
    /// stream is left as it is and the answer is false: the caller refuses it by its port.
    pub fn remove_formats(&self, draft: &mut Draft, unwanted: impl Fn(&[u8]) -> bool) -> bool {
        let unwanted = self.choice(unwanted);
        if unwanted.count_ones() as usize == self.format_list().count() {
            return false;
        }
        self.keep_in_order(draft, self.chosen(!unwanted));
        let numbers = self
            .chosen(unwanted)
            .filter_map(payload_type)
            .fold(0u128, |numbers, number| numbers | 1 << number);
        for attribute in self.attributes() {
            let about = attribute
                .value
                .and_then(|value| words(value).next())
                .unwrap_or_default();
            let describes = matches!(attribute.name, b"rtpmap" | b"fmtp" | b"rtcp-fb");
            let is_gone = || match payload_type(about) {
                Some(number) => numbers >> number & 1 == 1,
                None => self.chosen(unwanted).any(|format| format == about),
            };
            if describes && is_gone() {
                draft.delete(attribute.line);
            }
        }
        true
    }

    /// Puts those formats first that `wanted` names, in the order they stand.
    pub fn prefer_formats(&self, draft: &mut Draft, wanted: impl Fn(&[u8]) -> bool) {
        let wanted = self.choice(wanted);
        self.keep_in_order(draft, self.chosen(wanted).chain(self.chosen(!wanted)));
    }

    /// Which formats these are: a bit each, in the order they stand. What is asked may look through
    /// all attributes, so it is asked once a format.
    fn choice(&self, is_meant: impl Fn(&[u8]) -> bool) -> u128 {
        let formats = self.format_list().take(FORMATS_MAX).enumerate();
        formats.fold(0, |choice, (place, format)| {
            choice | u128::from(is_meant(format)) << place
        })
    }

    fn chosen(&self, choice: u128) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let formats = self.format_list().take(FORMATS_MAX).enumerate();
        formats.filter_map(move |(place, format)| (choice >> place & 1 == 1).then_some(format))
    }

    fn keep_in_order<'f>(&self, draft: &mut Draft, formats: impl Iterator<Item = &'f [u8]>) {
        let mut text = Vec::with_capacity(self.formats.len());
        for format in formats {
            if !text.is_empty() {
                text.push(b' ');
            }
            text.extend_from_slice(format);
        }
        draft.replace(self.formats_span, &text);
    }
}

fn connection_text(address: IpAddr, network: &str) -> String {
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    format!("{network}{family} {address}")
}

const _: () = assert!(
    PAYLOAD_TYPES <= u128::BITS as usize,
    "a payload type is a bit"
);
