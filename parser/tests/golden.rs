//! Messages in, listings out: every `testdata/*.sip` (line ends as LF in the file, CRLF to the parser)
//! beside its `.listing`. What once went wrong enters here.

mod common;

use std::path::Path;

use expect_test::expect_file;

#[test]
fn every_message_reads_as_its_listing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder)
        .expect("testdata is there")
        .flatten()
    {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "sip") {
            continue;
        }
        let text = std::fs::read(&path).expect("readable");
        let mut message = Vec::with_capacity(text.len() + text.len() / 16);
        for byte in text {
            if byte == b'\n' {
                message.push(b'\r');
            }
            message.push(byte);
        }
        expect_file![path.with_extension("listing")].assert_eq(&common::listing(&message));
        count += 1;
    }
    assert!(count >= 5, "the folder was found");
}
