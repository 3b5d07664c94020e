//! `docs/opensips.md` tells what is offered, and nothing else.

use std::process::Command;

const DOCS: &str = include_str!("../../docs/opensips.md");

#[test]
fn the_docs_are_what_is_offered() {
    let output = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(["explain", "--all"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().zip(DOCS.lines());
    for (number, (offered, said)) in lines.enumerate() {
        assert_eq!(
            said,
            offered,
            "docs/opensips.md:{}: run `make docs`",
            number + 1
        );
    }
    assert!(
        text == DOCS,
        "docs/opensips.md has another length: run `make docs`"
    );
}
