//! All modules that can be loaded, by name, and what the core itself offers.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::Path;

use parser::Message;
use script::program::Constant;
use script::{
    Access, Catalog, Compiled, Diagnostics, Function, Loader, Offer, Options, Param, Prologue,
    Survey, Transformation, Variable,
};

use crate::agent::AgentEvent;
use crate::input::{Answer, Letter, Ticket};
use crate::module::exports::{PROLOGUE, Table};
use crate::module::inventory::CORE_EVENTS;
use crate::module::{Context, Exports, Module, ParamValue};
use crate::proxy::TransactionEvent;
use crate::run::{RunId, core_functions, transformations, variables};

/// The modules of this build. The crate `modules` fills one.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Vec<Entry>,
}

impl Registry {
    /// Only the core.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Adds a module.
    pub fn add<M: Module>(&mut self) -> &mut Self {
        self.entries.push(Entry {
            name: M::NAME,
            of: TypeId::of::<M>(),
            make: || Box::new(M::new()),
            exports: || {
                let mut exports = Exports::<M>::new();
                M::exports(&mut exports);
                exports.table
            },
        });
        self
    }

    /// Compiles a script against the core and these modules.
    pub fn compile(
        &self,
        path: &Path,
        loader: &mut dyn Loader,
        options: &Options,
    ) -> Result<Compiled, Diagnostics> {
        script::compile(path, loader, &mut Judge::new(self), options)
    }

    /// The same, and says what the script names.
    pub fn examine(
        &self,
        path: &Path,
        loader: &mut dyn Loader,
        options: &Options,
    ) -> (Survey, Result<Compiled, Diagnostics>) {
        script::examine(path, loader, &mut Judge::new(self), options)
    }

    /// The names of all modules.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|entry| entry.name)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// One module that can be loaded.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) of: TypeId,
    pub(crate) make: fn() -> Box<dyn AnyModule>,
    pub(crate) exports: fn() -> Table,
}

/// Offers a registry to one script, and judges its literals: by instances of the modules that only take parameters.
pub(crate) struct Judge<'r> {
    registry: &'r Registry,
    loaded: HashMap<String, (Table, Box<dyn AnyModule>)>,
}

impl<'r> Judge<'r> {
    pub(crate) fn new(registry: &'r Registry) -> Judge<'r> {
        Judge {
            registry,
            loaded: HashMap::new(),
        }
    }
}

impl Offer for Judge<'_> {
    fn core(&mut self, catalog: &mut Catalog) {
        add_core(catalog);
    }

    fn module(&mut self, name: &str, catalog: &mut Catalog) -> bool {
        let Some(entry) = self.registry.entry(name) else {
            return false;
        };
        let table = (entry.exports)();
        add_module(name, &table, catalog);
        self.loaded.insert(name.to_owned(), (table, (entry.make)()));
        true
    }

    fn offers(&self, name: &str) -> bool {
        self.registry.entry(name).is_some()
    }

    fn needs(&self, module: &str) -> Vec<&'static str> {
        let loaded = self.loaded.get(module);
        loaded.map_or(Vec::new(), |(table, _)| table.needs.clone())
    }

    fn judge_param(&mut self, module: &str, name: &str, value: &Constant) -> Result<(), String> {
        let Some((table, instance)) = self.loaded.get_mut(module) else {
            return Ok(());
        };
        let Some(row) = table.params.iter().find(|row| row.name == name) else {
            return Ok(());
        };
        let text;
        let value = match value {
            Constant::Int(number) => ParamValue::Int(*number),
            Constant::Str(bytes) => {
                text = String::from_utf8_lossy(bytes);
                ParamValue::Str(&text)
            }
        };
        (row.set)(instance.any(), value)
    }

    fn judge_argument(
        &self,
        function: &Function,
        place: usize,
        literal: &[u8],
    ) -> Result<(), String> {
        let check = if function.module == "core" {
            core_functions::table()
                .find(|row| row.name == function.name)
                .and_then(|row| row.checks.get(place).copied().flatten())
        } else {
            let rows = self
                .loaded
                .get(&function.module)
                .map(|(table, _)| &table.functions);
            rows.and_then(|rows| rows.iter().find(|row| row.name == function.name))
                .and_then(|row| row.args.get(place)?.check)
        };
        check.map_or(Ok(()), |check| check(literal))
    }
}

/// Adds what the core offers. The order is that of its tables, which [`crate::run::Linked`] follows.
pub(crate) fn add_core(catalog: &mut Catalog) {
    for row in core_functions::table() {
        let (args, kinds) = script::signature::parse(row.signature)
            .expect("signatures of the core are well-formed");
        catalog.add_function(Function {
            module: "core".into(),
            name: row.name.into(),
            args,
            kinds,
            asynchronous: false,
        });
    }
    for row in variables::table() {
        catalog.add_variable(Variable {
            module: "core".into(),
            name: row.name.into(),
            access: access(row.write.is_some()),
            sub_name: row.shape.sub_name,
            index: row.shape.index,
        });
    }
    for row in transformations::table() {
        catalog.add_transformation(Transformation {
            class: row.class.into(),
            name: row.name.into(),
            args: row.args.iter().map(|arg| arg.spec()).collect(),
        });
    }
    for event in CORE_EVENTS {
        catalog.add_event(event);
    }
}

/// Adds what a module offers, in the order of its table.
pub(crate) fn add_module(module: &str, table: &Table, catalog: &mut Catalog) {
    let mut prologue = Vec::new();
    for row in &table.functions {
        let id = catalog.add_function(Function {
            module: module.into(),
            name: row.name.into(),
            args: row.args.iter().map(|kind| kind.spec).collect(),
            kinds: row.routes.0,
            asynchronous: row.asynchronous,
        });
        if PROLOGUE.contains(&row.name) {
            prologue.push(id);
        }
    }
    if let (Some(route), [takes, then, failed]) = (table.prologue, &prologue[..]) {
        catalog.add_prologue(Prologue {
            module: module.into(),
            takes: *takes,
            route: route.into(),
            then: *then,
            failed: *failed,
        });
    }
    for row in &table.params {
        catalog.add_param(Param {
            module: module.into(),
            name: row.name.into(),
            kind: row.kind,
            repeatable: row.repeatable,
        });
    }
    for row in &table.variables {
        catalog.add_variable(Variable {
            module: module.into(),
            name: row.name.into(),
            access: access(row.write.is_some()),
            sub_name: row.shape.sub_name,
            index: row.shape.index,
        });
    }
    for event in &table.events {
        catalog.add_event(event);
    }
}

fn access(is_writable: bool) -> Access {
    if is_writable {
        Access::ReadWrite
    } else {
        Access::ReadOnly
    }
}

/// A module, its type forgotten.
pub(crate) trait AnyModule {
    fn any(&mut self) -> &mut dyn Any;
    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String>;
    fn on_letter(&mut self, cx: &mut Context<'_>, letter: &Letter);
    fn on_timer(&mut self, cx: &mut Context<'_>);
    fn on_run_ended(&mut self, cx: &mut Context<'_>, run: RunId);
    fn on_transaction(&mut self, cx: &mut Context<'_>, event: &TransactionEvent);
    fn on_response(&mut self, cx: &mut Context<'_>, event: &AgentEvent, response: Option<&Message>);
    fn on_answer(&mut self, cx: &mut Context<'_>, ticket: Ticket, answer: Answer);
}

impl<M: Module> AnyModule for M {
    fn any(&mut self) -> &mut dyn Any {
        self
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        Module::start(self, cx)
    }

    fn on_letter(&mut self, cx: &mut Context<'_>, letter: &Letter) {
        Module::on_letter(self, cx, letter);
    }

    fn on_timer(&mut self, cx: &mut Context<'_>) {
        Module::on_timer(self, cx);
    }
    fn on_run_ended(&mut self, cx: &mut Context<'_>, run: RunId) {
        Module::on_run_ended(self, cx, run);
    }

    fn on_transaction(&mut self, cx: &mut Context<'_>, event: &TransactionEvent) {
        Module::on_transaction(self, cx, event);
    }

    fn on_response(
        &mut self,
        cx: &mut Context<'_>,
        event: &AgentEvent,
        response: Option<&Message>,
    ) {
        Module::on_response(self, cx, event, response);
    }

    fn on_answer(&mut self, cx: &mut Context<'_>, ticket: Ticket, answer: Answer) {
        Module::on_answer(self, cx, ticket, answer);
    }
}
