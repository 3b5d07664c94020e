//! Headers: their names, and one file for each value that is more than text.
//!
//! The table below is the only place that knows a header's long name, its compact form and
//! whether its value is a comma list. A header that is not in it is [`HeaderName::Other`] and
//! passes through untouched.

pub mod auth;
pub mod cseq;
pub mod date;
pub mod event;
pub mod media_type;
pub mod name_addr;
pub mod number;
pub mod rack;
pub mod reason;
pub mod replaces;
pub mod retry_after;
pub mod session_expires;
pub mod subscription_state;
pub mod token_list;
pub mod via;

/// How often a header may stand, and how its values are separated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// One header line, one value.
    Single,
    /// Any number of lines, each with a comma list: RFC 3261 §7.3.1.
    List,
    /// Any number of lines with one value each; commas belong to the value.
    Lines,
}

macro_rules! headers {
    ($( $name:ident $text:literal $compact:literal $form:ident; )*) => {
        /// The name of a header.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum HeaderName { $( $name, )* /** Any other. */ Other }

        /// Name, long form, compact form (0 when there is none), form.
        const TABLE: &[(HeaderName, &str, u8, Form)] = &[
            $( (HeaderName::$name, $text, $compact, Form::$form), )*
        ];
    };
}

headers! {
    Accept "Accept" 0 List;
    AcceptContact "Accept-Contact" b'a' List;
    AcceptEncoding "Accept-Encoding" 0 List;
    AcceptLanguage "Accept-Language" 0 List;
    AlertInfo "Alert-Info" 0 List;
    Allow "Allow" 0 List;
    AllowEvents "Allow-Events" b'u' List;
    AuthenticationInfo "Authentication-Info" 0 Single;
    Authorization "Authorization" 0 Lines;
    CallId "Call-ID" b'i' Single;
    CallInfo "Call-Info" 0 List;
    Contact "Contact" b'm' List;
    ContentDisposition "Content-Disposition" 0 Single;
    ContentEncoding "Content-Encoding" b'e' List;
    ContentLanguage "Content-Language" 0 List;
    ContentLength "Content-Length" b'l' Single;
    ContentType "Content-Type" b'c' Single;
    CSeq "CSeq" 0 Single;
    Date "Date" 0 Single;
    Diversion "Diversion" 0 List;
    ErrorInfo "Error-Info" 0 List;
    Event "Event" b'o' Single;
    Expires "Expires" 0 Single;
    FlowTimer "Flow-Timer" 0 Single;
    From "From" b'f' Single;
    HistoryInfo "History-Info" 0 List;
    Identity "Identity" b'y' List;
    InReplyTo "In-Reply-To" 0 List;
    Join "Join" 0 Single;
    MaxBreadth "Max-Breadth" 0 Single;
    MaxForwards "Max-Forwards" 0 Single;
    MimeVersion "MIME-Version" 0 Single;
    MinExpires "Min-Expires" 0 Single;
    MinSe "Min-SE" 0 Single;
    Organization "Organization" 0 Single;
    PAssertedIdentity "P-Asserted-Identity" 0 List;
    PPreferredIdentity "P-Preferred-Identity" 0 List;
    Path "Path" 0 List;
    Priority "Priority" 0 Single;
    Privacy "Privacy" 0 Single;
    ProxyAuthenticate "Proxy-Authenticate" 0 Lines;
    ProxyAuthorization "Proxy-Authorization" 0 Lines;
    ProxyRequire "Proxy-Require" 0 List;
    RAck "RAck" 0 Single;
    Reason "Reason" 0 List;
    RecordRoute "Record-Route" 0 List;
    ReferSub "Refer-Sub" 0 Single;
    ReferTo "Refer-To" b'r' Single;
    ReferredBy "Referred-By" b'b' Single;
    RejectContact "Reject-Contact" b'j' List;
    RemotePartyId "Remote-Party-ID" 0 List;
    Replaces "Replaces" 0 Single;
    ReplyTo "Reply-To" 0 Single;
    RequestDisposition "Request-Disposition" b'd' List;
    Require "Require" 0 List;
    RetryAfter "Retry-After" 0 Single;
    Route "Route" 0 List;
    RSeq "RSeq" 0 Single;
    Server "Server" 0 Single;
    ServiceRoute "Service-Route" 0 List;
    SessionExpires "Session-Expires" b'x' Single;
    SipEtag "SIP-ETag" 0 Single;
    SipIfMatch "SIP-If-Match" 0 Single;
    Subject "Subject" b's' Single;
    SubscriptionState "Subscription-State" 0 Single;
    Supported "Supported" b'k' List;
    Timestamp "Timestamp" 0 Single;
    To "To" b't' Single;
    Unsupported "Unsupported" 0 List;
    UserAgent "User-Agent" 0 Single;
    Via "Via" b'v' List;
    Warning "Warning" 0 List;
    WwwAuthenticate "WWW-Authenticate" 0 Lines;
}

impl HeaderName {
    /// How many names there are, `Other` not counted.
    pub const COUNT: usize = TABLE.len();

    /// The name of these bytes: case-insensitive, long or compact.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let mut padded = [0; NAME_BYTES_MAX];
        match padded.get_mut(..name.len()) {
            Some(front) => front.copy_from_slice(name),
            None => return Self::Other,
        }
        let found = Self::of_padded(&padded, name.len());
        let is_exact = match name {
            [_] => true,
            _ => name.eq_ignore_ascii_case(found.as_str().as_bytes()),
        };
        if is_exact { found } else { Self::Other }
    }

    /// The name of the first `len` bytes of `padded`, whatever stands behind them.
    ///
    /// The idea: a name is three words, and setting bit 5 of every byte folds its case, so that
    /// looking one up is a hash and three compares. Bit 5 also makes a CR of a `-`: whoever calls
    /// has made sure that there is none.
    #[inline]
    pub(crate) fn of_padded(padded: &[u8; NAME_BYTES_MAX], len: usize) -> Self {
        if len == 1 {
            return COMPACT[usize::from(padded[0].to_ascii_lowercase())];
        }
        let Some(masks) = MASKS.get(len) else {
            return Self::Other;
        };
        let words = folded(padded, masks);
        let candidate = SLOTS[slot_with(SEED, words, len)];
        if WORDS[candidate as usize] == words {
            candidate
        } else {
            Self::Other
        }
    }

    /// The long form; `Other` is an empty text.
    #[must_use]
    #[inline]
    pub fn as_str(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |row| row.1)
    }

    /// The compact form, when there is one.
    #[must_use]
    pub fn compact(self) -> Option<u8> {
        TABLE
            .get(self as usize)
            .map(|row| row.2)
            .filter(|&letter| letter != 0)
    }

    /// How often it may stand and how values are separated. `Other` is taken for single lines.
    #[must_use]
    pub fn form(self) -> Form {
        TABLE.get(self as usize).map_or(Form::Lines, |row| row.3)
    }
}

/// The name of each compact form.
const COMPACT: [HeaderName; 256] = {
    let mut letters = [HeaderName::Other; 256];
    let mut row = 0;
    while row < TABLE.len() {
        if TABLE[row].2 != 0 {
            letters[TABLE[row].2 as usize] = TABLE[row].0;
        }
        row += 1;
    }
    letters
};

/// Bytes of the longest name, rounded up to whole words.
pub(crate) const NAME_BYTES_MAX: usize = 24;

type Words = [u64; 3];

/// For each length, the bytes of the three words that count.
const MASKS: [Words; NAME_BYTES_MAX + 1] = {
    let mut masks = [[0; 3]; NAME_BYTES_MAX + 1];
    let mut len = 0;
    while len <= NAME_BYTES_MAX {
        let mut at = 0;
        while at < len {
            masks[len][at / 8] |= 0xff << (at % 8 * 8);
            at += 1;
        }
        len += 1;
    }
    masks
};

const SLOT_COUNT: usize = 1_024;

/// The first seed that gives each name a slot of its own.
const SEED: u64 = {
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    while !is_perfect(seed) {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407)
            | 1;
    }
    seed
};

/// For each slot, the name that may stand there.
static SLOTS: [HeaderName; SLOT_COUNT] = {
    let mut slots = [HeaderName::Other; SLOT_COUNT];
    let mut row = 0;
    while row < TABLE.len() {
        let (words, len) = words_of(TABLE[row].1.as_bytes());
        slots[slot_with(SEED, words, len)] = TABLE[row].0;
        row += 1;
    }
    slots
};

/// For each name, its words. Those of `Other` are of no name.
static WORDS: [Words; HeaderName::COUNT + 1] = {
    let mut all = [[u64::MAX; 3]; HeaderName::COUNT + 1];
    let mut row = 0;
    while row < TABLE.len() {
        all[row] = words_of(TABLE[row].1.as_bytes()).0;
        row += 1;
    }
    all
};

const fn is_perfect(seed: u64) -> bool {
    let mut taken = [false; SLOT_COUNT];
    let mut row = 0;
    while row < TABLE.len() {
        let (words, len) = words_of(TABLE[row].1.as_bytes());
        let slot = slot_with(seed, words, len);
        if taken[slot] {
            return false;
        }
        taken[slot] = true;
        row += 1;
    }
    true
}

const fn words_of(name: &[u8]) -> (Words, usize) {
    assert!(
        name.len() <= NAME_BYTES_MAX,
        "a longer name needs a fourth word"
    );
    let mut padded = [0; NAME_BYTES_MAX];
    let mut at = 0;
    while at < name.len() {
        padded[at] = name[at];
        at += 1;
    }
    (folded(&padded, &MASKS[name.len()]), name.len())
}

#[inline]
const fn folded(padded: &[u8; NAME_BYTES_MAX], masks: &Words) -> Words {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let (words, _) = padded.as_chunks::<8>();
    [
        (u64::from_le_bytes(words[0]) | CASE) & masks[0],
        (u64::from_le_bytes(words[1]) | CASE) & masks[1],
        (u64::from_le_bytes(words[2]) | CASE) & masks[2],
    ]
}

#[inline]
const fn slot_with(seed: u64, words: Words, len: usize) -> usize {
    let mixed = (words[0] ^ words[1].rotate_left(23) ^ words[2].rotate_left(41) ^ len as u64)
        .wrapping_mul(seed);
    (mixed >> 54) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_every_form_and_case() {
        for &(name, long, compact, _) in TABLE {
            assert_eq!(HeaderName::of(long.as_bytes()), name);
            assert_eq!(HeaderName::of(long.to_ascii_uppercase().as_bytes()), name);
            assert_eq!(HeaderName::of(long.to_ascii_lowercase().as_bytes()), name);
            assert_eq!(name.as_str(), long);
            if compact != 0 {
                assert_eq!(HeaderName::of(&[compact]), name);
                assert_eq!(HeaderName::of(&[compact.to_ascii_uppercase()]), name);
            }
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_other() {
        for name in [
            "",
            "z",
            "Vi",
            "Viaa",
            "C%6Fntact",
            "X-Via",
            "Call_ID",
            "Call-I\u{44}\u{e4}",
        ] {
            assert_eq!(HeaderName::of(name.as_bytes()), HeaderName::Other, "{name}");
        }
    }
}
