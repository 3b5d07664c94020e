//! Response contexts: RFC 3261 §16.7. Everything about one request between its arrival and its end.
//!
//! A context outlives the run that made it and its server transaction; it goes when that and all
//! its client transactions are gone. While it is worked on it leaves its slot, so that the rest of the
//! core can be borrowed beside it.

use std::hash::BuildHasherDefault;

use ahash::AHasher;
use hashbrown::HashMap;

use super::branch::{Branch, BranchState, Queued};
use super::{BRANCHES_MAX, ContextId, TargetParts};
use crate::input::Flow;
use crate::limits::CONTEXTS_POOLED;
use crate::run::Scene;
use crate::transaction::{ClientId, ServerId};

/// How a request is doing.
#[derive(Debug, Default)]
pub struct ResponseContext {
    /// Its own name.
    pub id: ContextId,
    /// The server transaction.
    pub server: Option<ServerId>,
    /// Where its responses go; known even when the server transaction is gone.
    pub reply_flow: Option<Flow>,
    /// Whether it is an INVITE.
    pub is_invite: bool,
    /// The request, while no run holds it and it is not let go.
    pub scene: Option<Box<Scene>>,
    /// The request has been let go: nothing will look at it again.
    let_go: bool,
    /// The best final response, while a failure route decides about it.
    pub best: Option<u8>,
    /// Whether the caller has cancelled it.
    pub cancelled: bool,
    /// The status of the last response that went to the caller; 0 before the first.
    pub status: u16,
    /// Whether that one was made by us.
    pub status_local: bool,
    /// The branch it came from.
    pub status_branch: Option<u8>,
    /// Its reason phrase.
    pub reason: Vec<u8>,
    /// Its To-tag.
    pub to_tag: Vec<u8>,
    /// Modules that want to know what happens, a bit each by their place in the program's list.
    pub watchers: u64,
    /// A failure route is to run or runs.
    pub failing: bool,
    /// The server transaction is gone.
    pub(super) server_ended: bool,
    /// What came while a run held the request, in order. Bounded.
    pub(super) queued: std::collections::VecDeque<Queued>,
    branches: Vec<Branch>,
    used: usize,
    /// Client transactions of an INVITE that waited for too long. Bounded as branches and their addresses are.
    given_up: Vec<ClientId>,
    /// The first branch that may still win: those before it have lost already.
    pub(super) round: usize,
    /// The first branch of the latest `relay`.
    pub(super) fresh: usize,
    /// The last `round` whose failure was told to watchers.
    pub(super) failed_round: Option<usize>,
    /// The same of the `relay` before, in case the latest comes to nothing.
    pub(super) previous_round: usize,
    /// The request, while a branch's route sees another.
    pub(super) saved: super::view::Saved,
    /// Its watchers are being told that it ended.
    pub(super) ending: bool,
    /// A script asked for the transaction (`t_newtran`, `t_reply`): what `t_relay` cannot do is its to answer.
    pub(super) made_by_script: bool,
    /// It waits for branches that are yet to come.
    pub(super) waiting: Option<super::late::Waiting>,
    /// What relaying came to so far: the last error.
    pub(super) relay_error: Option<super::RelayError>,
}

impl ResponseContext {
    /// All branches, those of earlier rounds included.
    pub fn branches(&self) -> &[Branch] {
        &self.branches[..self.used]
    }

    /// Those of the latest round that count.
    pub fn current(&self) -> impl Iterator<Item = &Branch> {
        let round = self.branches().iter().skip(self.round);
        round.filter(|branch| branch.state != BranchState::Discarded)
    }

    /// The same as [`branches`](Self::branches), to be changed.
    pub fn branches_mut(&mut self) -> &mut [Branch] {
        &mut self.branches[..self.used]
    }

    /// One of them.
    pub fn branch(&self, at: u8) -> Option<&Branch> {
        self.branches().get(usize::from(at))
    }

    /// One of them, to be changed.
    pub fn branch_mut(&mut self, at: u8) -> Option<&mut Branch> {
        self.branches_mut().get_mut(usize::from(at))
    }

    /// Adds a branch. `None`: there are as many as there may be.
    pub(super) fn add_branch(&mut self, target: &TargetParts<'_>) -> Option<u8> {
        if self.used >= BRANCHES_MAX {
            return None;
        }
        if self.used == self.branches.len() {
            // Nearly every request has one target.
            self.branches.reserve_exact(1);
            self.branches.push(Branch::default());
        }
        self.branches[self.used].begin(target);
        self.used += 1;
        Some(self.used as u8 - 1)
    }

    /// Whether a final response has gone to the caller.
    pub fn is_answered(&self) -> bool {
        self.status >= 200
    }

    /// Whether a branch may still bring a response that decides something.
    pub fn is_open(&self) -> bool {
        self.branches().iter().any(Branch::is_open)
    }

    /// §16.7 step 5: whoever says 6xx speaks for all places where the user could be.
    pub(super) fn has_declined(&self) -> bool {
        self.branches()
            .iter()
            .any(|branch| branch.code >= 600 && !branch.local)
    }

    /// Whether nothing will ever happen to it again.
    pub(super) fn is_over(&self) -> bool {
        let gone = |branch: &Branch| branch.client.is_none() && !branch.replying;
        self.server_ended && !self.failing && !self.is_held() && self.branches().iter().all(gone)
    }

    /// Whether events have to wait: a run holds the request.
    pub(crate) fn is_held(&self) -> bool {
        self.scene.is_none() && !self.let_go
    }

    /// Whether all is said and done: the caller has a final response, no branch can bring a better one, and
    /// no route will see the request again. What is left is to repeat, and to wait until nobody repeats.
    ///
    /// An INVITE may have a further 2xx yet, which its reply routes would see; nothing else has.
    pub(super) fn is_settled(&self) -> bool {
        let is_invite = self.is_invite;
        // What was rewritten is put back by what was received.
        let is_quiet = |branch: &Branch| {
            let sees_more = branch.on_reply.is_some() || !branch.rewrite.is_plain();
            !(branch.is_open() || branch.replying || is_invite && sees_more)
        };
        let sees_replies = |scene: &Scene| is_invite && scene.hooks.on_reply.is_some();
        self.is_answered()
            && !self.failing
            && !self.ending
            && self.queued.is_empty()
            && self
                .scene
                .as_deref()
                .is_some_and(|scene| !sees_replies(scene))
            && self.branches().iter().all(is_quiet)
    }

    /// Lets the messages go that it holds: some kilobytes that would else stay for half a minute.
    pub(super) fn let_go(&mut self, mut give: impl FnMut(Box<Scene>)) {
        let responses = self.branches.iter_mut().map(|branch| &mut branch.response);
        for held in responses.chain([&mut self.scene]) {
            if let Some(scene) = held.take() {
                give(scene);
            }
        }
        self.let_go = true;
    }

    /// The branch whose final response is in hand: the one that a failure route is about.
    pub fn winning(&self) -> Option<&Branch> {
        self.best.and_then(|at| self.branch(at))
    }

    /// The branch that is being sent: the first that is pending.
    pub(super) fn next_pending(&self) -> Option<u8> {
        let is_pending = |branch: &Branch| branch.state == BranchState::Pending;
        self.branches()
            .iter()
            .position(is_pending)
            .map(|at| at as u8)
    }

    fn clear(&mut self) {
        let ResponseContext {
            reason,
            to_tag,
            queued,
            branches,
            given_up,
            saved,
            ..
        } = self;
        let mut fresh = ResponseContext {
            reason: std::mem::take(reason),
            to_tag: std::mem::take(to_tag),
            queued: std::mem::take(queued),
            branches: std::mem::take(branches),
            given_up: std::mem::take(given_up),
            saved: std::mem::take(saved),
            ..ResponseContext::default()
        };
        fresh.reason.clear();
        fresh.to_tag.clear();
        fresh.queued.clear();
        fresh.given_up.clear();
        *self = fresh;
    }
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    /// Of a free slot: the next free one, counted from 1.
    next_free: u32,
    live: bool,
    context: Option<Box<ResponseContext>>,
}

/// All response contexts of a shard. Bounded.
#[derive(Debug, Default)]
pub struct ResponseContexts {
    slots: Vec<Slot>,
    free: u32,
    live: u32,
    limit: u32,
    /// Whose client transactions waited for too long: a 2xx may still come, and is theirs.
    given_up: HashMap<ClientId, (ContextId, u8), BuildHasherDefault<AHasher>>,
    #[expect(clippy::vec_box, reason = "a context is moved by its box")]
    idle: Vec<Box<ResponseContext>>,
}

impl ResponseContexts {
    /// An empty table that never holds more than `limit`.
    pub fn new(limit: u32) -> Self {
        ResponseContexts {
            limit,
            ..ResponseContexts::default()
        }
    }

    /// A new one; what is in it is for the caller to fill. `None`: the table is full.
    pub(super) fn insert(&mut self) -> Option<ContextId> {
        if self.live >= self.limit {
            return None;
        }
        let slot = match self.free {
            0 => {
                self.slots.push(Slot {
                    generation: 0,
                    next_free: 0,
                    live: false,
                    context: None,
                });
                self.slots.len() - 1
            }
            free => free as usize - 1,
        };
        let entry = &mut self.slots[slot];
        self.free = entry.next_free;
        // 24 bits, as the other tables have them; never 0.
        entry.generation = (entry.generation % 0xff_ffff) + 1;
        entry.live = true;
        let id = ContextId {
            slot: slot as u32,
            generation: entry.generation,
        };
        let mut context = self.idle.pop().unwrap_or_default();
        context.id = id;
        entry.context = Some(context);
        self.live += 1;
        Some(id)
    }

    fn slot(&self, id: ContextId) -> Option<&Slot> {
        self.slots
            .get(id.slot as usize)
            .filter(|slot| slot.live && slot.generation == id.generation)
    }

    fn slot_mut(&mut self, id: ContextId) -> Option<&mut Slot> {
        self.slots
            .get_mut(id.slot as usize)
            .filter(|slot| slot.live && slot.generation == id.generation)
    }

    /// Reads one.
    pub fn get(&self, id: ContextId) -> Option<&ResponseContext> {
        self.slot(id)?.context.as_deref()
    }

    /// Changes one.
    pub fn get_mut(&mut self, id: ContextId) -> Option<&mut ResponseContext> {
        self.slot_mut(id)?.context.as_deref_mut()
    }

    /// Whoever is in this slot.
    pub(super) fn at_mut(&mut self, slot: u32) -> Option<&mut ResponseContext> {
        let slot = self.slots.get_mut(slot as usize).filter(|slot| slot.live)?;
        slot.context.as_deref_mut()
    }

    /// Takes one out of its slot to be worked on; it has to come back.
    pub(super) fn take(&mut self, id: ContextId) -> Option<Box<ResponseContext>> {
        self.slot_mut(id)?.context.take()
    }

    /// Puts it back.
    pub(super) fn put(&mut self, context: Box<ResponseContext>) {
        let slot = self.slot_mut(context.id);
        debug_assert!(slot.is_some(), "a context that is worked on keeps its slot");
        if let Some(slot) = slot {
            slot.context = Some(context);
        }
    }

    /// Forgets one that is over; gives the scenes it held back to be reused.
    pub(super) fn remove(&mut self, id: ContextId, mut give: impl FnMut(Box<Scene>)) {
        let next_free = self.free;
        let Some(slot) = self.slot_mut(id) else {
            return;
        };
        slot.live = false;
        slot.next_free = next_free;
        let context = slot.context.take();
        self.free = id.slot + 1;
        self.live -= 1;
        let Some(mut context) = context else {
            // A panic took it: it is not there to say what was its.
            self.given_up.retain(|_, (whose, _)| *whose != id);
            return;
        };
        context.let_go(&mut give);
        for client in context.given_up.drain(..) {
            self.given_up.remove(&client);
        }
        for queued in context.queued.drain(..) {
            if let Queued::Response { scene, .. } | Queued::Judge { scene, .. } = queued {
                give(scene);
            }
        }
        if self.idle.len() < CONTEXTS_POOLED {
            context.clear();
            self.idle.push(context);
        }
    }

    /// A branch waits for this client transaction no longer, while its context may go on.
    pub(super) fn give_up(&mut self, context: &mut ResponseContext, client: ClientId, branch: u8) {
        context.given_up.push(client);
        self.given_up.insert(client, (context.id, branch));
    }

    /// Whose client transaction this was, given up since.
    pub(super) fn gave_up(&self, client: ClientId) -> Option<(ContextId, u8)> {
        let &(context, branch) = self.given_up.get(&client)?;
        self.get(context).map(|_| (context, branch))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &ResponseContext> {
        self.slots
            .iter()
            .filter(|slot| slot.live)
            .filter_map(|slot| slot.context.as_deref())
    }
}
