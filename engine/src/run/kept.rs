//! What modules keep with a run, as the machine keeps `$var`: one value a type.
//!
//! It begins with what the shard's last run left and is left to the next one. A run that parks takes its own along
//! and leaves a copy behind, so a value should be cheap to clone: what is large stands behind an `Rc`.

use std::any::{Any, TypeId};
use std::fmt::Debug;

/// The values of all modules. Without any, it costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Kept(Vec<(TypeId, Box<dyn Keep>)>);

trait Keep: Debug {
    fn any(&mut self) -> &mut dyn Any;
    fn copy(&self) -> Box<dyn Keep>;
}

impl<T: Any + Clone + Debug> Keep for T {
    fn any(&mut self) -> &mut dyn Any {
        self
    }

    fn copy(&self) -> Box<dyn Keep> {
        Box::new(self.clone())
    }
}

impl Kept {
    /// The value of this type; its default before anybody wrote it.
    pub(crate) fn get<T: Any + Clone + Debug + Default>(&mut self) -> &mut T {
        let of = TypeId::of::<T>();
        let place = match self.0.iter().position(|(one, _)| *one == of) {
            Some(place) => place,
            None => {
                self.0.push((of, Box::new(T::default())));
                self.0.len() - 1
            }
        };
        (*self.0[place].1)
            .any()
            .downcast_mut()
            .expect("a value stands under its own type")
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        Kept(
            self.0
                .iter()
                .map(|(of, one)| (*of, (**one).copy()))
                .collect(),
        )
    }
}
