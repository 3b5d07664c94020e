//! The stock script allocates nothing more than the calls it makes need.

use std::cell::RefCell;

use allocation_counter::measure;
use engine::limits::Limits;

#[path = "support/stock.rs"]
mod stock;
#[path = "../../engine/tests/support/mod.rs"]
mod support;

use support::World;
use support::calls::Calls;

#[test]
fn calls_by_the_stock_script_allocate_nothing_once_warm() {
    let allocations: RefCell<Vec<(&'static str, u64)>> = RefCell::default();
    let counter = |what, handle: &mut dyn FnMut()| {
        let info = measure(handle);
        if info.count_total > 0 {
            allocations.borrow_mut().push((what, info.count_total));
        }
    };
    let world = World::of(&modules::registry(), &stock::script(), 1, Limits::default());
    let mut calls = Calls::new(world, counter);
    stock::register(&mut calls);
    for _ in 0..2_500 {
        calls.call(20);
    }
    assert!(
        !allocations.borrow().is_empty(),
        "warming up fills pools: the counter counts"
    );
    allocations.borrow_mut().clear();
    for _ in 0..500 {
        calls.call(20);
    }
    let mut kinds = allocations.take();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.is_empty(), "allocations: {kinds:?}");
}
