//! What a script asks: pairs of URIs against rules, addresses against the table.

use std::net::IpAddr;

use engine::files::FileError;
use engine::module::{Args, Context, Verdict};
use parser::Uri;

use super::Permissions;
use super::addresses::{Proto, Question, Row};

/// Who, and whom.
pub(super) type UriPair = (Vec<u8>, Vec<u8>);

/// `scheme:user@host`, as rules see it.
fn plain(uri: &[u8]) -> Vec<u8> {
    let Ok(parsed) = Uri::parse(uri) else {
        return uri.to_vec();
    };
    if !parsed.is_sip() {
        return uri.to_vec();
    }
    let scheme = uri.split(|byte| *byte == b':').next().unwrap_or_default();
    let user = parsed.user.unwrap_or_default();
    let at: &[u8] = if user.is_empty() { b"" } else { b"@" };
    [scheme, b":", user, at, parsed.host_text].concat()
}

impl Permissions {
    /// Allowed when all pairs match the allow file; else forbidden when one matches the deny file; else allowed.
    pub(super) fn allows(&self, base: &[u8], pairs: &[UriPair]) -> bool {
        let Some(files) = self.pairs.get(base) else {
            return true;
        };
        let is_allowed = !pairs.is_empty()
            && pairs
                .iter()
                .all(|(left, right)| files.allow.holds(left, right));
        is_allowed
            || !pairs
                .iter()
                .any(|(left, right)| files.deny.holds(left, right))
    }

    /// The first argument is the base name.
    fn decide(&mut self, cx: &mut Context<'_>, args: Args<'_>, pairs: &[UriPair]) -> Verdict {
        let base = args.str(0);
        match self.read_pair(cx, base, args.is_literal(0)) {
            Ok(()) => Verdict::of(self.allows(base, pairs)),
            Err(FileError::Waits(ticket)) => Verdict::Wait(ticket),
            Err(why) => {
                cx.log_error(format_args!("permissions: {why}"));
                Verdict::FAIL
            }
        }
    }

    pub(super) fn allow_routing(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let from = plain(cx.message.from().addr_spec);
        let mut pairs = vec![(from.clone(), plain(cx.request_uri()))];
        if self.checks_all_branches {
            let others = (1..cx.scene.targets.len()).filter_map(|at| cx.scene.targets.get(at));
            pairs.extend(others.map(|target| (from.clone(), plain(target.uri))));
        }
        self.decide(cx, args, &pairs)
    }

    pub(super) fn allow_register(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let to = plain(cx.message.to().addr_spec);
        let contacts = cx.message.contacts().map(|contact| contact.value.addr_spec);
        let pairs: Vec<UriPair> = contacts
            .filter(|uri| *uri != b"*")
            .map(|uri| (to.clone(), plain(uri)))
            .collect();
        self.decide(cx, args, &pairs)
    }

    pub(super) fn allow_uri(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let from = plain(cx.message.from().addr_spec);
        self.decide(cx, args, &[(from, plain(args.str(1)))])
    }

    pub(super) fn check_address(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let address = std::str::from_utf8(args.str(1)).ok().and_then(|text| {
            text.trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<IpAddr>()
                .ok()
        });
        let transport = Proto::parse(args.str(3));
        let (Some(address), Some(transport)) = (address, transport) else {
            cx.log_error(format_args!("check_address: no address, or no transport"));
            return Verdict::FAIL;
        };
        let (Ok(group), Ok(port)) = (u32::try_from(args.int(0)), u16::try_from(args.int(2))) else {
            cx.log_error(format_args!("check_address: no group, or no port"));
            return Verdict::FAIL;
        };
        let text = args.maybe_str(5);
        let question = Question {
            group,
            address,
            port,
            transport,
            text,
        };
        self.answer(cx, question, args, 4, 6)
    }

    pub(super) fn check_source(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Ok(group) = u32::try_from(args.int(0)) else {
            return Verdict::FAIL;
        };
        let question = Question {
            group,
            text: args.maybe_str(2),
            ..source(cx)
        };
        self.answer(cx, question, args, 1, 3)
    }

    pub(super) fn source_group(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let question = source(cx);
        match self.find(cx, question, args.str(1)) {
            Some(row) => {
                args.set(0, row.group as i32);
                Verdict::OK
            }
            None => Verdict::FAIL,
        }
    }

    fn answer(
        &self,
        cx: &mut Context<'_>,
        question: Question<'_>,
        args: Args<'_>,
        info: usize,
        partition: usize,
    ) -> Verdict {
        let Some(row) = self.find(cx, question, args.str(partition)) else {
            return Verdict::FAIL;
        };
        if let Some(text) = &row.info {
            args.set(info, text.as_str());
        }
        Verdict::OK
    }

    fn find(&self, cx: &mut Context<'_>, question: Question<'_>, partition: &[u8]) -> Option<&Row> {
        let name = String::from_utf8_lossy(partition);
        let Some(partition) = self.partition(&name) else {
            cx.log_error(format_args!(
                "permissions: there is no partition `{name}`: no address_file names it"
            ));
            return None;
        };
        partition.addresses.find(question)
    }
}

/// Where the message came from, in any group.
fn source(cx: &Context<'_>) -> Question<'static> {
    let flow = cx.scene.flow;
    Question {
        group: 0,
        address: flow.remote.ip(),
        port: flow.remote.port(),
        transport: Proto::Only(flow.transport),
        text: None,
    }
}
