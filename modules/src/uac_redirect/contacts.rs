//! The Contacts of the 3xx responses of a transaction.

use engine::module::Context;
use engine::proxy::{Q_MAX, TargetParts};
use parser::Uri;

/// Contacts of one response that are looked at.
const CONTACTS_MAX: usize = 64;

/// Where a response says to go.
#[derive(Debug)]
pub(super) struct Contact {
    uri: Vec<u8>,
    q: u16,
}

/// Those that are worth trying, best first, response by response: no URI that this transaction has tried, none twice, none that has
/// expired, nothing that is no SIP, and nothing insecure where security was asked for.
pub(super) fn of(
    cx: &Context<'_>,
    in_all: usize,
    of_each: usize,
    accepts: impl Fn(&[u8]) -> bool,
) -> Vec<Contact> {
    let mut found: Vec<Contact> = Vec::new();
    let Some(context) = cx.transaction() else {
        return found;
    };
    let tried = |uri: &Uri<'_>| {
        context.branches().iter().any(|branch| {
            let text = match branch.uri.as_slice() {
                [] => cx.message.request_uri(),
                uri => uri,
            };
            Uri::parse(text).is_ok_and(|other| other.equivalent(uri))
        })
    };
    let is_secure = is_sips(cx.message.request_uri());
    for branch in context.branches() {
        let Some(response) = &branch.response else {
            continue;
        };
        if !(300..400).contains(&branch.code) {
            continue;
        }
        let mut of_this: Vec<Contact> = Vec::new();
        for contact in response.message.contacts().take(CONTACTS_MAX) {
            let address = contact.value;
            let Ok(whole) = address.uri() else {
                continue;
            };
            // RFC 3261 §19.1.1: headers are no part of a Request-URI.
            let headers = whole.headers.map_or(0, |headers| headers.len() + 1);
            let text = &address.addr_spec[..address.addr_spec.len().saturating_sub(headers)];
            let Ok(uri) = Uri::parse(text) else {
                continue;
            };
            let is_known = found
                .iter()
                .chain(&of_this)
                .any(|other| Uri::parse(&other.uri).is_ok_and(|other| other.equivalent(&uri)));
            if address.is_star()
                || !uri.is_sip()
                || (is_secure && !is_sips(text))
                || address.expires() == Some(0)
                || is_known
                || tried(&uri)
                || !accepts(text)
            {
                continue;
            }
            of_this.push(Contact {
                uri: text.to_vec(),
                q: address.q().unwrap_or(Q_MAX),
            });
        }
        // Stable: equals keep the order of the response.
        of_this.sort_by_key(|contact| std::cmp::Reverse(contact.q));
        of_this.truncate(of_each.min(in_all.saturating_sub(found.len())));
        found.append(&mut of_this);
    }
    found
}

fn is_sips(uri: &[u8]) -> bool {
    uri.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"))
}

/// Makes them the target set. False: there is none.
pub(super) fn take(cx: &mut Context<'_>, contacts: &[Contact]) -> bool {
    let mut is_first = true;
    for contact in contacts {
        let parts = TargetParts {
            uri: &contact.uri,
            q: Some(contact.q),
            ..TargetParts::default()
        };
        if is_first {
            // The one who redirected is not asked again: what was set for him goes.
            is_first = !cx.scene.targets.set(0, &parts);
        } else if cx.scene.targets.push(&parts).is_none() {
            break;
        }
    }
    !is_first
}
