//! Management commands that the engine answers itself; the others are the modules'.
//!
//! An answer is JSON text. One shard speaks for itself: whoever asked adds the shards up.

use chrono::DateTime;

use super::Engine;
use crate::input::{Command, Ticket};
use crate::module;
use crate::outbox::{Outbox, Output};

/// Names of the engine's own commands: OpenSIPS 3.x's, and 4.0's after the arrow.
const OWN: &[(&str, &str)] = &[
    ("check_blacklist", "blacklists:check"),
    ("check_blacklists", "blacklists:check_all"),
    ("events_list", "evi:list"),
    ("get_statistics", "statistics:get"),
    ("list_blacklists", "blacklists:list"),
    ("list_statistics", "statistics:list"),
    ("log_level", "core:log_level"),
    ("ps", "core:ps"),
    ("raise_event", "evi:raise"),
    ("reset_all_statistics", "statistics:reset_all"),
    ("reset_statistics", "statistics:reset"),
    ("uptime", "core:uptime"),
    ("version", "core:version"),
    ("which", "core:which"),
];

/// The engine's own commands, by their names of OpenSIPS 3.x.
pub(crate) fn own_commands() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|(name, _)| *name)
}

/// JSON-RPC's "method not found", "invalid parameters", and OpenSIPS's "method ambiguous".
const NOT_FOUND: i32 = -32601;
pub(super) const BAD_PARAMETERS: i32 = -32602;
const AMBIGUOUS: i32 = -32001;

/// What a name means.
enum Meaning {
    /// A command of the engine, by its first name.
    Own(&'static str),
    /// A command of a module.
    Module,
    /// Several, with these full names.
    Ambiguous(Vec<String>),
    Nothing,
}

pub(super) type Answered = Result<String, (i32, String)>;

impl Engine {
    /// Answers a command; the answer leaves with its ticket.
    pub(super) fn command(&mut self, ticket: Ticket, command: &Command, outbox: &mut Outbox) {
        let name = match self.meaning(&command.name) {
            Meaning::Own(name) => name,
            Meaning::Module => {
                let (core, modules) = (&mut self.core, &mut self.modules);
                module::on_command(core, modules, &self.linked, outbox, ticket, command);
                return;
            }
            Meaning::Ambiguous(names) => {
                return answer(ticket, Err((AMBIGUOUS, names.join(","))), outbox);
            }
            Meaning::Nothing => {
                let refused = (NOT_FOUND, "Method not found".to_owned());
                return answer(ticket, Err(refused), outbox);
            }
        };
        let answered = match name {
            "ps" => Ok(self.ps()),
            "events_list" => self.events_list(),
            "raise_event" => self.raise_from_outside(command),
            "which" => Ok(self.which()),
            "list_blacklists" => self.list_blacklists(command),
            "check_blacklist" => self.check_blacklist(command),
            "check_blacklists" => self.check_blacklists(command),
            "uptime" => Ok(self.uptime()),
            "version" => Ok(format!(
                "{{\"Server\":\"Tandem ({})\"}}",
                env!("CARGO_PKG_VERSION")
            )),
            "log_level" => self.log_level(command),
            "get_statistics" => self.get_statistics(command),
            "list_statistics" => self.list_statistics(command),
            _ => self.reset_statistics(command),
        };
        answer(ticket, answered, outbox);
    }

    /// A full name, else one of OpenSIPS 3.x, else what stands behind the colon if only one command has it.
    fn meaning(&self, name: &str) -> Meaning {
        let own = OWN
            .iter()
            .find(|(first, full)| name == *first || name == *full);
        if let Some((first, _)) = own {
            return Meaning::Own(first);
        }
        let commands: Vec<_> = module::commands(&self.linked).collect();
        if commands
            .iter()
            .any(|one| name == one.full || name == one.name)
        {
            return Meaning::Module;
        }
        let local = |full: &str| full.split_once(':').is_some_and(|(_, local)| local == name);
        let own = OWN.iter().filter(|(_, full)| local(full));
        let own = own.map(|(first, full)| (Meaning::Own(first), (*full).to_owned()));
        let of_modules = commands
            .iter()
            .filter(|one| local(&one.full))
            .map(|one| (Meaning::Module, one.full.clone()));
        let mut found: Vec<_> = own.chain(of_modules).collect();
        match found.len() {
            0 => Meaning::Nothing,
            1 => found.remove(0).0,
            _ => Meaning::Ambiguous(found.into_iter().map(|(_, full)| full).collect()),
        }
    }

    /// One row: this shard. Process numbers are the control side's to fill in.
    fn ps(&self) -> String {
        let shard = self.core.shard.0;
        format!("{{\"Processes\":[{{\"ID\":{shard},\"PID\":0,\"Type\":\"shard {shard}\"}}]}}")
    }

    fn which(&self) -> String {
        let of_modules = module::commands(&self.linked)
            .flat_map(|command| [command.name.to_owned(), command.full]);
        let mut names: Vec<String> = OWN
            .iter()
            .flat_map(|(first, full)| [(*first).to_owned(), (*full).to_owned()])
            .chain(of_modules)
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut json = String::from("[");
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                json.push(',');
            }
            write_text(&mut json, name);
        }
        json.push(']');
        json
    }

    fn uptime(&self) -> String {
        let core = &self.core;
        let up_s = core.now.mono_us.saturating_sub(core.started.mono_us) / 1_000_000;
        let (now, since) = (
            ctime(core.now.unix_s()),
            ctime(core.now.unix_s().saturating_sub(up_s)),
        );
        format!("{{\"Now\":\"{now}\",\"Up since\":\"{since}\",\"Up time\":\"{up_s} [sec]\"}}")
    }

    fn log_level(&mut self, command: &Command) -> Answered {
        let Some((_, value)) = command.parameters.first() else {
            return Ok(format!("{{\"Log level\":{}}}", self.core.log_level));
        };
        let level: i8 = value
            .parse()
            .ok()
            .filter(|level| (-3..=4).contains(level))
            .ok_or((
                BAD_PARAMETERS,
                "a level is a number from -3 to 4".to_owned(),
            ))?;
        self.core.log_level = level;
        Ok(format!("{{\"New Log level\":{level}}}"))
    }

    fn get_statistics(&mut self, command: &Command) -> Answered {
        let wanted: Vec<&str> = command
            .parameters
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        if wanted.is_empty() {
            return Err((
                BAD_PARAMETERS,
                "which statistics? `all`, `group:`, or names".to_owned(),
            ));
        }
        let mut json = String::from("{");
        for (group, name, value) in self.all_statistics() {
            if is_wanted(&wanted, &group, &name) {
                if json.len() > 1 {
                    json.push(',');
                }
                write_text(&mut json, &format!("{group}:{name}"));
                // A shard may have counted down what another counted up.
                json.push_str(&format!(":{}", value as i64));
            }
        }
        if json.len() == 1 {
            return Err((404, "Statistics Not Found".to_owned()));
        }
        json.push('}');
        Ok(json)
    }

    /// All, or those that are asked for.
    fn list_statistics(&mut self, command: &Command) -> Answered {
        let wanted: Vec<&str> = command
            .parameters
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        let mut json = String::from("{");
        for (group, name, _) in self.all_statistics() {
            if !wanted.is_empty() && !is_wanted(&wanted, &group, &name) {
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            let is_shown = group != "core" && name.starts_with("inuse");
            write_text(&mut json, &format!("{group}:{name}"));
            json.push_str(if is_shown {
                ":\"non-incremental\""
            } else {
                ":\"incremental\""
            });
        }
        if json.len() == 1 {
            return Err((404, "Statistics Not Found".to_owned()));
        }
        json.push('}');
        Ok(json)
    }

    fn reset_statistics(&mut self, command: &Command) -> Answered {
        let all = command.name.contains("all");
        let names: Vec<&str> = command
            .parameters
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        let statistics = &mut self.core.statistics;
        let rows: Vec<(String, String)> = statistics
            .iter()
            .map(|(group, name, _)| (group.to_owned(), name.to_owned()))
            .collect();
        for (group, name) in rows {
            let is_wanted = all
                || names
                    .iter()
                    .any(|&wanted| wanted == name || wanted == format!("{group}:{name}"));
            if let Some(id) = statistics.find(&group, &name).filter(|_| is_wanted) {
                statistics.reset(id);
            }
        }
        Ok("\"OK\"".to_owned())
    }

    /// The engine's own counters, then the modules'.
    fn all_statistics(&mut self) -> Vec<(String, String, u64)> {
        self.core.look_up_statistics();
        let own = self
            .core
            .statistics
            .iter()
            .map(|(group, name, value)| (group.to_owned(), name.to_owned(), value));
        let mut all: Vec<_> = own.collect();
        for (group, name, value) in module::statistics(&mut self.modules, &self.linked) {
            all.push((group.to_owned(), name.to_owned(), value));
        }
        all
    }
}

/// Whether a statistic is one of these: `all`, `group:`, `group:name` or `name`.
fn is_wanted(wanted: &[&str], group: &str, name: &str) -> bool {
    wanted.iter().any(|&wanted| match wanted.split_once(':') {
        _ if wanted == "all" => true,
        Some((of, "")) => of == group,
        Some((of, one)) => of == group && one == name,
        None => wanted == name,
    })
}

fn answer(ticket: Ticket, answered: Answered, outbox: &mut Outbox) {
    let result = match answered {
        Ok(json) => Ok(outbox.write(|out| out.extend_from_slice(json.as_bytes()))),
        Err((code, text)) => Err((
            code,
            outbox.write(|out| out.extend_from_slice(text.as_bytes())),
        )),
    };
    outbox.push(Output::CommandAnswer { ticket, result });
}

/// As `ctime` writes it, in UTC.
fn ctime(unix_s: u64) -> String {
    DateTime::from_timestamp(unix_s as i64, 0)
        .map(|time| time.format("%a %b %e %H:%M:%S %Y").to_string())
        .unwrap_or_default()
}

pub(super) fn write_text(json: &mut String, text: &str) {
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            letter if (letter as u32) < 0x20 => json.push_str(&format!("\\u{:04x}", letter as u32)),
            letter => json.push(letter),
        }
    }
    json.push('"');
}
