//! The file of groups: a line in brackets opens one, each other line is an expression of it.

use super::{Expression, Flags};

/// Compiles the groups of a file. The error is for a person, with the line.
pub(super) fn read(
    text: &[u8],
    flags: Flags,
    groups_max: usize,
    bytes_max: usize,
) -> Result<Vec<Expression>, String> {
    let mut groups: Vec<Group> = Vec::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.first() {
            None | Some(b' ' | b'\t' | b'#') => continue,
            Some(b'[') if groups.len() == groups_max => {
                return Err(format!(
                    "line {number}: more than {groups_max} groups (max_groups)"
                ));
            }
            // The number in brackets only says that something begins.
            Some(b'[') => groups.push(Group {
                line: number,
                text: String::new(),
            }),
            Some(_) => {
                let Some(group) = groups.last_mut() else {
                    return Err(format!(
                        "line {number}: an expression before the first `[0]`"
                    ));
                };
                let line =
                    std::str::from_utf8(line).map_err(|_| format!("line {number}: not UTF-8"))?;
                // By itself first: the message says which line, and no line can close another's parenthesis.
                flags
                    .compile(line)
                    .map_err(|error| format!("line {number}: `{line}`: {error}"))?;
                group.add(line);
                if group.text.len() > bytes_max {
                    return Err(format!(
                        "line {number}: the group is longer than {bytes_max} bytes (group_max_size)"
                    ));
                }
            }
        }
    }
    groups
        .into_iter()
        .map(|group| group.compile(flags))
        .collect()
}

struct Group {
    line: usize,
    text: String,
}

impl Group {
    fn add(&mut self, line: &str) {
        self.text.push(if self.text.is_empty() { '(' } else { '|' });
        self.text.push('(');
        self.text.push_str(line);
        self.text.push(')');
    }

    fn compile(mut self, flags: Flags) -> Result<Expression, String> {
        let line = self.line;
        if self.text.is_empty() {
            // It would match everything.
            return Err(format!("line {line}: the group is empty"));
        }
        self.text.push(')');
        flags
            .compile(&self.text)
            .map_err(|error| format!("line {line}: the group: {error}"))
    }
}
