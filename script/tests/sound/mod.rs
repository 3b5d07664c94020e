//! Whether a program is sound: every jump stays in its route, every id is in its table, and the stack has the same depth
//! on every way to an operation. Shared with the fuzz target.

use script::ops::{LogLevel, Op, OpId};
use script::program::{Arg, Program, Route, TransformArg};

/// Panics if it is not.
pub(crate) fn check(program: &Program) {
    assert_eq!(program.ops.len(), program.positions.len());
    for route in &program.routes {
        check_route(program, route);
    }
    for call in &program.calls {
        let operands: usize = program
            .args(call)
            .iter()
            .map(|arg| match arg {
                Arg::Value => 1,
                Arg::Variable(spec) => usize::from(program.spec(*spec).operands),
                Arg::Omitted | Arg::Int(_) | Arg::Str(_) | Arg::Regex(_) => 0,
            })
            .sum();
        assert_eq!(operands, usize::from(call.operands));
    }
    for spec in &program.specs {
        for arg in program
            .transforms(spec)
            .iter()
            .flat_map(|transform| program.transform_args(transform))
        {
            if let TransformArg::Substitution(id) = arg {
                assert!((id.0 as usize) < program.substitutions.len());
            }
        }
    }
}

/// Walks every way through a route with the depth of the stack.
fn check_route(program: &Program, route: &Route) {
    let (start, end) = (route.entry.0 as usize, route.end.0 as usize);
    assert!(start < end && end <= program.ops.len());
    assert_eq!(program.ops[end - 1], Op::RouteEnd);
    let mut depths: Vec<Option<usize>> = vec![None; end - start];
    let mut open = vec![(start, 0usize)];
    while let Some((at, depth)) = open.pop() {
        assert!((start..end).contains(&at), "a jump out of its route");
        match depths[at - start] {
            Some(known) => {
                assert_eq!(known, depth, "operation {at} is reached with two depths");
                continue;
            }
            None => depths[at - start] = Some(depth),
        }
        let op = program.ops[at];
        let (pops, pushes) = effect(program, op);
        assert!(
            depth >= pops,
            "operation {at} ({op:?}) takes {pops} of {depth}"
        );
        let after = depth - pops + pushes;
        assert!(
            after <= usize::from(route.stack),
            "operation {at} is deeper than the route says"
        );
        if let Some(slot) = slots(op) {
            assert!(slot < route.slots);
        }
        let to = |target: OpId| target.0 as usize;
        match op {
            Op::Jump(target) => open.push((to(target), after)),
            Op::JumpIf { to: target, .. } => open.extend([(at + 1, after), (to(target), after)]),
            Op::Case { to: target, .. } => open.extend([(at + 1, after), (to(target), after - 1)]),
            Op::LoopGuard { exit, .. } => open.extend([(at + 1, after), (to(exit), after)]),
            Op::ForStep { exit, .. } => open.extend([(at + 1, after), (to(exit), after - 1)]),
            Op::LogGuard { level, skip } => {
                let popped = usize::from(level == LogLevel::OnStack);
                open.extend([(at + 1, after), (to(skip), after - popped)]);
            }
            Op::Return { .. }
            | Op::RouteEnd
            | Op::Exit
            | Op::Drop
            | Op::Async(_)
            | Op::AssertFailed(_) => {}
            _ => open.push((at + 1, after)),
        }
    }
}

fn slots(op: Op) -> Option<u16> {
    match op {
        Op::PushCounter(slot) | Op::LoopStart(slot) => Some(slot.0),
        Op::LoopGuard { slot, .. } | Op::ForStep { slot, .. } => Some(slot.0),
        _ => None,
    }
}

/// Values an operation takes and leaves, as `ops.rs` says it in words.
fn effect(program: &Program, op: Op) -> (usize, usize) {
    let spec = |id| usize::from(program.spec(id).operands);
    match op {
        Op::Push(id) => {
            let _ = program.constant(id);
            (0, 1)
        }
        Op::PushNull | Op::PushRc | Op::PushOutcome | Op::PushCounter(_) => (0, 1),
        Op::Load(id) => (spec(id), 1),
        Op::Format(id) => (usize::from(program.formats[id.0 as usize].operands), 1),
        Op::Dup(count) => (usize::from(count), 2 * usize::from(count)),
        Op::Lift(count) => (usize::from(count) + 1, usize::from(count) + 1),
        Op::Pop => (1, 0),
        Op::Arithmetic(_) | Op::Compound(_) => (2, 1),
        Op::Complement => (1, 1),
        Op::Store { spec: id, .. } => (spec(id) + 1, 0),
        Op::TestValue | Op::TestNull { .. } => (1, 0),
        Op::CompareConst { .. } | Op::MatchRegex { .. } | Op::MatchNet { .. } => (1, 0),
        Op::Compare(_) | Op::MatchValue { .. } => (2, 0),
        Op::Case { .. } | Op::ForStep { .. } => (1, 1),
        Op::Call(id) => (usize::from(program.call(id).operands), 0),
        Op::Route { args, .. } => (usize::from(args), 0),
        Op::RouteByName { args } => (usize::from(args) + 1, 0),
        Op::Return { values } => (usize::from(values) + 1, 0),
        Op::Async(id) | Op::Launch(id) => {
            let started = &program.asyncs[id.0 as usize];
            (
                usize::from(program.call(started.call).operands) + usize::from(started.has_param),
                0,
            )
        }
        Op::LogGuard { level, .. } => {
            let kept = usize::from(level == LogLevel::OnStack);
            (kept, kept)
        }
        Op::Xlog(level) => (1 + usize::from(level == LogLevel::OnStack), 0),
        Op::TestRc | Op::Jump(_) | Op::JumpIf { .. } | Op::LoopStart(_) | Op::LoopGuard { .. } => {
            (0, 0)
        }
        Op::SetRc(_)
        | Op::RouteEnd
        | Op::Exit
        | Op::Drop
        | Op::Log { .. }
        | Op::AssertFailed(_) => (0, 0),
    }
}
