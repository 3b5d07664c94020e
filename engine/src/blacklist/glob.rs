//! Shell patterns over a whole message: `*`, `?`, `[a-z]` and `\` before what is meant literally (POSIX fnmatch without flags).

/// Whether the whole of `text` matches `pattern`.
///
/// A star is tried at its shortest first; when what follows fails, the last star takes one byte
/// more. Earlier stars never need to: whatever they would take, the last one can take as well.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while from < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at + 1, from));
            at += 1;
            continue;
        }
        if let Some(width) = one(&pattern[at..], text[from]) {
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
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => set(pattern, byte),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        other => (*other == byte).then_some(1),
    }
}

fn set(pattern: &[u8], byte: u8) -> Option<usize> {
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
    let mut inside = false;
    let mut at = 0;
    while at < members.len() {
        let low = members[at];
        if at + 2 < members.len() && members[at + 1] == b'-' {
            inside |= (low..=members[at + 2]).contains(&byte);
            at += 3;
        } else {
            inside |= low == byte;
            at += 1;
        }
    }
    (inside != negated).then_some(end + 1)
}
