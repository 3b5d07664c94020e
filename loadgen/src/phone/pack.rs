//! A call that only stands, in as few bytes as will do.
//!
//! What such a call is still asked for is kept: its dialog, its timer, what its owner is told with. What only
//! mattered until it was answered is not, nor is its INVITE's transaction, which is over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::CallState;
use super::call::{Call, Next, PARTS, Role, Text};
use super::squeeze::Dictionary;
use super::wheel::TimerId;

/// Appends the packed call.
pub(crate) fn write(call: &Call, dictionary: &mut Dictionary, out: &mut Vec<u8>) {
    let is_callee = u8::from(call.role == Role::Callee);
    let is_v6 = u8::from(call.hop.is_ipv6());
    out.push(is_callee | is_v6 << 1 | (call.next as u8) << 2);
    out.extend_from_slice(&call.tag.to_le_bytes());
    for value in [
        u64::from(call.line),
        u64::from(call.local_cseq),
        u64::from(call.invite_cseq),
        u64::from(call.remote_cseq),
        u64::from(call.glares),
        u64::from(call.timer.to_u32().wrapping_add(1)),
        call.hang_up_at,
    ] {
        number(value, out);
    }
    match call.hop {
        SocketAddr::V4(hop) => out.extend_from_slice(&hop.ip().octets()),
        SocketAddr::V6(hop) => {
            out.extend_from_slice(&hop.ip().octets());
            number(u64::from(hop.flowinfo()), out);
            number(u64::from(hop.scope_id()), out);
        }
    }
    number(u64::from(call.hop.port()), out);
    let (text, ends) = call.text.whole();
    let mut start = 0;
    for &end in ends {
        number(u64::from(end - start), out);
        start = end;
    }
    dictionary.squeeze(text, out);
}

/// What [`write`] wrote.
pub(crate) struct Packed<'a>(pub(crate) &'a [u8]);

impl Packed<'_> {
    /// The call again, its text in `buffer`.
    pub(crate) fn read(mut self, dictionary: &Dictionary, mut buffer: Vec<u8>) -> Option<Call> {
        let flags = self.bytes::<1>()?[0];
        let tag = u64::from_le_bytes(self.bytes()?);
        let line = self.number()? as u32;
        let cseqs = [self.number()?, self.number()?, self.number()?];
        let glares = self.number()? as u8;
        let timer = TimerId::from_u32((self.number()? as u32).wrapping_sub(1));
        let hang_up_at = self.number()?;
        let hop = if flags & 2 == 0 {
            let ip = Ipv4Addr::from(self.bytes::<4>()?);
            SocketAddr::new(IpAddr::V4(ip), self.number()? as u16)
        } else {
            let ip = Ipv6Addr::from(self.bytes::<16>()?);
            let (flow, scope) = (self.number()? as u32, self.number()? as u32);
            SocketAddrV6::new(ip, self.number()? as u16, flow, scope).into()
        };
        let mut ends = [0; PARTS];
        let mut end = 0;
        for place in &mut ends {
            end += self.number()? as u16;
            *place = end;
        }
        buffer.clear();
        dictionary.expand(self.0, &mut buffer)?;
        let role = if flags & 1 == 1 {
            Role::Callee
        } else {
            Role::Caller
        };
        let mut call = Call::new(role, line, tag, hop, Vec::new());
        call.state = CallState::Established;
        [call.local_cseq, call.invite_cseq, call.remote_cseq] = cseqs.map(|cseq| cseq as u32);
        call.glares = glares;
        call.timer = timer;
        call.next = Next::of(flags >> 2)?;
        call.hang_up_at = hang_up_at;
        call.text = Text::of(buffer, ends)?;
        Some(call)
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.bytes()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

/// Seven bits a byte, the lowest first.
fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
