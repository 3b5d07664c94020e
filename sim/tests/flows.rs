//! Every `.flow` of `sim/flows` played; what is below the line must be what happens.
//! `make flows` writes it again.

use std::fs;
use std::path::Path;

use sim::flow::{parse, play};

#[test]
fn every_flow_ends_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let rewrite = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "flow")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(file).unwrap();
        let flow = parse::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let happens =
            play(&flow, &folder.join("scripts")).unwrap_or_else(|error| panic!("{name}: {error}"));
        if text[flow.golden_at..] == happens {
            continue;
        }
        if rewrite {
            fs::write(file, format!("{}{happens}", &text[..flow.golden_at])).unwrap();
        } else {
            wrong.push(format!(
                "{name}: written\n{}\nhappens\n{happens}",
                &text[flow.golden_at..]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
