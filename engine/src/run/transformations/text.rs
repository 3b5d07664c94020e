//! `s`: texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::base::{hex, unhex, unhex_digit};
use super::{Arg, Input, Outcome, Transformation, int, part, place_of, with_text};
use crate::run::value::ValueRef;

type Params<'a, 'b> = &'a [ValueRef<'b>];
type Apply = fn(Input<'_>, &[ValueRef<'_>], &mut Vec<u8>) -> Outcome;

const fn row(name: &'static str, args: &'static [Arg], apply: Apply) -> Transformation {
    Transformation {
        class: "s",
        name,
        args,
        apply,
    }
}

pub(super) const TABLE: &[Transformation] = &[
    row("len", &[], |input, _, _| {
        Outcome::Int(input.text.len() as i32)
    }),
    row("int", &[], |input, _, _| Outcome::Int(leading_int(input))),
    row("md5", &[], |input, _, out| digest::<Md5>(input, out)),
    row("sha1", &[], |input, _, out| digest::<Sha1>(input, out)),
    row("sha224", &[], |input, _, out| digest::<Sha224>(input, out)),
    row("sha256", &[], |input, _, out| digest::<Sha256>(input, out)),
    row("sha384", &[], |input, _, out| digest::<Sha384>(input, out)),
    row("sha512", &[], |input, _, out| digest::<Sha512>(input, out)),
    row("sha1_hmac", &[Arg::Text], |input, params, out| {
        mac::<Hmac<Sha1>>(input, params, out)
    }),
    row("sha224_hmac", &[Arg::Text], |input, params, out| {
        mac::<Hmac<Sha224>>(input, params, out)
    }),
    row("sha256_hmac", &[Arg::Text], |input, params, out| {
        mac::<Hmac<Sha256>>(input, params, out)
    }),
    row("sha384_hmac", &[Arg::Text], |input, params, out| {
        mac::<Hmac<Sha384>>(input, params, out)
    }),
    row("sha512_hmac", &[Arg::Text], |input, params, out| {
        mac::<Hmac<Sha512>>(input, params, out)
    }),
    row("crc32", &[], crc32),
    row("tolower", &[], |input, _, out| {
        each(input, out, |byte| byte.to_ascii_lowercase())
    }),
    row("toupper", &[], |input, _, out| {
        each(input, out, |byte| byte.to_ascii_uppercase())
    }),
    row("reverse", &[], reverse),
    row("trim", &[], |input, _, _| {
        part(input, Some(trim_left(trim_right(input.text))))
    }),
    row("triml", &[], |input, _, _| {
        part(input, Some(trim_left(input.text)))
    }),
    row("trimr", &[], |input, _, _| {
        part(input, Some(trim_right(input.text)))
    }),
    row("substr", &[Arg::Int, Arg::Int], substr),
    row("select", &[Arg::Int, Arg::Text], select),
    row("index", &[Arg::Text, Arg::MayInt], index),
    row("rindex", &[Arg::Text, Arg::MayInt], rindex),
    row("fill.left", &[Arg::Text, Arg::Int], fill_left),
    row("fill.right", &[Arg::Text, Arg::Int], fill_right),
    row("width", &[Arg::Int], width),
    row("encode.hexa", &[], |input, _, out| {
        hex(input.text, out);
        Outcome::Written
    }),
    row("decode.hexa", &[], |input, _, out| {
        written_if(unhex(input.text, out))
    }),
    row("hex2dec", &[], hex_to_decimal),
    row("dec2hex", &[], decimal_to_hex),
    row("b64encode", &[], |input, _, out| {
        out.extend_from_slice(STANDARD.encode(input.text).as_bytes());
        Outcome::Written
    }),
    row("b64decode", &[], |input, _, out| {
        written_if(STANDARD.decode_vec(input.text, out).is_ok())
    }),
    row("xor", &[Arg::Text], xor),
    row("escape.common", &[], escape_common),
    row("unescape.common", &[], unescape_common),
    row("escape.user", &[], |input, _, out| {
        parser::uri::escape_user(input.text, out);
        Outcome::Written
    }),
    row("unescape.user", &[], |input, _, out| unescape(input, out)),
    row("escape.param", &[], escape_param),
    row("unescape.param", &[], |input, _, out| unescape(input, out)),
    row("eval", &[], |_, _, _| Outcome::Evaluate),
    row("date2unix", &[], date_to_unix),
];

fn written_if(done: bool) -> Outcome {
    if done {
        Outcome::Written
    } else {
        Outcome::Null
    }
}

/// A sign and digits at the beginning; 0 if there are none. Wraps as all numbers do.
fn leading_int(input: Input<'_>) -> i32 {
    if let Some(n) = input.int {
        return n;
    }
    let (is_negative, digits) = match input.text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        text => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let n = digits.fold(0i32, |n, byte| {
        n.wrapping_mul(10).wrapping_add(i32::from(byte - b'0'))
    });
    if is_negative { n.wrapping_neg() } else { n }
}

fn digest<D: Digest>(input: Input<'_>, out: &mut Vec<u8>) -> Outcome {
    hex(&D::digest(input.text), out);
    Outcome::Written
}

fn mac<M: Mac + KeyInit>(input: Input<'_>, params: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let keyed = with_text(params, 0, |key| <M as KeyInit>::new_from_slice(key));
    let Ok(mut mac) = keyed else {
        return Outcome::Null;
    };
    mac.update(input.text);
    hex(&mac.finalize().into_bytes(), out);
    Outcome::Written
}

fn crc32(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    // Beyond 31 bits it is no number of a script, so it is text.
    out.extend_from_slice(crc32fast::hash(input.text).to_string().as_bytes());
    Outcome::Written
}

fn each(input: Input<'_>, out: &mut Vec<u8>, change: fn(u8) -> u8) -> Outcome {
    out.extend(input.text.iter().map(|byte| change(*byte)));
    Outcome::Written
}

fn reverse(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    out.extend(input.text.iter().rev());
    Outcome::Written
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn trim_left(text: &[u8]) -> &[u8] {
    let start = text
        .iter()
        .position(|byte| !is_blank(byte))
        .unwrap_or(text.len());
    &text[start..]
}

fn trim_right(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .rposition(|byte| !is_blank(byte))
        .map_or(0, |last| last + 1);
    &text[..end]
}

/// A negative offset counts from the end; length 0 is the rest, a negative one stops so many before the end.
fn substr(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    let (Some(offset), Some(len)) = (int(params, 0), int(params, 1)) else {
        return Outcome::Null;
    };
    let total = input.text.len();
    let Some(start) = place_of(offset, total) else {
        return Outcome::Null;
    };
    let end = match len {
        0 => total,
        1.. => total.min(start + len as usize),
        _ => match total.checked_sub(len.unsigned_abs() as usize) {
            Some(end) if end >= start => end,
            _ => return Outcome::Null,
        },
    };
    Outcome::Part(start..end)
}

/// A field that is not there is empty.
fn select(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    let Some(index) = int(params, 0) else {
        return Outcome::Null;
    };
    let Some(separator) = with_text(params, 1, |text| text.first().copied()) else {
        return Outcome::Null;
    };
    let mut fields = input.text.split(|byte| *byte == separator);
    let field = match usize::try_from(index) {
        Ok(index) => fields.nth(index),
        Err(_) => fields.rev().nth(index.unsigned_abs() as usize - 1),
    };
    part(input, Some(field.unwrap_or_default()))
}

/// Where to begin looking; negative wraps to the end.
fn offset(params: Params<'_, '_>, len: usize, default: usize) -> Option<usize> {
    match params.get(1) {
        None | Some(ValueRef::Null) => Some(default),
        Some(_) => {
            let offset = int(params, 1)?;
            match usize::try_from(offset) {
                Ok(offset) => (offset <= len).then_some(offset),
                Err(_) => len.checked_sub(offset.unsigned_abs() as usize),
            }
        }
    }
}

fn index(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    let Some(from) = offset(params, input.text.len(), 0) else {
        return Outcome::Null;
    };
    with_text(params, 0, |what| {
        match memchr::memmem::find(&input.text[from..], what) {
            Some(found) => Outcome::Int((from + found) as i32),
            None => Outcome::Null,
        }
    })
}

/// The last place at or before the offset.
fn rindex(input: Input<'_>, params: Params<'_, '_>, _: &mut Vec<u8>) -> Outcome {
    let Some(from) = offset(params, input.text.len(), input.text.len()) else {
        return Outcome::Null;
    };
    with_text(params, 0, |what| {
        let end = input.text.len().min(from + what.len());
        match memchr::memmem::rfind(&input.text[..end], what) {
            Some(found) => Outcome::Int(found as i32),
            None => Outcome::Null,
        }
    })
}

/// Widths that scripts can ask for.
const WIDTH_MAX: usize = 65_536;

fn missing(input: Input<'_>, len: Option<i32>) -> Option<usize> {
    let len = usize::try_from(len?).ok().filter(|len| *len <= WIDTH_MAX)?;
    Some(len.saturating_sub(input.text.len()))
}

fn fill_left(input: Input<'_>, params: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let Some(missing) = missing(input, int(params, 1)) else {
        return Outcome::Null;
    };
    with_text(params, 0, |token| {
        out.extend(token.iter().cycle().take(missing))
    });
    out.extend_from_slice(input.text);
    Outcome::Written
}

fn fill_right(input: Input<'_>, params: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let Some(missing) = missing(input, int(params, 1)) else {
        return Outcome::Null;
    };
    out.extend_from_slice(input.text);
    with_text(params, 0, |token| {
        out.extend(token.iter().cycle().take(missing))
    });
    Outcome::Written
}

fn width(input: Input<'_>, params: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let Some(missing) = missing(input, int(params, 0)) else {
        return Outcome::Null;
    };
    if missing == 0 {
        return Outcome::Part(0..int(params, 0).unwrap_or_default() as usize);
    }
    out.extend_from_slice(input.text);
    out.resize(out.len() + missing, b' ');
    Outcome::Written
}

fn hex_to_decimal(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let digits = input.text.strip_prefix(b"0x").unwrap_or(input.text);
    if digits.is_empty() || digits.len() > 16 {
        return Outcome::Null;
    }
    let value = digits.iter().try_fold(0u64, |n, byte| {
        Some(n << 4 | u64::from(unhex_digit(*byte)?))
    });
    let Some(value) = value else {
        return Outcome::Null;
    };
    match i32::try_from(value) {
        Ok(n) => Outcome::Int(n),
        Err(_) => {
            out.extend_from_slice(value.to_string().as_bytes());
            Outcome::Written
        }
    }
}

fn decimal_to_hex(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let value = match input.int {
        Some(n) => Some(u64::from(n as u32)),
        None => std::str::from_utf8(input.text)
            .ok()
            .and_then(|text| text.trim().parse().ok()),
    };
    let Some(value) = value else {
        return Outcome::Null;
    };
    out.extend_from_slice(format!("{value:x}").as_bytes());
    Outcome::Written
}

fn xor(input: Input<'_>, params: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    with_text(params, 0, |secret| {
        if secret.is_empty() {
            return Outcome::Null;
        }
        out.extend(
            input
                .text
                .iter()
                .zip(secret.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        Outcome::Written
    })
}

fn escape_common(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    for byte in input.text {
        match byte {
            b'\'' | b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0 => out.extend_from_slice(b"\\0"),
            _ => out.push(*byte),
        }
    }
    Outcome::Written
}

fn unescape_common(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let mut bytes = input.text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\\', Some(next @ (b'\'' | b'"' | b'\\'))) => {
                out.push(*next);
                bytes.next();
            }
            (b'\\', Some(b'0')) => {
                out.push(0);
                bytes.next();
            }
            _ => out.push(byte),
        }
    }
    Outcome::Written
}

/// What RFC 3261 §25.1 allows in a parameter of a URI stays, the rest becomes `%hh`.
fn escape_param(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    for byte in input.text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(*byte),
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => out.push(*byte),
            b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$' => out.push(*byte),
            _ => {
                out.push(b'%');
                hex(&[*byte], out);
            }
        }
    }
    Outcome::Written
}

/// A `%` without two hexadecimal digits, or `%00`, is an error.
fn unescape(input: Input<'_>, out: &mut Vec<u8>) -> Outcome {
    let mut rest = input.text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return Outcome::Null;
        };
        let (Some(high), Some(low)) = (unhex_digit(*high), unhex_digit(*low)) else {
            return Outcome::Null;
        };
        if high | low == 0 {
            return Outcome::Null;
        }
        out.push(high << 4 | low);
        rest = after;
    }
    Outcome::Written
}

/// `Fri, 01 Jan 2021 00:00:00 GMT`.
fn date_to_unix(input: Input<'_>, _: Params<'_, '_>, out: &mut Vec<u8>) -> Outcome {
    let date = std::str::from_utf8(input.text).ok().map(str::trim);
    let date = date.and_then(|text| {
        chrono::NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok()
    });
    let Some(date) = date else {
        return Outcome::Null;
    };
    let seconds = date.and_utc().timestamp();
    match i32::try_from(seconds) {
        Ok(n) => Outcome::Int(n),
        Err(_) => {
            out.extend_from_slice(seconds.to_string().as_bytes());
            Outcome::Written
        }
    }
}
