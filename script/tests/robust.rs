//! Whatever a script holds, compiling it ends, and what compiles is sound: every jump stays in its route, every id is in
//! its table, and the stack has the same depth on every way to an operation.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use script::known::Everything;
use script::ops::{LogLevel, Op, OpId};
use script::program::{Arg, Program, Route, TransformArg};
use script::{Compiled, InMemory, Options, compile};

fn compiled(text: &[u8]) -> Option<Compiled> {
    let mut loader = InMemory::new("fuzz.cfg", text);
    compile(
        Path::new("fuzz.cfg"),
        &mut loader,
        &mut Everything,
        &Options::default(),
    )
    .ok()
}

fn scripts() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cfg"))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("it can be read"))
        .collect()
}

#[test]
fn what_compiles_is_sound() {
    let mut checked = 0;
    for script in scripts() {
        if let Some(compiled) = compiled(&script) {
            check(&compiled.program);
            checked += 1;
        }
    }
    assert!(checked >= 10, "most scripts of the folder compile");
}

#[test]
fn damaged_scripts_neither_panic_nor_compile_to_nonsense() {
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let scripts = scripts();
    for round in 0..1500 {
        let mut text = scripts[chance.below(scripts.len())].clone();
        for _ in 0..=chance.below(4) {
            damage(&mut text, &scripts, &mut chance);
        }
        let result = catch_unwind(AssertUnwindSafe(|| {
            if let Some(compiled) = compiled(&text) {
                check(&compiled.program);
                let _ = compiled.program.listing(&compiled.catalog);
            }
        }));
        assert!(
            result.is_ok(),
            "round {round}: {}",
            String::from_utf8_lossy(&text)
        );
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is bounded here is time")]
fn large_and_deep_input_ends_soon() {
    let inputs = [
        "route { ".to_owned() + &"{".repeat(200_000),
        "route { if (".to_owned() + &"(".repeat(200_000),
        "route { if (".to_owned() + &"!".repeat(200_000) + "$ru) exit; }",
        "route { $var(x) = ".to_owned() + &"~".repeat(200_000) + "1; }",
        "route { $var(x) = 1".to_owned() + &" + 1".repeat(100_000) + "; }",
        "route { if ($ru".to_owned() + &" && $ru || $rU".repeat(50_000) + ") exit; }",
        "route { ".to_owned() + &"if ($ru) exit; else ".repeat(50_000) + "exit; }",
        "route { if ($ru) ".to_owned() + &"if ($ru) ".repeat(50_000) + "exit; }",
        "/*".repeat(200_000),
        "route { xlog(\"".to_owned() + &"$(avp(".repeat(50_000) + "\"); }",
        "route { xlog(\"".to_owned() + &"$avp($var(x))".repeat(50_000) + "\"); }",
        "route { $(".to_owned() + &"var($".repeat(50_000) + "; }",
        "$(".repeat(100_000),
        "}".repeat(200_000),
        "\u{a0}".repeat(100_000),
        "a=1\n".repeat(50_000),
        "route { xlog(\"a\") ".repeat(20_000),
        "route { if ($ru =~ \"".to_owned() + &"(a{1,200}){1,200}".repeat(100) + "\") exit; }",
        "route { if ($ru =~ \"".to_owned() + &"(".repeat(100_000) + "\") exit; }",
        "include_file \"fuzz.cfg\"\n".repeat(100),
    ];
    for input in &inputs {
        let start = Instant::now();
        if let Some(compiled) = compiled(input.as_bytes()) {
            check(&compiled.program);
        }
        let took = start.elapsed();
        let head: String = input.chars().take(40).collect();
        assert!(took < Duration::from_secs(10), "{head}… took {took:?}");
    }
}

/// One small change.
fn damage(text: &mut Vec<u8>, scripts: &[Vec<u8>], chance: &mut Chance) {
    const BITS: [&[u8]; 24] = [
        b"$", b"(", b")", b"{", b"}", b"[", b"]", b"\"", b"'", b";", b",", b"=", b"==", b"\\",
        b"/*", b"*/", b"$var(", b"\xff", b"::", b"if (", b"route", b"null", b"{s.", b"-",
    ];
    if text.is_empty() {
        return;
    }
    let at = chance.below(text.len());
    match chance.below(6) {
        0 => text.truncate(at),
        1 => {
            text.remove(at);
        }
        2 => text[at] = chance.below(256) as u8,
        3 => {
            let bit = BITS[chance.below(BITS.len())];
            text.splice(at..at, bit.iter().copied());
        }
        4 => {
            let end = (at + chance.below(40)).min(text.len());
            text.drain(at..end);
        }
        _ => {
            let other = &scripts[chance.below(scripts.len())];
            let from = chance.below(other.len());
            let to = (from + chance.below(200)).min(other.len());
            text.splice(at..at, other[from..to].iter().copied());
        }
    }
}

/// The same numbers every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

fn check(program: &Program) {
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
