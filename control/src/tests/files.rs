//! Files that modules ask for.

use std::path::Path;

use engine::files::Files;

use crate::Disk;

#[test]
fn only_whole_files_are_read() {
    let read = |path: &str, bytes_max| Disk.read(Path::new(path), bytes_max);
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let text = read(manifest, 1 << 20).unwrap();
    assert!(text.starts_with(b"[package]"));
    assert_eq!(read(manifest, text.len()).unwrap(), text);
    assert_eq!(
        read(manifest, text.len() - 1).unwrap_err(),
        format!("longer than {} bytes", text.len() - 1)
    );
    // Endless, or silent until somebody writes.
    for path in ["/dev/zero", "/dev", "/dev/tty"] {
        assert!(read(path, 10).is_err(), "{path}");
    }
    let missing = read("/no/such/file", 10).unwrap_err();
    assert!(missing.contains("No such file"), "{missing}");
}
