//! Events: raised by scripts, modules, management and the core; heard by `event_route[NAME]`.
//!
//! Owned by the shard that raises: its event route runs there, apart from the run that raised it and after it. An event
//! that no route hears costs its name.

use std::collections::VecDeque;

use super::frame::Params;
use super::names::NameId;
use crate::limits::{EVENTS_KNOWN_MAX, EVENTS_QUEUED_MAX};

/// What a shard knows of events.
#[derive(Debug, Default)]
pub struct Events {
    known: Vec<NameId>,
    queue: VecDeque<Event>,
}

/// An event that was raised: its name and its parameters.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: NameId,
    /// A parameter's name for each value; empty if it has none.
    pub(crate) names: Params,
    pub(crate) values: Params,
}

impl Events {
    /// The names that were raised or are heard; a name's place is its number.
    pub(crate) fn known(&self) -> &[NameId] {
        &self.known
    }

    /// From now on there is such an event. False: there are too many.
    pub(crate) fn publish(&mut self, name: NameId) -> bool {
        if self.known.contains(&name) {
            return true;
        }
        if self.known.len() >= EVENTS_KNOWN_MAX {
            return false;
        }
        self.known.push(name);
        true
    }

    /// No further event can become known.
    pub(crate) fn is_full(&self) -> bool {
        self.known.len() >= EVENTS_KNOWN_MAX
    }

    /// Its route is to run. False: too many wait.
    pub(crate) fn push(&mut self, event: Event) -> bool {
        if self.queue.len() >= EVENTS_QUEUED_MAX {
            return false;
        }
        self.queue.push_back(event);
        true
    }

    /// The event raised first.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// Whether no route is to run.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
