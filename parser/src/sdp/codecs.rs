//! The codecs of a stream: what its formats are called (RFC 8866 §6.6, RFC 3551 §6).
//!
//! The `rtpmap` lines are read once into a table by payload type, so that asking for every format of a stream takes
//! one walk over its lines, however many formats there are.

use super::{Media, words};

/// The codecs of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Codecs<'a> {
    /// By payload type: what stands behind it in the first `rtpmap`, empty if there is none.
    mapped: [&'a [u8]; PAYLOAD_TYPES],
}

impl<'a> Media<'a> {
    /// What its formats are called.
    #[must_use]
    pub fn codecs(&self) -> Codecs<'a> {
        let mut mapped: [&[u8]; PAYLOAD_TYPES] = [b""; PAYLOAD_TYPES];
        for attribute in self.attributes() {
            let (b"rtpmap", Some(value)) = (attribute.name, attribute.value) else {
                continue;
            };
            let mut parts = words(value);
            let place = parts.next().and_then(payload_type);
            if let (Some(place), Some(encoding)) = (place, parts.next())
                && mapped[place].is_empty()
            {
                mapped[place] = encoding;
            }
        }
        Codecs { mapped }
    }

    /// The name of one format's codec. For several ask [`Media::codecs`].
    #[must_use]
    pub fn codec_name(&self, format: &[u8]) -> Option<&'a [u8]> {
        self.codecs().name(format)
    }
}

impl<'a> Codecs<'a> {
    /// The name of a format's codec: from its `rtpmap`, or of the payload types that RFC 3551 fixes.
    #[must_use]
    pub fn name(&self, format: &[u8]) -> Option<&'a [u8]> {
        let name = self.encoding(format).map(|encoding| {
            encoding
                .split(|byte| *byte == b'/')
                .next()
                .unwrap_or_default()
        });
        name.or_else(|| static_codec(format))
    }

    /// Its clock rate: from its `rtpmap`, or of the payload types that RFC 3551 fixes.
    #[must_use]
    pub fn clock(&self, format: &[u8]) -> &'a [u8] {
        let mapped = self
            .encoding(format)
            .and_then(|encoding| encoding.split(|byte| *byte == b'/').nth(1));
        mapped.unwrap_or_else(|| static_clock(format))
    }

    fn encoding(&self, format: &[u8]) -> Option<&'a [u8]> {
        Some(self.mapped[payload_type(format)?]).filter(|encoding| !encoding.is_empty())
    }
}

/// A payload type as a number. Only written as it should be: `00` is no 0.
pub(super) fn payload_type(format: &[u8]) -> Option<usize> {
    let is_plain = format.len() <= 3 && (format.len() == 1 || format.first() != Some(&b'0'));
    let number = format
        .iter()
        .try_fold(0, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + usize::from(byte - b'0'))
        })
        .filter(|_| is_plain && !format.is_empty())?;
    (number < PAYLOAD_TYPES).then_some(number)
}

/// RFC 3550 §5.1: seven bits.
pub(super) const PAYLOAD_TYPES: usize = 128;

fn static_clock(format: &[u8]) -> &'static [u8] {
    match format {
        b"6" => b"16000",
        b"10" | b"11" => b"44100",
        b"16" => b"11025",
        b"17" => b"22050",
        b"25" | b"26" | b"28" | b"31" | b"32" | b"33" | b"34" => b"90000",
        _ => b"8000",
    }
}

/// RFC 3551 §6, what is still spoken.
fn static_codec(format: &[u8]) -> Option<&'static [u8]> {
    let name: &[u8] = match format {
        b"0" => b"PCMU",
        b"3" => b"GSM",
        b"4" => b"G723",
        b"5" | b"6" | b"16" | b"17" => b"DVI4",
        b"7" => b"LPC",
        b"8" => b"PCMA",
        b"9" => b"G722",
        b"10" | b"11" => b"L16",
        b"12" => b"QCELP",
        b"13" => b"CN",
        b"15" => b"G728",
        b"18" => b"G729",
        b"26" => b"JPEG",
        b"31" => b"H261",
        b"32" => b"MPV",
        b"34" => b"H263",
        _ => return None,
    };
    Some(name)
}
