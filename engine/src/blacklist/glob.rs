//! Shell patterns, as of POSIX fnmatch: `*`, `?`, `[a-z]` and `\` before what is meant literally.

/// Whether letters match those of the other case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Only themselves.
    Exact,
    /// Both: names of headers.
    Ignored,
}

impl Case {
    fn of(self, byte: u8) -> u8 {
        match self {
            Case::Exact => byte,
            Case::Ignored => byte.to_ascii_lowercase(),
        }
    }
}

/// Whether the whole of `text` matches `pattern`.
///
/// A star is tried at its shortest first; when what follows fails, the last star takes one byte
/// more. Earlier stars never need to: whatever they would take, the last one can take as well.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while from < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at + 1, from));
            at += 1;
            continue;
        }
        if let Some(width) = one(&pattern[at..], text[from], case) {
            at += width;
            from += 1;
            continue;
        }
        let Some((behind, taken)) = star else {
            return false;
        };
        star = Some((behind, taken + 1));
        at = behind;
        from = taken + 1;
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// How many bytes of the pattern match this one byte; `None` when they do not.
fn one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let is = |meant: u8| case.of(meant) == case.of(byte);
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => set(pattern, byte, case),
        b'\\' if pattern.len() > 1 => is(pattern[1]).then_some(2),
        other => is(*other).then_some(1),
    }
}

fn set(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let start = 1 + usize::from(negated);
    // A bracket that stands first is a member.
    let end = start
        + 1
        + pattern
            .get(start + 1..)?
            .iter()
            .position(|byte| *byte == b']')?;
    let members = &pattern[start..end];
    let byte = case.of(byte);
    let mut inside = false;
    let mut at = 0;
    while at < members.len() {
        let low = case.of(members[at]);
        if at + 2 < members.len() && members[at + 1] == b'-' {
            inside |= (low..=case.of(members[at + 2])).contains(&byte);
            at += 3;
        } else {
            inside |= low == byte;
            at += 1;
        }
    }
    (inside != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

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
                yes.starts_with('\0') || matches(pattern.as_bytes(), yes.as_bytes(), Case::Ignored),
                "{pattern} {yes}"
            );
            assert!(
                no.starts_with('\0') || !matches(pattern.as_bytes(), no.as_bytes(), Case::Ignored),
                "{pattern} {no}"
            );
        }
    }

    #[test]
    fn letters_are_of_their_case_or_of_both() {
        for pattern in ["x-a", "[x]-A", "\\x-?", "[w-y]-*"] {
            assert!(
                matches(pattern.as_bytes(), b"X-A", Case::Ignored),
                "{pattern}"
            );
            assert!(
                !matches(pattern.as_bytes(), b"X-A", Case::Exact),
                "{pattern}"
            );
        }
        assert!(matches(b"X-[A-C]", b"X-B", Case::Exact));
    }
}
