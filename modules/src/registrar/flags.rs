//! The flags of `save` and `lookup`: named words, and the letters they once were.
//!
//! `save("location", "memory-only,max-contacts=5")` and `save("location", "mc5")` say the same.

use smallvec::SmallVec;

/// What the second argument of `save` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SaveFlags<'a> {
    /// Not written to a database; there is none yet, so it changes nothing.
    pub(crate) memory_only: bool,
    /// The script answers the REGISTER itself.
    pub(crate) no_reply: bool,
    /// The receiving socket is the one that the header `sock_hdr_name` names.
    pub(crate) socket_header: bool,
    /// What becomes of a Path.
    pub(crate) path: PathMode,
    /// The `received` parameter of the first Path value says where the phone is.
    pub(crate) path_received: bool,
    /// Too many contacts push out the oldest.
    pub(crate) force: bool,
    /// The answer names the contacts of this REGISTER only.
    pub(crate) only_request_contacts: bool,
    /// In place of the module's parameter.
    pub(crate) contacts_max: Option<u32>,
    /// In place of the module's parameter.
    pub(crate) expires_min: Option<u32>,
    /// In place of the module's parameter.
    pub(crate) expires_max: Option<u32>,
    /// How contacts are recognised: `0`, `1` or `<parameter>`.
    pub(crate) matching: Option<&'a [u8]>,
}

/// What becomes of the Path of a REGISTER (RFC 3327).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PathMode {
    /// No word about it: it is ignored.
    #[default]
    Ignored,
    /// `path-off`: stored, not told to the phone.
    Off,
    /// `path-lazy`: stored; told to phones that say they know Path.
    Lazy,
    /// `path-strict`: a phone that does not say so is refused with 420.
    Strict,
}

/// What the second argument of `lookup` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LookupFlags {
    /// Only contacts that take the request's method.
    pub(crate) method_filtering: bool,
    /// Only the first contact, no branches.
    pub(crate) no_branches: bool,
    /// The Request-URI is left alone, all contacts become branches.
    pub(crate) to_branches_only: bool,
}

/// A word or letter that is none of the flags.
pub(crate) type Unknown<'a> = &'a [u8];

impl<'a> SaveFlags<'a> {
    /// Reads either form.
    pub(crate) fn parse(text: &'a [u8]) -> Result<SaveFlags<'a>, Unknown<'a>> {
        let mut flags = SaveFlags::default();
        for (word, value) in words(text, b"msvfor", b"pceEM")? {
            match (word, value) {
                (b"memory-only" | b"m", b"") => flags.memory_only = true,
                (b"no-reply" | b"r", b"") => flags.no_reply = true,
                (b"socket-header" | b"s", b"") => flags.socket_header = true,
                (b"path-strict", b"") | (b"p", b"2") => flags.path = PathMode::Strict,
                (b"path-lazy", b"") | (b"p", b"1") => flags.path = PathMode::Lazy,
                (b"path-off", b"") | (b"p", b"0") => flags.path = PathMode::Off,
                (b"path-received" | b"v", b"") => flags.path_received = true,
                (b"force-registration" | b"f", b"") => flags.force = true,
                (b"only-request-contacts" | b"o", b"") => flags.only_request_contacts = true,
                (b"max-contacts" | b"c", value) => {
                    flags.contacts_max = Some(number(value).ok_or(word)?)
                }
                (b"min-expires" | b"e", value) => {
                    flags.expires_min = Some(number(value).ok_or(word)?)
                }
                (b"max-expires" | b"E", value) => {
                    flags.expires_max = Some(number(value).ok_or(word)?)
                }
                (b"matching-mode" | b"M", value) if !value.is_empty() => {
                    flags.matching = Some(value)
                }
                _ => return Err(word),
            }
        }
        Ok(flags)
    }
}

impl LookupFlags {
    /// Reads either form. What needs push, clusters, pings or a filter by user agent is not offered and
    /// therefore unknown.
    pub(crate) fn parse(text: &[u8]) -> Result<LookupFlags, Unknown<'_>> {
        let mut flags = LookupFlags::default();
        for (word, value) in words(text, b"mbB", b"")? {
            match (word, value) {
                (b"method-filtering" | b"m", b"") => flags.method_filtering = true,
                (b"no-branches" | b"b", b"") => flags.no_branches = true,
                (b"to-branches-only" | b"B", b"") => flags.to_branches_only = true,
                _ => return Err(word),
            }
        }
        Ok(flags)
    }
}

type Words<'a> = SmallVec<[(&'a [u8], &'a [u8]); 8]>;

/// The words and their values. A text that holds neither a comma nor a word of more than a letter
/// is read as letters: `letters` stand alone, `valued` take what follows up to the next letter.
fn words<'a>(text: &'a [u8], letters: &[u8], valued: &[u8]) -> Result<Words<'a>, Unknown<'a>> {
    let named = |text: &'a [u8]| -> Words<'a> {
        text.split(|byte| *byte == b',')
            .map(|word| word.trim_ascii())
            .filter(|word| !word.is_empty())
            .map(|word| match word.iter().position(|byte| *byte == b'=') {
                Some(at) => (word[..at].trim_ascii(), word[at + 1..].trim_ascii()),
                None => (word, &b""[..]),
            })
            .collect()
    };
    if text.contains(&b',')
        || text.contains(&b'-')
        || text.contains(&b'=')
        || text == b"branch"
        || text == b"global"
    {
        return Ok(named(text));
    }
    let mut words = Words::new();
    let mut rest = text.trim_ascii();
    while let Some((first, tail)) = rest.split_first() {
        let word = &rest[..1];
        if letters.contains(first) {
            words.push((word, b""));
            rest = tail;
        } else if valued.contains(first) {
            let end = match tail.first() {
                Some(b'<') => tail
                    .iter()
                    .position(|byte| *byte == b'>')
                    .map_or(tail.len(), |at| at + 1),
                _ => tail
                    .iter()
                    .position(|byte| !byte.is_ascii_digit())
                    .unwrap_or(tail.len()),
            };
            words.push((word, &tail[..end]));
            rest = &tail[end..];
        } else {
            return Err(text.trim_ascii());
        }
    }
    Ok(words)
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
