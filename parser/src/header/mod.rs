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
        let _ = name;
        todo!()
    }

    /// The long form; `Other` is an empty text.
    #[must_use]
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
