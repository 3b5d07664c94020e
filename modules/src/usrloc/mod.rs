//! `usrloc`: the location service of RFC 3261 §10: which contacts an address-of-record has.
//!
//! Stores, finds and forgets bindings. What a REGISTER may do to them is checked here too, since it
//! must be one step with storing; reading the REGISTER and answering it is `registrar`'s work.
//!
//! Owned by the hash of the address-of-record. Whoever asks on another shard asks the owner by
//! letter, and the run waits; on the owner itself the answer is there at once.

pub(crate) mod binding;
pub(crate) mod bytes;
mod commands;
mod letter;
pub(crate) mod table;
pub(crate) mod update;

use engine::input::{Answer, Letter};
use engine::module::{Context, Exports, Kind, Module, ParamValue, Verdict};

pub(crate) use letter::{Ask, Question, Told};
use table::Table;
use update::Matching;

/// Tables (`location`, `aliases`...) of one shard.
const TABLES_MAX: usize = 16;

/// Contacts of one address, and of one REGISTER: each is compared with each. A person's phones are a
/// few; whoever registers a crowd under one address is refused.
pub(crate) const CONTACTS_MAX: usize = 64;

/// How often a slice of each table is swept.
const SWEEP_MS: u32 = 1000;

/// Records that one sweep of a table changes: a few milliseconds, whatever ended at once.
const SWEEP_RECORDS_MAX: usize = 4096;

/// The module.
#[derive(Debug)]
pub(crate) struct Usrloc {
    /// By name; the place is the same on every shard, since `start` of the users asks in one order.
    tables: Vec<(Vec<u8>, Table)>,
    use_domain: bool,
    matching_mode: u8,
    desc_time_order: bool,
    cseq_delay: u32,
    sweep_seconds: u32,
    nat_bflag: String,
    scratch: Vec<u8>,
}

impl Module for Usrloc {
    const NAME: &'static str = "usrloc";

    fn new() -> Self {
        Usrloc {
            tables: Vec::new(),
            use_domain: false,
            matching_mode: 0,
            desc_time_order: false,
            cseq_delay: 20,
            sweep_seconds: 60,
            nat_bflag: String::new(),
            scratch: Vec::new(),
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.param("working_mode_preset", Kind::Str, Self::set_working_mode);
        exports.param("db_mode", Kind::Int, Self::set_db_mode);
        exports.param("use_domain", Kind::Int, |usrloc, value| {
            usrloc.use_domain = value.int() != 0;
            Ok(())
        });
        exports.param("matching_mode", Kind::Int, Self::set_matching_mode);
        exports.param("desc_time_order", Kind::Int, |usrloc, value| {
            usrloc.desc_time_order = value.int() != 0;
            Ok(())
        });
        exports.param("cseq_delay", Kind::Int, |usrloc, value| {
            seconds(&mut usrloc.cseq_delay, value)
        });
        exports.param("timer_interval", Kind::Int, Self::set_timer_interval);
        exports.param("nat_bflag", Kind::Str, |usrloc, value| {
            value.text().clone_into(&mut usrloc.nat_bflag);
            Ok(())
        });
        // The table grows with its users and never needs a size.
        exports.param("hash_size", Kind::Int, |_, _| Ok(()));
        exports.statistic("registered_users", |usrloc| usrloc.sum(Table::users));
        exports.statistic("location-users", |usrloc| {
            usrloc.of(b"location", Table::users)
        });
        exports.statistic("location-contacts", |usrloc| {
            usrloc.of(b"location", Table::contacts)
        });
        exports.statistic("location-expires", |usrloc| {
            usrloc.of(b"location", Table::expired)
        });
        exports.timer(SWEEP_MS);
        commands::export(exports);
        exports.difference(
            "Contacts live in memory, on the shard that owns the address; other shards ask by letter and the run \
             waits. `working_mode_preset` only `single-instance-no-db`, `db_mode` only 0.",
        );
        exports.difference("`hash_size` has no effect: the table grows with its users.");
        exports.difference("`ul_dump` refuses to list more than 10,000 addresses a shard.");
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        // Takes its bit now, so that a script that never sets the flag agrees with one that does.
        if !self.nat_bflag.is_empty() && cx.name_branch_flag(self.nat_bflag.as_bytes()).is_none() {
            return Err(format!("`{}` is one branch flag too many", self.nat_bflag));
        }
        Ok(())
    }

    fn on_letter(&mut self, cx: &mut Context<'_>, letter: &Letter) {
        let mut answer = std::mem::take(&mut self.scratch);
        answer.clear();
        // A letter that cannot be read is a bug of ours; its run learns so by an empty answer.
        if let Some(question) = Question::read(&letter.payload) {
            self.answer(cx, &question, &mut answer);
        }
        cx.answer_letter(letter, &answer);
        self.scratch = answer;
    }

    fn on_timer(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.unix_s() as u32;
        for (_, table) in &mut self.tables {
            let slice = table.slots().div_ceil(self.sweep_seconds.max(1) as usize);
            table.sweep(now, slice, SWEEP_RECORDS_MAX, |_, _| {});
        }
    }
}

fn seconds(field: &mut u32, value: ParamValue<'_>) -> Result<(), String> {
    *field = u32::try_from(value.int())
        .map_err(|_| format!("{} is not a number of seconds", value.int()))?;
    Ok(())
}

/// What asking for bindings came to.
pub(crate) enum Asked {
    /// The answer is in the buffer.
    Answered,
    /// The run has to wait: return this.
    Waits(Verdict),
    /// The owner did not answer.
    Failed,
}

impl Usrloc {
    fn set_working_mode(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.text() {
            "single-instance-no-db" => Ok(()),
            mode @ ("single-instance-sql-write-through"
            | "single-instance-sql-write-back"
            | "sql-only"
            | "federation-cachedb-cluster"
            | "full-sharing-cluster"
            | "full-sharing-cachedb-cluster") => Err(format!(
                "`{mode}` is not offered yet, only `single-instance-no-db`: contacts live in memory"
            )),
            other => Err(format!("`{other}` is not a working mode")),
        }
    }

    fn set_db_mode(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.int() {
            0 => Ok(()),
            other => Err(format!(
                "db_mode {other} is not offered yet, only 0: contacts live in memory"
            )),
        }
    }

    fn set_matching_mode(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.int() {
            mode @ (0 | 1) => {
                self.matching_mode = mode as u8;
                Ok(())
            }
            other => Err(format!(
                "{other} is not a matching mode: 0 compares contacts, 1 the Call-ID as well"
            )),
        }
    }

    fn set_timer_interval(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.int() {
            interval @ 1..=86_400 => {
                self.sweep_seconds = interval as u32;
                Ok(())
            }
            other => Err(format!("{other} is not between 1 and 86400 seconds")),
        }
    }

    /// Whether the domain belongs to the key of an address.
    pub(crate) fn use_domain(&self) -> bool {
        self.use_domain
    }

    /// How contacts are recognised when a script does not say.
    pub(crate) fn matching(&self) -> Matching<'static> {
        if self.matching_mode == 0 {
            Matching::Contact
        } else {
            Matching::ContactAndCallId
        }
    }

    /// For how many seconds a repeated REGISTER is taken for a retransmission.
    pub(crate) fn cseq_delay(&self) -> u32 {
        self.cseq_delay
    }

    /// Whether of contacts with one q the youngest comes first.
    pub(crate) fn youngest_first(&self) -> bool {
        self.desc_time_order
    }

    /// Asks the owner of the question's address; `answer` holds what it says, once it is there.
    ///
    /// Called again when the run goes on: then the answer to the first call is taken.
    pub(crate) fn ask(
        &mut self,
        cx: &mut Context<'_>,
        question: &Question<'_>,
        answer: &mut Vec<u8>,
    ) -> Asked {
        answer.clear();
        if let Some(come) = cx.answer() {
            return match come {
                Answer::Letter(frame) if !frame.is_empty() => {
                    answer.extend_from_slice(frame);
                    Asked::Answered
                }
                _ => Asked::Failed,
            };
        }
        let owner = cx.owner_of(question.aor);
        if owner == cx.shard() {
            self.answer(cx, question, answer);
            return Asked::Answered;
        }
        let mut letter = std::mem::take(&mut self.scratch);
        letter.clear();
        question.write(&mut letter);
        let verdict = cx.ask(owner, &letter);
        self.scratch = letter;
        match verdict {
            Verdict::Wait(_) => Asked::Waits(verdict),
            Verdict::Return(_) | Verdict::Relay => Asked::Failed,
        }
    }

    /// Answers for the addresses of this shard.
    fn answer(&mut self, cx: &mut Context<'_>, question: &Question<'_>, answer: &mut Vec<u8>) {
        let now = cx.now.unix_s() as u32;
        let Some(table) = self.table(question.table, cx) else {
            return;
        };
        letter::answer(table, question, now, answer);
    }

    /// The table of this name; made when it is first named.
    fn table(&mut self, name: &[u8], cx: &mut Context<'_>) -> Option<&mut Table> {
        let place = match self.tables.iter().position(|(known, _)| known == name) {
            Some(place) => place,
            None if self.tables.len() < TABLES_MAX => {
                let seeds = std::array::from_fn(|_| cx.core.random.next_u64());
                self.tables.push((name.to_vec(), Table::new(seeds)));
                self.tables.len() - 1
            }
            None => return None,
        };
        Some(&mut self.tables[place].1)
    }

    fn sum(&self, what: fn(&Table) -> u64) -> u64 {
        self.tables.iter().map(|(_, table)| what(table)).sum()
    }

    fn of(&self, name: &[u8], what: fn(&Table) -> u64) -> u64 {
        self.tables
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, table)| what(table))
            .sum()
    }
}

#[cfg(test)]
mod tests;
