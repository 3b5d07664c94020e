//! The shell's counters among the statistics: group `shards`.
//!
//! The engine answers the command for everything it counts; its answer and ours become one before
//! the control side adds the shards up.

use control::CommandResult;
use engine::Command;

use crate::shard::Shard;

const GROUP: &str = "shards";

impl Shard {
    /// Our half of an answer as the inside of a JSON object; `None` if the command is another.
    pub(crate) fn statistics_of(&self, command: &Command) -> Option<String> {
        let describe = match command.name.as_str() {
            "get_statistics" | "statistics:get" | "get" => false,
            "list_statistics" | "statistics:list" => true,
            _ => return None,
        };
        let wanted: Vec<&str> = command
            .parameters
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        let is_wanted = |name: &str| {
            (describe && wanted.is_empty())
                || wanted.iter().any(|wanted| match wanted.split_once(':') {
                    Some((group, "")) => group == GROUP,
                    Some((group, one)) => group == GROUP && one == name,
                    None => *wanted == "all" || *wanted == name,
                })
        };
        let gauges = [
            ("connections", self.connections.len() as u64),
            ("sleeping_runs", self.sleepers as u64),
            ("alarms", self.alarms.len() as u64),
        ];
        let counters = self
            .counters
            .list()
            .map(|(name, value)| (name, value, true));
        let all = counters
            .into_iter()
            .chain(gauges.map(|(name, value)| (name, value, false)));
        let lines: Vec<String> = all
            .filter(|(name, ..)| is_wanted(name))
            .map(|(name, value, is_counter)| match describe {
                true if is_counter => format!("\"{GROUP}:{name}\":\"incremental\""),
                true => format!("\"{GROUP}:{name}\":\"non-incremental\""),
                false => format!("\"{GROUP}:{name}\":{value}"),
            })
            .collect();
        (!lines.is_empty()).then(|| lines.join(","))
    }
}

/// One answer of two halves: the engine's, and the inside of ours.
pub(crate) fn join(engine: CommandResult, own: Option<String>) -> CommandResult {
    let Some(own) = own else { return engine };
    match engine {
        Ok(json) => match json.strip_suffix(b"}") {
            Some(b"{") => Ok(format!("{{{own}}}").into_bytes().into()),
            Some(inside) => Ok([inside, b",", own.as_bytes(), b"}"].concat().into()),
            None => Ok(json),
        },
        // The engine knows none of these names, we do.
        Err(_) => Ok(format!("{{{own}}}").into_bytes().into()),
    }
}
