//! The address-of-record of a URI: the key that bindings are stored under.

use parser::{Scheme, Uri, uri::unescape};

/// What of a URI makes the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AorRules {
    /// Whether the domain belongs to it (`usrloc:use_domain`).
    pub(super) use_domain: bool,
    /// Whether user parts that differ in case are different people.
    pub(super) case_sensitive: bool,
    /// A prefix that domains may have and that does not count (`realm_prefix`).
    pub(super) realm_prefix: Vec<u8>,
    /// Longest key.
    pub(super) aor_max: usize,
    /// Longest user part.
    pub(super) username_max: usize,
    /// Longest domain.
    pub(super) domain_max: usize,
}

/// Why a URI has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAor {
    /// It is not a URI, or names nobody.
    Unreadable,
    /// It is longer than allowed.
    TooLong,
}

impl AorRules {
    /// Writes the key of `uri` to `key`, which is emptied first.
    pub(super) fn key(&self, uri: &[u8], key: &mut Vec<u8>) -> Result<(), NoAor> {
        key.clear();
        let uri = Uri::parse(uri).map_err(|_| NoAor::Unreadable)?;
        if matches!(uri.scheme, Scheme::Other(_)) {
            return Err(NoAor::Unreadable);
        }
        // RFC 3261 §10.3 step 5: escapes and URI parameters do not make another address.
        unescape(uri.user.unwrap_or_default(), key);
        if key.len() > self.username_max {
            return Err(NoAor::TooLong);
        }
        if !self.case_sensitive {
            key.make_ascii_lowercase();
        }
        let mut domain = uri.host_text;
        if domain.len() > self.domain_max {
            return Err(NoAor::TooLong);
        }
        if domain.len() > self.realm_prefix.len()
            && domain[..self.realm_prefix.len()].eq_ignore_ascii_case(&self.realm_prefix)
        {
            domain = &domain[self.realm_prefix.len()..];
        }
        if self.use_domain {
            if !key.is_empty() {
                key.push(b'@');
            }
            let start = key.len();
            key.extend_from_slice(domain);
            key[start..].make_ascii_lowercase();
        }
        match key.len() {
            0 => Err(NoAor::Unreadable),
            length if length > self.aor_max => Err(NoAor::TooLong),
            _ => Ok(()),
        }
    }
}
