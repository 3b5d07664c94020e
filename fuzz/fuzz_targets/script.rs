//! Bytes as a routing script, against the names of OpenSIPS: compiling ends without a panic, diagnostics print, and what
//! compiles is sound, and what is named is told of a route that is there.
#![no_main]

#[path = "../../script/tests/sound/mod.rs"]
mod sound;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use script::known::Everything;
use script::{InMemory, Options, examine};

fuzz_target!(|bytes: &[u8]| {
    // A second file, so that includes find something; half of the inputs split there.
    let (main, other) = bytes.split_at(bytes.len() / 2);
    for (main, other) in [(bytes, &b""[..]), (main, other)] {
        let mut loader = InMemory::new("fuzz.cfg", main).with("other.cfg", other);
        let (survey, result) = examine(Path::new("fuzz.cfg"), &mut loader, &mut Everything, &Options::default());
        assert!(survey.mentions.iter().all(|one| one.route < survey.routes.len()));
        match result {
            Ok(compiled) => {
                sound::check(&compiled.program);
                let _ = compiled.warnings.to_string();
                let _ = compiled.program.listing(&compiled.catalog);
            }
            Err(diagnostics) => assert!(diagnostics.errors() > 0 && !diagnostics.to_string().is_empty()),
        }
    }
});
