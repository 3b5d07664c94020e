//! `lookup`: from an address-of-record to the target set (RFC 3261 §16.5).

use engine::input::{ConnectionId, SocketId};
use engine::module::{Args, Context, Verdict};
use engine::proxy::TargetParts;
use parser::NameAddr;
use smallvec::SmallVec;

use super::Registrar;
use super::contacts::method_bit;
use super::flags::LookupFlags;
use crate::usrloc::binding::Binding;
use crate::usrloc::{Ask, Asked, Question, Told, Usrloc};

/// Nobody is registered.
const NOT_FOUND: Verdict = Verdict::Return(-1);
/// Somebody is, but not for this method.
const METHOD_NOT_TAKEN: Verdict = Verdict::Return(-2);
/// The address is none, or its owner did not answer.
const ERROR: Verdict = Verdict::Return(-3);

impl Registrar {
    /// 1: found, the target set is made.
    pub(super) fn lookup(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Ok(flags) = LookupFlags::parse(args.str(1)) else {
            return ERROR;
        };
        let address = args.maybe_str(2).unwrap_or(cx.request_uri());
        if self.aor.key(address, &mut self.key).is_err() {
            return ERROR;
        }
        let question = Question {
            table: args.str(0),
            aor: &self.key,
            ask: Ask::List,
        };
        let answer = &mut self.answer;
        let asked = cx.with_module::<Usrloc, _>(|usrloc, cx| {
            let asked = usrloc.ask(cx, &question, answer);
            (asked, usrloc.youngest_first())
        });
        let youngest_first = match asked {
            Some((Asked::Waits(verdict), _)) => return verdict,
            Some((Asked::Answered, youngest_first)) => youngest_first,
            Some((Asked::Failed, _)) | None => return ERROR,
        };
        let Some(told) = Told::read(&self.answer) else {
            return ERROR;
        };
        let now = cx.now.unix_s() as u32;
        let mut bindings: SmallVec<[Binding<'_>; 8]> = told
            .bindings
            .filter(|binding| !binding.is_expired(now))
            .collect();
        if bindings.is_empty() {
            return NOT_FOUND;
        }
        if flags.method_filtering {
            let method = method_bit(cx.message.method().as_bytes());
            bindings.retain(|binding| binding.methods & method != 0);
            if bindings.is_empty() {
                return METHOD_NOT_TAKEN;
            }
        }
        // Stable: of equal q the older comes first, or the younger when asked for.
        bindings.sort_by_key(|binding| {
            if youngest_first {
                !binding.modified
            } else {
                binding.modified
            }
        });
        bindings.sort_by_key(|binding| std::cmp::Reverse(binding.q.unwrap_or(1000)));
        if flags.no_branches {
            bindings.truncate(1);
        }
        for (place, binding) in bindings.iter().enumerate() {
            let parts = target(binding);
            if place == 0 && !flags.to_branches_only {
                cx.scene.targets.set(0, &parts);
            } else if cx.scene.targets.push(&parts).is_none() {
                // The set is full: what is left has the lowest q.
                break;
            }
        }
        Verdict::OK
    }
}

fn target<'a>(binding: &Binding<'a>) -> TargetParts<'a> {
    TargetParts {
        uri: binding.contact,
        // RFC 3327 §5.2: a Path decides the way, whatever address the phone was seen at.
        destination: first_hop(binding.path).unwrap_or(binding.received),
        path: binding.path,
        q: binding.q,
        flags: binding.branch_flags,
        socket: binding.socket.checked_sub(1).map(SocketId),
        connection: ConnectionId(binding.connection),
        attributes: None,
    }
}

/// The URI of the first value of a Path.
fn first_hop(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().position(|byte| *byte == b'>')? + 1;
    Some(NameAddr::parse(&path[..end]).ok()?.addr_spec)
}
