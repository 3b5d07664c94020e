//! Shell patterns.

use crate::sipmsgops::glob::matches;

#[test]
fn table() {
    for (pattern, yes, no) in [
        ("X-*", "x-account", "Y-account"),
        ("*", "", "\0never"),
        ("?-*-id", "P-Charging-ID", "P-Charging-IDs"),
        ("[PX]-*", "p-hint", "q-hint"),
        ("[!PX]-*", "q-hint", "x-hint"),
        ("[]a]b", "]b", "cb"),
        ("[a-c]?", "Bz", "dz"),
        ("a*b*c", "a-b-b-c", "a-b-b-d"),
        (r"a\*", "a*", "ab"),
        ("a[", "\0never", "a["),
    ] {
        assert!(
            yes.starts_with('\0') || matches(pattern.as_bytes(), yes.as_bytes()),
            "{pattern} {yes}"
        );
        assert!(
            no.starts_with('\0') || !matches(pattern.as_bytes(), no.as_bytes()),
            "{pattern} {no}"
        );
    }
}
