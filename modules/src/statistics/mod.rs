//! `statistics`: what a script counts, and `$stat`, which reads all that is counted.
//!
//! Summed: every shard counts for itself. A script that reads gets the sum: the question goes round all shards, each
//! adds what it has, and the run waits for the answer (on one shard there is nothing to wait for). Series are owned
//! by their name. A reset is told to all shards.

mod series;

use std::collections::BTreeMap;

use engine::input::{Answer, Letter, ShardId, Ticket};
use engine::module::{
    Args, Context, Exports, Kind, Module, ParamValue, Routes, Shape, VarArgs, Verdict,
};
use engine::run::{Reading, RunId};
use engine::statistics::{STATISTICS_MAX, StatisticId};
use hashbrown::HashMap;

use crate::usrloc::bytes::{Reader, put_number, put_text};
use series::{Profile, Series};

/// Series of one shard.
const SERIES_MAX: usize = 1024;

/// Iterators that one run has at a time.
const ITERATORS_MAX: usize = 16;

/// Bytes of the name of a statistic.
const NAME_MAX: usize = 128;

/// How old the value of a series is that management sees, at most.
const SHOWN_EVERY_MS: u32 = 1000;

/// How long a run waits for what the other shards have counted. A question that got lost must not hold a call up.
const SUM_MS_MAX: u32 = 1000;

/// The group of statistics that name none.
const DYNAMIC: &str = "dynamic";

/// The module.
#[derive(Debug)]
pub(crate) struct Statistics {
    groups: Vec<String>,
    /// Name, and whether it is never reset.
    declared: Vec<(String, bool)>,
    profiles: Vec<Profile>,
    /// By profile, and group and name together.
    series: BTreeMap<(usize, String), Series>,
    /// What `stat_iter_next` has still to give.
    iterators: HashMap<RunId, Vec<Iterator>, ahash::RandomState>,
}

#[derive(Debug)]
struct Iterator {
    name: Box<[u8]>,
    rows: std::vec::IntoIter<(String, i64)>,
}

impl Module for Statistics {
    const NAME: &'static str = "statistics";

    fn new() -> Self {
        Statistics {
            groups: Vec::new(),
            declared: Vec::new(),
            profiles: Vec::new(),
            series: BTreeMap::new(),
            iterators: HashMap::with_hasher(ahash::RandomState::with_seeds(2, 7, 1, 8)),
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        let anywhere = Routes::REQUEST
            | Routes::FAILURE
            | Routes::REPLY
            | Routes::BRANCH
            | Routes::LOCAL
            | Routes::STARTUP
            | Routes::TIMER
            | Routes::EVENT;
        exports.param_list("variable", Kind::Str, Self::declare);
        exports.param_list("stat_groups", Kind::Str, Self::add_groups);
        exports.param_list("stat_series_profile", Kind::Str, Self::add_profile);
        exports.function(
            "update_stat",
            &[Kind::Str, Kind::Int],
            anywhere,
            Self::update,
        );
        exports.function(
            "reset_stat",
            &[Kind::Str],
            anywhere,
            |statistics, cx, args| Verdict::of(statistics.reset(cx, args.str(0))),
        );
        exports.function(
            "stat_iter_init",
            &[Kind::Str, Kind::Str],
            anywhere,
            Self::begin_iteration,
        );
        exports.function(
            "stat_iter_next",
            &[Kind::Output, Kind::Output, Kind::Str],
            anywhere,
            Self::iterate,
        );
        exports.function(
            "update_stat_series",
            &[Kind::Str, Kind::Str, Kind::Int],
            Routes::ALL,
            Self::update_series,
        );
        exports.set_variable(
            "stat",
            Shape::NAMED,
            Self::read,
            |statistics, cx, args, _| Verdict::of(statistics.reset(cx, args.name())),
        );
        exports.timer(SHOWN_EVERY_MS);
        exports.difference(
            "`$stat` is the sum over all shards: with more than one, the run waits for what the others say. It reads \
             the statistics of the core and the modules as well, not those of `shards:`, which are the shell's.",
        );
        exports.difference(
            "What modules look up rather than count (`usrloc:registered_users`) cannot be reset: `reset_stat` and an \
             assignment give -1. A name that no statistic has is NULL. 8192 statistics are kept; `update_stat` of one \
             more gives -1.",
        );
        exports.difference(
            "Iterators belong to the run that began them, and give the names in alphabetical order. The management \
             interface shows a series up to a second old.",
        );
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        for (text, is_kept) in &self.declared {
            let (group, name) = split(text);
            self.may_write(group)?;
            let id = cx.core.statistics.register(group, name);
            let id = id.ok_or_else(|| format!("more than {STATISTICS_MAX} statistics"))?;
            if *is_kept {
                cx.core.statistics.keep(id);
            }
        }
        Ok(())
    }

    fn on_run_ended(&mut self, _: &mut Context<'_>, run: RunId) {
        self.iterators.remove(&run);
    }

    fn on_timer(&mut self, cx: &mut Context<'_>) {
        let now_ms = cx.now.mono_ms();
        for ((profile, name), series) in &mut self.series {
            let profile = &self.profiles[*profile];
            let value = series.value(profile, now_ms) as u64;
            if let Some(id) = cx.core.statistics.register(&profile.group, name) {
                cx.core.statistics.set(id, value);
            }
        }
    }

    fn on_letter(&mut self, cx: &mut Context<'_>, letter: &Letter) {
        let Some((kind, rest)) = letter.payload.split_first() else {
            return;
        };
        match kind {
            b's' => self.hear_sum(cx, rest),
            b'g' => self.hear_group(cx, rest),
            b'z' => drop(self.reset_here(cx, &String::from_utf8_lossy(rest))),
            b'a' => self.hear_sample(cx, rest),
            _ => {}
        }
    }
}

/// Group and name.
fn split(text: &str) -> (&str, &str) {
    text.split_once(':').unwrap_or((DYNAMIC, text))
}

impl Statistics {
    fn declare(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        let text = value.text().trim();
        let (name, flags) = text.split_once('/').unwrap_or((text, ""));
        if !matches!(flags.trim(), "" | "no_reset") {
            return Err(format!("`{}` is not `no_reset`", flags.trim()));
        }
        let name = name.trim();
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(format!("a name has 1 to {NAME_MAX} bytes"));
        }
        self.declared.push((name.to_owned(), !flags.is_empty()));
        Ok(())
    }

    fn add_groups(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        for group in value.text().split(',').map(str::trim) {
            if group.is_empty() {
                return Err("a group without a name".into());
            }
            self.groups.push(group.to_owned());
        }
        Ok(())
    }

    fn add_profile(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        let profile = Profile::parse(value.text())?;
        if self.profiles.iter().any(|other| other.name == profile.name) {
            return Err(format!("there are two profiles `{}`", profile.name));
        }
        self.profiles.push(profile);
        Ok(())
    }

    /// Groups of the script's own.
    fn may_write(&self, group: &str) -> Result<(), String> {
        if group == DYNAMIC || self.groups.iter().any(|one| one == group) {
            return Ok(());
        }
        Err(format!("the group `{group}` stands in no stat_groups"))
    }

    /// The counter of this name, if this shard has it. Without a group: the core's first, the script's last.
    fn find(&self, cx: &Context<'_>, text: &str) -> Option<StatisticId> {
        let statistics = &cx.core.statistics;
        if let Some((group, name)) = text.split_once(':') {
            return statistics.find(group, name);
        }
        let is_mine = |group: &str| {
            self.may_write(group).is_ok() || self.profiles.iter().any(|one| one.group == group)
        };
        let group = statistics
            .iter()
            .find(|(group, name, _)| *name == text && !is_mine(group))
            .map(|(group, ..)| group);
        statistics.find(group.unwrap_or(DYNAMIC), text)
    }

    fn update(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let Ok(text) = std::str::from_utf8(args.str(0)) else {
            return Verdict::FAIL;
        };
        let (group, name) = split(text);
        // Most are there and the script's own.
        let known = cx
            .core
            .statistics
            .find(group, name)
            .or_else(|| self.find(cx, text));
        let id = match known {
            Some(id) => Some(id),
            None if name.is_empty() || name.len() > NAME_MAX => None,
            None => match self.may_write(group) {
                Ok(()) => cx.core.statistics.register(group, name),
                Err(why) => {
                    cx.log_error(format_args!("update_stat: {why}"));
                    None
                }
            },
        };
        if let Some(id) = id {
            cx.core.statistics.add(id, i64::from(args.int(1)) as u64);
        }
        Verdict::of(id.is_some())
    }

    /// On all shards.
    fn reset(&mut self, cx: &mut Context<'_>, name: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(name) else {
            return false;
        };
        let letter = [b"z", name].concat();
        // Another shard may have it alone.
        let result = self.reset_here(cx, text);
        if result == Some(false) {
            return false;
        }
        let (me, shards) = (cx.shard(), cx.core.owner.shards());
        for shard in (0..shards).map(ShardId).filter(|shard| *shard != me) {
            cx.tell(shard, &letter);
        }
        result.is_some() || (shards > 1 && self.may_write(split(text).0).is_ok())
    }

    /// `None` if it is not here, false if it must not be reset.
    fn reset_here(&mut self, cx: &mut Context<'_>, text: &str) -> Option<bool> {
        let (group, name) = split(text);
        for ((profile, one), series) in &mut self.series {
            if one == name && self.profiles[*profile].group == group {
                series.clear();
            }
        }
        if let Some(id) = self.find(cx, text) {
            return Some(cx.core.statistics.reset(id));
        }
        let is_looked_up = looked_up(cx, text).is_some();
        is_looked_up.then_some(false)
    }

    fn read(&mut self, cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
        let Ok(text) = std::str::from_utf8(args.name()) else {
            return Reading::Null;
        };
        let sum = match cx.answer() {
            Some(Answer::Letter(said)) => {
                let mut reader = Reader::new(said);
                (reader.byte() == Some(1))
                    .then(|| reader.number())
                    .flatten()
            }
            // A shard did not answer: what is known here is better than nothing.
            Some(_) => self.value(cx, text),
            None => {
                let mine = self.value(cx, text);
                if cx.core.owner.shards() == 1 {
                    mine
                } else {
                    let Some(ticket) = cx.wait_ticket() else {
                        return Reading::Null;
                    };
                    cx.wait_at_most(SUM_MS_MAX);
                    let me = cx.shard();
                    pass_sum(cx, me, ticket, mine, text);
                    return Reading::Wait(ticket);
                }
            }
        };
        let Some(sum) = sum.map(|sum| sum as i64) else {
            return Reading::Null;
        };
        match i32::try_from(sum) {
            Ok(number) => Reading::Int(number),
            Err(_) => {
                out.extend_from_slice(sum.to_string().as_bytes());
                Reading::Text
            }
        }
    }

    /// What this shard has counted.
    fn value(&mut self, cx: &mut Context<'_>, text: &str) -> Option<u64> {
        let (group, name) = split(text);
        let now_ms = cx.now.mono_ms();
        for ((profile, one), series) in &mut self.series {
            let profile = &self.profiles[*profile];
            if one == name && profile.group == group {
                return Some(series.value(profile, now_ms) as u64);
            }
        }
        cx.core.look_up_statistics();
        let is_named = text.contains(':');
        let counted = self.find(cx, text);
        let is_dynamic = counted == cx.core.statistics.find(DYNAMIC, text);
        // Without a group, what a module looks up comes before the script's.
        if let Some(id) = counted.filter(|_| is_named || !is_dynamic) {
            return Some(cx.core.statistics.get(id));
        }
        looked_up(cx, text).or_else(|| counted.map(|id| cx.core.statistics.get(id)))
    }

    fn hear_sum(&mut self, cx: &mut Context<'_>, rest: &[u8]) {
        let mut reader = Reader::new(rest);
        let (Some(from), Some(ticket), Some(is_known), Some(sum)) = (
            reader.number(),
            reader.number(),
            reader.byte(),
            reader.number(),
        ) else {
            return;
        };
        let Ok(text) = std::str::from_utf8(reader.rest()) else {
            return;
        };
        let known = (is_known == 1).then_some(sum);
        let sum = match (known, self.value(cx, text)) {
            (Some(one), Some(other)) => Some(one.wrapping_add(other)),
            (one, other) => one.or(other),
        };
        pass_sum(cx, ShardId(from as u16), Ticket(ticket), sum, text);
    }

    fn update_series(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let profile = self
            .profiles
            .iter()
            .position(|one| one.name.as_bytes() == args.str(0));
        let name = std::str::from_utf8(args.str(1))
            .ok()
            .filter(|name| (1..=NAME_MAX).contains(&name.len()));
        let (Some(profile), Some(name)) = (profile, name) else {
            cx.log_error(format_args!(
                "update_stat_series: no such profile, or no name"
            ));
            return Verdict::FAIL;
        };
        let key = [args.str(0), b":", name.as_bytes()].concat();
        let owner = cx.owner_of(&key);
        let value = args.int(2);
        if owner == cx.shard() {
            return Verdict::of(self.add_sample(cx, profile, name, value));
        }
        let mut letter = vec![b'a'];
        put_number(&mut letter, profile as u64);
        letter.extend_from_slice(&value.to_be_bytes());
        letter.extend_from_slice(name.as_bytes());
        cx.tell(owner, &letter);
        Verdict::OK
    }

    fn hear_sample(&mut self, cx: &mut Context<'_>, rest: &[u8]) {
        let mut reader = Reader::new(rest);
        let (Some(profile), Some(value)) = (reader.number(), reader.fixed()) else {
            return;
        };
        if let Ok(name) = std::str::from_utf8(reader.rest()) {
            self.add_sample(cx, profile as usize, name, value as i32);
        }
    }

    fn add_sample(&mut self, cx: &mut Context<'_>, profile: usize, name: &str, value: i32) -> bool {
        let Some(kept) = self.profiles.get(profile) else {
            return false;
        };
        let key = (profile, name.to_owned());
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&key) {
            return false;
        }
        let series = self.series.entry(key).or_default();
        series.add(kept, cx.now.mono_ms(), i64::from(value));
        true
    }

    fn begin_iteration(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let group = args.str(0);
        let rows = match cx.answer() {
            Some(Answer::Letter(said)) => rows(&mut Reader::new(said)),
            Some(_) => return Verdict::FAIL,
            None => {
                let mut rows = BTreeMap::new();
                self.add_group(cx, group, &mut rows);
                if cx.core.owner.shards() > 1 {
                    let Some(ticket) = cx.wait_ticket() else {
                        return Verdict::FAIL;
                    };
                    cx.wait_at_most(SUM_MS_MAX);
                    let me = cx.shard();
                    pass_group(cx, me, ticket, group, &rows);
                    return Verdict::Wait(ticket);
                }
                rows
            }
        };
        let iterator = Iterator {
            name: args.str(1).into(),
            rows: rows.into_iter().collect::<Vec<_>>().into_iter(),
        };
        let mine = self.iterators.entry(cx.run.id).or_default();
        mine.retain(|one| one.name != iterator.name);
        if mine.len() >= ITERATORS_MAX {
            return Verdict::FAIL;
        }
        mine.push(iterator);
        cx.watch_run();
        Verdict::OK
    }

    fn iterate(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let mine = self.iterators.get_mut(&cx.run.id);
        let iterator = mine.and_then(|list| list.iter_mut().find(|one| *one.name == *args.str(2)));
        let Some((name, value)) = iterator.and_then(|iterator| iterator.rows.next()) else {
            return Verdict::FAIL;
        };
        args.set(0, name.as_str());
        match i32::try_from(value) {
            Ok(number) => args.set(1, number),
            Err(_) => args.set(1, value.to_string().as_str()),
        }
        Verdict::OK
    }

    /// Adds what this shard has of a group.
    fn add_group(&mut self, cx: &mut Context<'_>, group: &[u8], rows: &mut BTreeMap<String, i64>) {
        cx.core.look_up_statistics();
        self.on_timer(cx);
        let mut add = |name: &str, value: u64| {
            let row = rows.entry(name.to_owned()).or_insert(0);
            *row = row.wrapping_add(value as i64);
        };
        for (_, name, value) in cx
            .core
            .statistics
            .iter()
            .filter(|row| row.0.as_bytes() == group)
        {
            add(name, value);
        }
        for (of, name, value) in engine::module::statistics(cx.modules, cx.program) {
            if of.as_bytes() == group {
                add(name, value);
            }
        }
    }

    fn hear_group(&mut self, cx: &mut Context<'_>, rest: &[u8]) {
        let mut reader = Reader::new(rest);
        let (Some(from), Some(ticket), Some(group)) =
            (reader.number(), reader.number(), reader.text())
        else {
            return;
        };
        let mut rows = rows(&mut reader);
        self.add_group(cx, group, &mut rows);
        pass_group(cx, ShardId(from as u16), Ticket(ticket), group, &rows);
    }
}

/// What a module shows of itself.
fn looked_up(cx: &mut Context<'_>, text: &str) -> Option<u64> {
    let list = engine::module::statistics(cx.modules, cx.program);
    let wanted = text.split_once(':');
    list.into_iter()
        .find(|(group, name, _)| wanted.map_or(text == *name, |wanted| wanted == (group, name)))
        .map(|row| row.2)
}

/// The question goes to the next shard; when it has been everywhere, the answer to whoever asked.
fn pass_sum(cx: &mut Context<'_>, from: ShardId, ticket: Ticket, sum: Option<u64>, text: &str) {
    let mut letter = vec![u8::from(sum.is_some())];
    put_number(&mut letter, sum.unwrap_or(0));
    let next = next_shard(cx);
    if next == from {
        cx.answer_ticket(from, ticket, &letter);
        return;
    }
    let mut question = vec![b's'];
    put_number(&mut question, u64::from(from.0));
    put_number(&mut question, ticket.0);
    question.extend_from_slice(&letter);
    question.extend_from_slice(text.as_bytes());
    cx.tell(next, &question);
}

fn pass_group(
    cx: &mut Context<'_>,
    from: ShardId,
    ticket: Ticket,
    group: &[u8],
    rows: &BTreeMap<String, i64>,
) {
    let next = next_shard(cx);
    let mut letter = Vec::new();
    if next != from {
        letter.push(b'g');
        put_number(&mut letter, u64::from(from.0));
        put_number(&mut letter, ticket.0);
        put_text(&mut letter, group);
    }
    for (name, value) in rows {
        put_text(&mut letter, name.as_bytes());
        put_number(&mut letter, *value as u64);
    }
    if next == from {
        cx.answer_ticket(from, ticket, &letter);
    } else {
        cx.tell(next, &letter);
    }
}

fn rows(reader: &mut Reader<'_>) -> BTreeMap<String, i64> {
    let mut rows = BTreeMap::new();
    while let (Some(name), Some(value)) = (reader.text(), reader.number()) {
        rows.insert(String::from_utf8_lossy(name).into_owned(), value as i64);
    }
    rows
}

fn next_shard(cx: &Context<'_>) -> ShardId {
    ShardId((cx.shard().0 + 1) % cx.core.owner.shards())
}
