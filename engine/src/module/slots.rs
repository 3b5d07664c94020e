//! The instances of a shard's modules. A module leaves its slot while it is called.

use std::any::{Any, TypeId};

use crate::module::Module;

/// The modules of a shard, in the order of the program's list.
#[derive(Default)]
pub struct Modules {
    slots: Vec<Slot>,
}

pub(crate) struct Slot {
    pub(crate) of: TypeId,
    pub(crate) instance: Option<Box<dyn Any>>,
}

impl Modules {
    /// A module by type; `None` if it is not loaded or is being called.
    pub fn get_mut<M: Module>(&mut self) -> Option<&mut M> {
        let of = TypeId::of::<M>();
        let slot = self.slots.iter_mut().find(|slot| slot.of == of)?;
        slot.instance.as_mut()?.downcast_mut()
    }
}
