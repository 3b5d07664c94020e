//! Whatever a script holds, compiling it ends, and what compiles is sound: every jump stays in its route, every id is in
//! its table, and the stack has the same depth on every way to an operation.

mod sound;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use script::known::Everything;
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
            sound::check(&compiled.program);
            checked += 1;
        }
    }
    assert!(checked >= 10, "most scripts of the folder compile");
}

#[test]
fn damaged_scripts_neither_panic_nor_compile_to_nonsense() {
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let scripts = scripts();
    for round in 0..500 {
        let mut text = scripts[chance.below(scripts.len())].clone();
        for _ in 0..=chance.below(4) {
            damage(&mut text, &scripts, &mut chance);
        }
        let result = catch_unwind(AssertUnwindSafe(|| {
            if let Some(compiled) = compiled(&text) {
                sound::check(&compiled.program);
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
            sound::check(&compiled.program);
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
