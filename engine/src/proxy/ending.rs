//! The end of a response context, and what its watchers hear until then.

use super::context::ResponseContext;
use super::{ContextId, TransactionEvent, TransactionEventKind, late};
use crate::core::Core;
use crate::jobs::Job;
use crate::statistics::Counter;

/// Tells the watchers, if there are any.
pub(super) fn notify(core: &mut Core, context: &ResponseContext, kind: TransactionEventKind) {
    if context.watchers != 0
        && !core.jobs.push(Job::Notify(TransactionEvent {
            context: context.id,
            kind,
        }))
    {
        core.statistics.count(Counter::BoundsReached);
    }
}

/// Puts a context back, or ends it when nothing can happen to it any more.
pub(super) fn finish(core: &mut Core, mut context: Box<ResponseContext>) {
    let id = context.id;
    late::tidy(core, &mut context);
    let is_over = context.is_over() && context.queued.is_empty() && !context.ending;
    if is_over && context.watchers != 0 {
        context.ending = true;
        let is_told = core.jobs.push(Job::Notify(TransactionEvent {
            context: id,
            kind: TransactionEventKind::Ended,
        }));
        core.contexts.put(context);
        if !is_told {
            core.statistics.count(Counter::BoundsReached);
            forget(core, id);
        }
    } else {
        context.ending |= is_over;
        let is_ending = context.ending && context.watchers == 0;
        let is_settled = context.watchers == 0 && context.is_settled();
        core.contexts.put(context);
        if is_ending {
            forget(core, id);
        } else if is_settled {
            settle(core, id);
        }
    }
}

/// Keeps no more of an answered request than what its transactions may still need: they stay for up to
/// 64\*T1 more, and at thousands of calls a second that is most of what a server remembers. An INVITE
/// keeps where a late 2xx goes back to (RFC 6026); any other request keeps nothing.
///
/// With watchers it is done when the last of them has heard what there is to hear.
pub fn settle(core: &mut Core, id: ContextId) {
    let Core {
        contexts,
        machine,
        servers,
        clients,
        ..
    } = core;
    let Some(context) = contexts.get_mut(id).filter(|context| context.is_settled()) else {
        return;
    };
    if context.is_invite || context.watchers != 0 {
        return context.let_go(|scene| machine.give_scene(scene));
    }
    if let Some(server) = context.server {
        servers.disown(server);
    }
    for client in context.branches().iter().filter_map(|branch| branch.client) {
        clients.abandon(client);
    }
    contexts.remove(id, |scene| machine.give_scene(scene));
}

/// The watchers know that it has ended.
pub fn forget(core: &mut Core, context: ContextId) {
    let Core {
        contexts, machine, ..
    } = core;
    if contexts.get(context).is_some_and(|context| context.ending) {
        contexts.remove(context, |scene| machine.give_scene(scene));
    }
}

/// Drops a context whose work made us panic, whatever state that left it in.
pub(crate) fn discard(core: &mut Core, context: ContextId) {
    if let Some(mut taken) = core.contexts.take(context) {
        late::forget(core, &mut taken);
        core.contexts.put(taken);
    }
    let Core {
        contexts, machine, ..
    } = core;
    contexts.remove(context, |scene| machine.give_scene(scene));
}
