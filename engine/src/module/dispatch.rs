//! What reaches modules other than through scripts: start, letters, timers, events, commands.
//!
//! Called by the engine's list of calls, one function per kind of event.

use std::sync::Arc;

use parser::Message;
use script::{Diagnostics, RouteKind};

use crate::agent::{AgentEvent, AgentOwner};
use crate::core::Core;
use crate::input::{Answer, Command, Letter, Ticket};
use crate::module::exports::{CommandArgs, CommandRow};
use crate::module::slots::call;
use crate::module::{Context, Modules};
use crate::outbox::{Outbox, Output};
use crate::proxy::TransactionEvent;
use crate::run::{self, Linked, Run, RunId};

/// Starts all modules, those first that others need.
pub fn start(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
) -> Result<(), Diagnostics> {
    let mut errors = Diagnostics::default();
    core.machine.flags.add_all(&linked.flags);
    for &slot in &linked.start_order {
        let result = with_dummy(core, modules, linked, outbox, |cx| {
            call(cx, slot, |module, cx| module.start(cx))
        });
        if let Some(Err(reason)) = result {
            let loaded = &linked.loaded[usize::from(slot)];
            errors
                .list
                .push(linked.diagnostic(loaded.at, format!("module `{}`: {reason}", loaded.name)));
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// The periods that modules asked for: slot and milliseconds, for the engine to set timers by.
pub fn periods(linked: &Linked) -> impl Iterator<Item = (u16, u32)> {
    linked
        .tables
        .iter()
        .enumerate()
        .filter_map(|(slot, table)| Some((slot as u16, table.timer_ms?)))
}

/// A period of the module in this slot is over.
pub fn on_timer(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
    slot: u16,
) {
    with_dummy(core, modules, linked, outbox, |cx| {
        call(cx, slot, |module, cx| module.on_timer(cx));
    });
}

/// A question for a module, from its likeness on another shard.
pub fn on_letter(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
    letter: &Letter,
) {
    with_dummy(core, modules, linked, outbox, |cx| {
        call(cx, letter.module, |module, cx| module.on_letter(cx, letter));
    });
}

/// Something happened to a transaction. Every module hears it, with the transaction's request in hand.
pub fn on_transaction(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
    event: &TransactionEvent,
) {
    let tell = |cx: &mut Context<'_>| {
        for slot in 0..cx.modules.len() as u16 {
            call(cx, slot, |module, cx| module.on_transaction(cx, event));
        }
    };
    let Some(scene) = core.take_request_scene(event.context) else {
        with_dummy(core, modules, linked, outbox, tell);
        return;
    };
    let mut run = run::begin(core, RouteKind::Event, scene, Some(event.context), None);
    tell(&mut context(&mut run, core, modules, linked, outbox));
    let scene = core.machine.end(run);
    core.put_request_scene(event.context, scene);
}

/// A request of ours was answered or ended; its owner hears it.
pub fn on_response(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
    event: &AgentEvent,
    response: Option<&Message>,
) {
    let AgentOwner::Module { module: slot, .. } = event.owner else {
        return;
    };
    with_dummy(core, modules, linked, outbox, |cx| {
        call(cx, slot, |module, cx| {
            module.on_response(cx, event, response)
        });
    });
}

/// The answer to a query that the module in this slot asked by itself.
pub fn on_answer(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
    slot: u16,
    ticket: Ticket,
    answer: Answer,
) {
    with_dummy(core, modules, linked, outbox, |cx| {
        call(cx, slot, |module, cx| module.on_answer(cx, ticket, answer));
    });
}

/// A run that the module in this slot watches has ended.
pub fn on_run_ended(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
    slot: u16,
    run: RunId,
) {
    with_dummy(core, modules, linked, outbox, |cx| {
        call(cx, slot, |module, cx| module.on_run_ended(cx, run));
    });
}

/// A management command that belongs to a module. False if no module has it.
pub fn on_command(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
    ticket: Ticket,
    command: &Command,
) -> bool {
    let Some((slot, row)) = row_of(linked, &command.name) else {
        return false;
    };
    let run = run::begin_dummy(core, RouteKind::Event);
    let place = (slot, row);
    run_command(run, place, (ticket, command), core, modules, linked, outbox);
    true
}

/// What a management command waited for has been answered.
pub(crate) fn resume_command(
    run: Run,
    (ticket, command): (Ticket, &Command),
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
) {
    match row_of(linked, &command.name) {
        Some(row) => run_command(run, row, (ticket, command), core, modules, linked, outbox),
        None => core.machine.end_dummy(run),
    }
}

/// The command of this name: as OpenSIPS 3.x or 4.0 has it, or what stands behind the colon. Whoever asks has made
/// sure that it is one.
fn row_of<'l>(linked: &'l Linked, name: &str) -> Option<(u16, &'l CommandRow)> {
    let (module, local) = name.split_once(':').unwrap_or(("", name));
    let is_of = |slot: usize| module.is_empty() || own_name(linked, slot) == module;
    let rows = || {
        let tables = linked.tables.iter().enumerate();
        tables.flat_map(|(slot, table)| table.commands.iter().map(move |row| (slot as u16, row)))
    };
    let mut flat = rows().filter(|(_, row)| row.name == name);
    flat.next()
        .or_else(|| rows().find(|(slot, row)| row.later == local && is_of(usize::from(*slot))))
}

/// A module's name in those of its commands.
fn own_name(linked: &Linked, slot: usize) -> &str {
    let name = linked.loaded[slot].name.as_str();
    name.strip_prefix("proto_").unwrap_or(name)
}

/// Calls a command. What it answers while it waits is nothing.
fn run_command(
    mut run: Run,
    (slot, row): (u16, &CommandRow),
    (ticket, command): (Ticket, &Command),
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
) {
    let mut text = Vec::new();
    let fits = row
        .recipes
        .iter()
        .find(|recipe| fits(recipe, &command.parameters));
    let result = match fits {
        None => Err((-32602, misfit(&row.recipes, &command.parameters))),
        Some(recipe) => {
            let mut cx = context(&mut run, core, modules, linked, outbox);
            let args = CommandArgs {
                list: &command.parameters,
                recipe,
            };
            call(&mut cx, slot, |module, cx| {
                (row.run)(module.any(), cx, args, &mut text)
            })
            .unwrap_or_else(|| Err((-32603, "Internal error".to_owned())))
        }
    };
    if let Some(waits) = run.state.wait.ticket {
        let command = Box::new((ticket, command.clone()));
        run::park_command(run, waits, command, core, linked);
        return;
    }
    core.machine.end_dummy(run);
    let result = match result {
        Ok(()) => Ok(outbox.write(|out| out.extend_from_slice(&text))),
        Err((code, message)) => Err((
            code,
            outbox.write(|out| out.extend_from_slice(message.as_bytes())),
        )),
    };
    outbox.push(Output::CommandAnswer { ticket, result });
}

/// A management command of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandName {
    /// As OpenSIPS 3.x has it: `ul_dump`.
    pub name: &'static str,
    /// As OpenSIPS 4.0 has it: `usrloc:dump`. A module's `proto_` is left out.
    pub full: String,
}

/// All commands of modules.
pub fn commands(linked: &Linked) -> impl Iterator<Item = CommandName> {
    linked
        .tables
        .iter()
        .enumerate()
        .flat_map(move |(slot, table)| {
            let module = own_name(linked, slot);
            table.commands.iter().map(move |command| CommandName {
                name: command.name,
                full: format!("{module}:{}", command.later),
            })
        })
}

/// All statistics of modules: module, name, value on this shard.
pub fn statistics<'l>(
    modules: &mut Modules,
    linked: &'l Linked,
) -> Vec<(&'l str, &'static str, u64)> {
    let mut list = Vec::new();
    for (slot, table) in linked.tables.iter().enumerate() {
        let Some(module) = modules.at(slot as u16) else {
            continue;
        };
        let name = linked.loaded[slot].name.as_str();
        for row in &table.statistics {
            list.push((name, row.name, (row.read)(module.any())));
        }
    }
    list
}

/// Why parameters fit no recipe.
fn misfit(recipes: &[Vec<&'static str>], given: &[(Option<String>, String)]) -> String {
    let name = |one: &'static str| one.trim_end_matches('?');
    let is_known = |key: &str| recipes.iter().flatten().any(|one| name(one) == key);
    let mut keys = given.iter().filter_map(|(key, _)| key.as_deref());
    if let Some(key) = keys.find(|key| !is_known(key)) {
        return format!("there is no parameter `{key}`");
    }
    let most = recipes.iter().map(Vec::len).max().unwrap_or(0);
    if given.len() > most {
        return match most {
            0 => "there are no parameters".to_owned(),
            1 => "there is one parameter".to_owned(),
            most => format!("there are {most} parameters at most"),
        };
    }
    // Of the recipe that wants the least more.
    let missing = recipes.iter().map(|recipe| {
        let needed = recipe.iter().enumerate().filter(|(place, one)| {
            let is_named = given
                .iter()
                .any(|(key, _)| key.as_deref() == Some(name(one)));
            let is_placed = given.get(*place).is_some_and(|(key, _)| key.is_none());
            !one.ends_with('?') && !is_named && !is_placed
        });
        needed.map(|(_, one)| *one).collect::<Vec<_>>()
    });
    let least = missing.filter(|all| !all.is_empty()).min_by_key(Vec::len);
    match &least.unwrap_or_default()[..] {
        [] => "these parameters do not go together".to_owned(),
        [one] => format!("the parameter `{one}` is missing"),
        all => format!("the parameters `{}` are missing", all.join("`, `")),
    }
}

/// Named parameters must be in the recipe, unnamed ones are counted off, and nothing mandatory may miss.
fn fits(recipe: &[&'static str], given: &[(Option<String>, String)]) -> bool {
    let name = |one: &&'static str| one.trim_end_matches('?');
    let is_known = |key: &str| recipe.iter().any(|one| name(one) == key);
    let is_given = |(place, one): (usize, &&'static str)| {
        one.ends_with('?')
            || given
                .iter()
                .any(|(key, _)| key.as_deref() == Some(name(one)))
            || given.get(place).is_some_and(|(key, _)| key.is_none())
    };
    given.len() <= recipe.len()
        && given
            .iter()
            .all(|(key, _)| key.as_deref().is_none_or(is_known))
        && recipe.iter().enumerate().all(is_given)
}

/// Works with a context whose message is nobody's.
pub(crate) fn with_dummy<R>(
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
    work: impl FnOnce(&mut Context<'_>) -> R,
) -> R {
    let mut run = run::begin_dummy(core, RouteKind::Event);
    let result = work(&mut context(&mut run, core, modules, linked, outbox));
    let scene = core.machine.end(run);
    core.machine.give_scene(scene);
    result
}

/// The context of a run, outside of the machine.
pub(crate) fn context<'a>(
    run: &'a mut Run,
    core: &'a mut Core,
    modules: &'a mut Modules,
    linked: &'a Arc<Linked>,
    outbox: &'a mut Outbox,
) -> Context<'a> {
    let Run { scene, state, .. } = run;
    let scene = &mut **scene;
    Context {
        now: core.now,
        message: &scene.message,
        draft: &mut scene.draft,
        scene: &mut scene.attached,
        run: state,
        core,
        modules,
        program: linked,
        outbox,
        me: super::CORE,
    }
}
