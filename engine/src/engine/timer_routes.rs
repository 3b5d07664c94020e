//! The `timer_route`s of the running script, and when each is due.
//!
//! A place is a timer's slot, so it keeps its number as long as its route exists. A route of the same name and period
//! survives a reload with its time: a reload each second does not keep a route of ten seconds from ever running.

use script::program::RouteId;

use crate::run::Linked;
use crate::timer::{Timer, TimerId, Wheel};

/// All of them.
#[derive(Debug, Default)]
pub(super) struct TimerRoutes {
    places: Vec<Option<Place>>,
}

#[derive(Debug)]
struct Place {
    name: Box<[u8]>,
    period_ms: u32,
    route: RouteId,
    timer: TimerId,
}

impl TimerRoutes {
    /// Makes the places those of this program.
    pub(super) fn set(&mut self, linked: &Linked, wheel: &mut Wheel, now_ms: u64) {
        let mut old = std::mem::take(&mut self.places);
        self.places.resize_with(old.len(), || None);
        let mut new = Vec::new();
        for (route, name, seconds) in linked.timer_routes() {
            let period_ms = seconds.saturating_mul(1000);
            let same = old.iter().position(|place| {
                place
                    .as_ref()
                    .is_some_and(|place| *place.name == *name && place.period_ms == period_ms)
            });
            match same {
                Some(at) => {
                    self.places[at] = old[at].take().map(|place| Place { route, ..place });
                }
                None => new.push((route, name, period_ms)),
            }
        }
        for mut gone in old.into_iter().flatten() {
            wheel.cancel(&mut gone.timer);
        }
        for (route, name, period_ms) in new {
            let at = match self.places.iter().position(Option::is_none) {
                Some(at) => at,
                None => {
                    self.places.push(None);
                    self.places.len() - 1
                }
            };
            let due_ms = now_ms + u64::from(period_ms);
            self.places[at] = Some(Place {
                name: name.into(),
                period_ms,
                route,
                timer: wheel.set(due_ms, Timer::TimerRoute, at as u32),
            });
        }
    }

    /// A place was due: it is due again.
    pub(super) fn again(&mut self, at: u32, wheel: &mut Wheel, now_ms: u64) {
        if let Some(Some(place)) = self.places.get_mut(at as usize) {
            let due_ms = now_ms + u64::from(place.period_ms);
            place.timer = wheel.set(due_ms, Timer::TimerRoute, at);
        }
    }

    /// The route at a place.
    pub(super) fn route(&self, at: u16) -> Option<RouteId> {
        let place = self.places.get(usize::from(at))?.as_ref()?;
        Some(place.route)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.iter().flatten().count()
    }
}
