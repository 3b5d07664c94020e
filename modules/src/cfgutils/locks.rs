//! Locks of scripts: `get_static_lock`, `get_dynamic_lock` and their releases.
//!
//! Owned by the lock's key: the owner's shard knows who holds it and who waits, in the order of asking. A run that has
//! to wait parks; the shard goes on. What a run still holds when it ends is released, with a warning: in OpenSIPS
//! such a lock would stay taken for ever.
//!
//! A run that asks again for what it has (two keys may share one dynamic lock) has it twice and gives it back twice.
//! Two runs that wait for each other's locks are ended by the deadline of a wait: the function fails.

use std::collections::VecDeque;

use engine::ShardId;
use engine::input::{Answer, Letter, Ticket};
use engine::module::{Context, Verdict};
use engine::run::RunId;
use hashbrown::HashMap;

use super::CfgUtils;
use crate::usrloc::bytes::{Reader, put_number, put_text};

/// Runs that wait for one lock.
const LOCK_WAITERS_MAX: usize = 1024;

/// Whoever holds a lock longer than this has forgotten it: a shard that died with the release on its way. Longer than
/// any chain of waits of one run that makes sense.
const LOCK_LEASE_MS: u64 = 600_000;

/// The largest pool of dynamic locks.
pub(super) const POOL_MAX: i32 = 1 << 20;

/// All that this shard knows of locks.
#[derive(Debug)]
pub(super) struct Locks {
    /// Dynamic locks: a power of two.
    pub(super) pool: u32,
    /// The locks that this shard owns and somebody holds.
    owned: HashMap<Box<[u8]>, Lock, ahash::RandomState>,
    /// What the runs of this shard hold.
    held: HashMap<RunId, Vec<Held>, ahash::RandomState>,
}

/// A run of the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder {
    shard: ShardId,
    run: RunId,
}

/// A lock that is taken.
#[derive(Debug)]
struct Lock {
    holder: Holder,
    since_ms: u64,
    waiting: VecDeque<(Holder, Ticket)>,
}

/// What a run holds.
#[derive(Debug)]
struct Held {
    lock: Box<[u8]>,
    /// As the script named it first, for the warning.
    name: Box<[u8]>,
    times: u32,
}

/// What the owner says at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Granted,
    Queued,
    Full,
}

impl Default for Locks {
    fn default() -> Self {
        Locks {
            pool: 32,
            owned: HashMap::with_hasher(hasher()),
            held: HashMap::with_hasher(hasher()),
        }
    }
}

/// The same on every shard. Whoever makes keys of a dynamic lock collide shares a lock, which is what a pool is for.
fn hasher() -> ahash::RandomState {
    ahash::RandomState::with_seeds(11, 12, 13, 14)
}

/// The name of a static lock on all shards.
pub(super) fn static_lock(key: &[u8]) -> Vec<u8> {
    [b"s", key].concat()
}

impl Locks {
    /// The place of a key in the pool.
    pub(super) fn place(&self, key: &[u8]) -> u32 {
        hasher().hash_one(key) as u32 & (self.pool - 1)
    }

    /// The name of a dynamic lock on all shards.
    pub(super) fn dynamic_lock(&self, key: &[u8]) -> Vec<u8> {
        [&b"d"[..], &self.place(key).to_be_bytes()].concat()
    }

    fn ask(
        &mut self,
        lock: &[u8],
        asker: Holder,
        ticket: impl FnOnce() -> Option<Ticket>,
        now_ms: u64,
    ) -> Asked {
        let Some(taken) = self.owned.get_mut(lock) else {
            let taken = Lock {
                holder: asker,
                since_ms: now_ms,
                waiting: VecDeque::new(),
            };
            self.owned.insert(lock.into(), taken);
            return Asked::Granted;
        };
        if taken.waiting.is_empty() && taken.is_forgotten(now_ms) {
            taken.holder = asker;
            taken.since_ms = now_ms;
            return Asked::Granted;
        }
        if taken.waiting.len() >= LOCK_WAITERS_MAX {
            return Asked::Full;
        }
        match ticket() {
            Some(ticket) => {
                taken.waiting.push_back((asker, ticket));
                Asked::Queued
            }
            None => Asked::Full,
        }
    }

    /// A holder has no more use for a lock, or waits no longer. Says who has it next.
    fn give_up(&mut self, lock: &[u8], who: Holder, now_ms: u64) -> Option<(Holder, Ticket)> {
        let taken = self.owned.get_mut(lock)?;
        if taken.holder != who {
            taken.waiting.retain(|waiting| waiting.0 != who);
            // A lock that is always asked for has always somebody waiting: whoever gives up waiting finds out that the
            // holder is gone.
            if !taken.is_forgotten(now_ms) {
                return None;
            }
        }
        match taken.waiting.pop_front() {
            Some(next) => {
                taken.holder = next.0;
                taken.since_ms = now_ms;
                Some(next)
            }
            None => {
                self.owned.remove(lock);
                None
            }
        }
    }
}

impl Lock {
    fn is_forgotten(&self, now_ms: u64) -> bool {
        self.since_ms + LOCK_LEASE_MS < now_ms
    }
}

impl CfgUtils {
    /// 1: the run has it. -1: too many wait for it, or it did not come within a minute.
    pub(super) fn acquire(&mut self, cx: &mut Context<'_>, lock: &[u8], name: &[u8]) -> Verdict {
        let me = Holder {
            shard: cx.shard(),
            run: cx.run.id,
        };
        let held = self.locks.held.get_mut(&me.run);
        if let Some(held) = held.and_then(|list| list.iter_mut().find(|held| *held.lock == *lock)) {
            held.times += 1;
            return Verdict::OK;
        }
        let owner = cx.owner_of(lock);
        let is_granted = match cx.answer() {
            None if owner == me.shard => {
                let now_ms = cx.now.mono_ms();
                let mut ticket = None;
                match self.locks.ask(
                    lock,
                    me,
                    || {
                        ticket = cx.wait_ticket();
                        ticket
                    },
                    now_ms,
                ) {
                    Asked::Granted => Some(true),
                    Asked::Full => Some(false),
                    Asked::Queued => return ticket.map_or(Verdict::FAIL, Verdict::Wait),
                }
            }
            None => return cx.ask(owner, &letter(b'l', lock, me.run)),
            Some(Answer::Letter(said)) => Some(**said == *GRANTED),
            Some(_) => None,
        };
        match is_granted {
            Some(true) => {
                let held = Held {
                    lock: lock.into(),
                    name: name.into(),
                    times: 1,
                };
                self.locks.held.entry(me.run).or_default().push(held);
                cx.watch_run();
                Verdict::OK
            }
            Some(false) => {
                cx.log_error(format_args!("too many wait for the lock {}", shown(name)));
                Verdict::FAIL
            }
            None => {
                // It may be granted in this very moment: the owner sorts that out.
                self.release_at(cx, owner, lock, me.run);
                cx.log_error(format_args!(
                    "the lock {} did not become free in time",
                    shown(name)
                ));
                Verdict::FAIL
            }
        }
    }

    /// Nothing happens if the run does not have it.
    pub(super) fn release(&mut self, cx: &mut Context<'_>, lock: &[u8]) -> Verdict {
        let run = cx.run.id;
        let Some(list) = self.locks.held.get_mut(&run) else {
            return Verdict::OK;
        };
        let Some(place) = list.iter().position(|held| *held.lock == *lock) else {
            return Verdict::OK;
        };
        list[place].times -= 1;
        if list[place].times == 0 {
            list.swap_remove(place);
            if list.is_empty() {
                self.locks.held.remove(&run);
            }
            let owner = cx.owner_of(lock);
            self.release_at(cx, owner, lock, run);
        }
        Verdict::OK
    }

    /// A run has ended: what it held goes to those who wait.
    pub(super) fn release_all(&mut self, cx: &mut Context<'_>, run: RunId) {
        const WARNING: i8 = 1;
        for held in self.locks.held.remove(&run).unwrap_or_default() {
            cx.log(WARNING, |out| {
                let what = format!(
                    "a run ended without releasing the lock {}: released\n",
                    shown(&held.name)
                );
                out.extend_from_slice(what.as_bytes());
            });
            let owner = cx.owner_of(&held.lock);
            self.release_at(cx, owner, &held.lock, run);
        }
    }

    fn release_at(&mut self, cx: &mut Context<'_>, owner: ShardId, lock: &[u8], run: RunId) {
        if owner == cx.shard() {
            self.hear_release(cx, lock, Holder { shard: owner, run });
        } else {
            cx.tell(owner, &letter(b'u', lock, run));
        }
    }

    fn hear_release(&mut self, cx: &mut Context<'_>, lock: &[u8], who: Holder) {
        if let Some((next, ticket)) = self.locks.give_up(lock, who, cx.now.mono_ms()) {
            cx.answer_ticket(next.shard, ticket, GRANTED);
        }
    }

    /// Another shard's run asks for a lock of ours.
    pub(super) fn hear_lock(&mut self, cx: &mut Context<'_>, question: &Letter) {
        let Some((lock, who)) = read(question) else {
            return;
        };
        let ticket = question.ticket;
        match self.locks.ask(lock, who, || Some(ticket), cx.now.mono_ms()) {
            Asked::Granted => cx.answer_letter(question, GRANTED),
            Asked::Full => cx.answer_letter(question, b"full"),
            Asked::Queued => {}
        }
    }

    /// Another shard's run gives one back, or waits no longer.
    pub(super) fn hear_unlock(&mut self, cx: &mut Context<'_>, told: &Letter) {
        if let Some((lock, who)) = read(told) {
            let lock = lock.to_vec();
            self.hear_release(cx, &lock, who);
        }
    }
}

const GRANTED: &[u8] = b"granted";

fn letter(kind: u8, lock: &[u8], run: RunId) -> Vec<u8> {
    let mut out = vec![kind];
    put_text(&mut out, lock);
    put_number(&mut out, run.0);
    out
}

fn read(letter: &Letter) -> Option<(&[u8], Holder)> {
    let mut reader = Reader::new(letter.payload.get(1..)?);
    let lock = reader.text()?;
    let run = RunId(reader.number()?);
    let shard = letter.from;
    Some((lock, Holder { shard, run }))
}

fn shown(name: &[u8]) -> std::borrow::Cow<'_, str> {
    const SHOWN_MAX: usize = 64;
    String::from_utf8_lossy(&name[..name.len().min(SHOWN_MAX)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_is_over_goes_to_the_next_who_asks() {
        let mut locks = Locks::default();
        let holder = |run| Holder {
            shard: ShardId(0),
            run: RunId(run),
        };
        assert_eq!(locks.ask(b"a", holder(1), || None, 0), Asked::Granted);
        assert_eq!(
            locks.ask(b"a", holder(2), || None, LOCK_LEASE_MS),
            Asked::Full
        );
        assert_eq!(
            locks.ask(b"a", holder(2), || None, LOCK_LEASE_MS + 1),
            Asked::Granted
        );
        assert_eq!(locks.give_up(b"a", holder(1), 0), None);
        assert!(locks.owned.contains_key(&b"a"[..]));
        locks.give_up(b"a", holder(2), 0);
        assert!(locks.owned.is_empty());
    }

    #[test]
    fn a_lease_that_is_over_ends_also_while_others_wait() {
        let mut locks = Locks::default();
        let holder = |run| Holder {
            shard: ShardId(0),
            run: RunId(run),
        };
        let over_ms = LOCK_LEASE_MS + 1;
        assert_eq!(locks.ask(b"a", holder(1), || None, 0), Asked::Granted);
        for run in 2..5 {
            let ticket = || Some(Ticket(run));
            assert_eq!(locks.ask(b"a", holder(run), ticket, 1), Asked::Queued);
        }
        // Who gives up before takes nothing from the holder.
        assert_eq!(locks.give_up(b"a", holder(2), LOCK_LEASE_MS), None);
        let next = Some((holder(4), Ticket(4)));
        assert_eq!(locks.give_up(b"a", holder(3), over_ms), next);
        // The new holder's time begins; the old one has nothing to give back.
        assert_eq!(locks.give_up(b"a", holder(1), over_ms + 1), None);
        assert_eq!(locks.owned[&b"a"[..]].holder, holder(4));
        locks.give_up(b"a", holder(4), over_ms + 2);
        assert!(locks.owned.is_empty());
    }
}
