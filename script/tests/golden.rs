//! Every `testdata/*.cfg` is compiled against the names of OpenSIPS: what it becomes is in `.listing` (warnings first),
//! what is wrong with it in `.errors`. Exactly one of them exists. `UPDATE_EXPECT=1` writes them anew.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use script::known::Everything;
use script::{Loader, Options, compile};

/// Reads files of the test folder, by the name a script would use.
struct Folder(PathBuf);

impl Loader for Folder {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }
}

/// The kind of golden file this script should have, and its text.
fn run(folder: &Path, name: &str) -> (&'static str, String) {
    let mut loader = Folder(folder.to_owned());
    match compile(
        Path::new(name),
        &mut loader,
        &mut Everything,
        &Options::default(),
    ) {
        Ok(compiled) => {
            let mut text = compiled.warnings.to_string();
            if !text.is_empty() {
                text.push_str("---\n");
            }
            write!(text, "{}", compiled.program.listing(&compiled.catalog))
                .expect("a string takes it all");
            ("listing", text)
        }
        Err(diagnostics) => {
            assert!(diagnostics.errors() > 0, "{name}: refused without an error");
            ("errors", diagnostics.to_string())
        }
    }
}

#[test]
fn every_script_of_the_folder_compiles_to_its_golden_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("it can be listed")
                .file_name()
                .into_string()
                .expect("plain names")
        })
        .filter(|name| name.ends_with(".cfg"))
        .collect();
    names.sort();
    assert!(names.len() > 20, "the folder holds the scripts");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for name in &names {
        let (kind, text) = run(&folder, name);
        let stem = name.trim_end_matches(".cfg");
        let golden = folder.join(format!("{stem}.{kind}"));
        let other = folder.join(format!(
            "{stem}.{}",
            if kind == "errors" {
                "listing"
            } else {
                "errors"
            }
        ));
        if update {
            fs::write(&golden, &text).expect("golden files can be written");
            let _ = fs::remove_file(&other);
            continue;
        }
        if other.exists() || fs::read_to_string(&golden).ok().as_deref() != Some(&text) {
            wrong.push(format!("{name} gives, as .{kind}:\n{text}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} scripts differ from their golden files:\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
