//! The instances of a shard's modules. A module leaves its slot while it is called, so that it may be handed a
//! context with which it reaches the others; calling back into it finds nobody.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use script::Diagnostics;
use script::program::Constant;

use crate::module::registry::AnyModule;
use crate::module::{Context, Module, ParamValue, Registry};
use crate::run::Linked;

/// The modules of a shard, in the order of the program's list.
#[derive(Default)]
pub struct Modules {
    slots: Vec<Slot>,
}

struct Slot {
    name: &'static str,
    of: TypeId,
    instance: Option<Box<dyn AnyModule>>,
}

impl std::fmt::Debug for Modules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.slots.iter().map(|slot| slot.name))
            .finish()
    }
}

impl Modules {
    /// Instances of the program's modules with their parameters set.
    pub fn new(linked: &Linked, registry: &Registry) -> Result<Modules, Diagnostics> {
        let entries = linked
            .program
            .modules
            .iter()
            .filter_map(|loaded| registry.entry(&loaded.name));
        let mut modules = Modules {
            slots: entries
                .map(|entry| Slot {
                    name: entry.name,
                    of: entry.of,
                    instance: Some((entry.make)()),
                })
                .collect(),
        };
        let mut errors = Diagnostics::default();
        for param in &linked.program.modparams {
            let Some((slot, set)) = linked.param(param.param) else {
                continue;
            };
            let Some(module) = modules
                .slots
                .get_mut(usize::from(slot))
                .and_then(|slot| slot.instance.as_mut())
            else {
                continue;
            };
            let text;
            let value = match &param.value {
                Constant::Int(n) => ParamValue::Int(*n),
                Constant::Str(bytes) => {
                    text = String::from_utf8_lossy(bytes);
                    ParamValue::Str(&text)
                }
            };
            if let Err(reason) = set(module.any(), value) {
                let reason = format!(
                    "parameter `{}` of module `{}`: {reason}",
                    param.name, param.module
                );
                errors.list.push(linked.diagnostic(param.at, reason));
            }
        }
        if errors.is_empty() {
            Ok(modules)
        } else {
            Err(errors)
        }
    }

    /// A module by type; `None` if it is not loaded or is being called.
    pub fn get_mut<M: Module>(&mut self) -> Option<&mut M> {
        let slot = self.slot_of::<M>()?;
        self.slots[usize::from(slot)]
            .instance
            .as_mut()?
            .any()
            .downcast_mut()
    }

    /// Whether a module is loaded.
    pub fn has<M: Module>(&self) -> bool {
        self.slot_of::<M>().is_some()
    }

    /// A module's place in the program's list.
    pub fn slot_of<M: Module>(&self) -> Option<u16> {
        let of = TypeId::of::<M>();
        self.slots
            .iter()
            .position(|slot| slot.of == of)
            .map(|slot| slot as u16)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(crate) fn at(&mut self, slot: u16) -> Option<&mut (dyn AnyModule + 'static)> {
        self.slots
            .get_mut(usize::from(slot))?
            .instance
            .as_deref_mut()
    }
}

/// Calls the module of a slot with this context. `None` if it is being called already.
pub(crate) fn call<R>(
    cx: &mut Context<'_>,
    slot: u16,
    work: impl FnOnce(&mut dyn AnyModule, &mut Context<'_>) -> R,
) -> Option<R> {
    let mut instance = cx
        .modules
        .slots
        .get_mut(usize::from(slot))?
        .instance
        .take()?;
    let caller = std::mem::replace(&mut cx.me, slot);
    // A module that panics over one message still holds everybody's contacts: it goes back to its slot first.
    let result = catch_unwind(AssertUnwindSafe(|| work(&mut *instance, cx)));
    cx.me = caller;
    cx.modules.slots[usize::from(slot)].instance = Some(instance);
    match result {
        Ok(result) => Some(result),
        Err(panic) => resume_unwind(panic),
    }
}
