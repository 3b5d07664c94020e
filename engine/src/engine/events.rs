//! Management of events: `events_list` and `raise_event`.

use script::RouteKind;

use super::Engine;
use super::commands::{Answered, BAD_PARAMETERS, write_text};
use crate::input::Command;
use crate::run::ValueRef;

impl Engine {
    /// The events that were raised here, and those that a route would hear.
    pub(super) fn events_list(&mut self) -> Answered {
        let machine = &mut self.core.machine;
        for route in &self.linked.program.routes {
            if route.kind == RouteKind::Event
                && let Some(name) = machine.names.intern(&route.name)
            {
                machine.events.publish(name);
            }
        }
        let mut json = String::from("{\"Events\":[");
        for (id, name) in machine.events.known().iter().enumerate() {
            if id > 0 {
                json.push(',');
            }
            json.push_str("{\"name\":");
            write_text(
                &mut json,
                &String::from_utf8_lossy(machine.names.text(*name)),
            );
            json.push_str(&format!(",\"id\":{id}}}"));
        }
        json.push_str("]}");
        Ok(json)
    }

    /// Every shard is told; the first raises, so that it happens once.
    pub(super) fn raise_from_outside(&mut self, command: &Command) -> Answered {
        let mut given = command.parameters.iter();
        let named = given
            .clone()
            .find(|(key, _)| key.as_deref() == Some("event"));
        let Some((_, name)) = named.or_else(|| given.next()) else {
            return Err((BAD_PARAMETERS, "which event?".to_owned()));
        };
        let is_param = |key: &Option<String>| !matches!(key.as_deref(), Some("event"));
        let values: Vec<(&[u8], ValueRef<'_>)> = command
            .parameters
            .iter()
            .filter(|(key, value)| is_param(key) && !std::ptr::eq(value, name))
            .map(|(_, value)| (&b""[..], ValueRef::from(value.as_str())))
            .collect();
        let program = &self.linked.program;
        let is_raised =
            !self.is_first() || self.core.raise_event(program, name.as_bytes(), &values);
        if is_raised {
            Ok("\"OK\"".to_owned())
        } else {
            Err((500, "too many events".to_owned()))
        }
    }
}
