//! The operator's own preprocessor (`-p`): the flattened text goes through it before anything is read of it.
//!
//! So that what is wrong is still found where it was written, every line is preceded by a line marker of OpenSIPS
//! (script-language.md §1.2), which m4, sed and their like pass through. They may drop markers, repeat them, or join
//! one to the line before; what comes back is mapped by those that are left.

use std::io::Write as _;

use crate::source::{Line, Source};

const LINE: &[u8] = b"__OSSPP_LINE__ ";
const FILE_BEGIN: &[u8] = b"__OSSPP_FILEBEGIN__ ";
const FILE_END: &[u8] = b"__OSSPP_FILEEND__";

/// The text with its markers.
pub(crate) fn mark(source: &Source) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * source.bytes.len());
    let mut open: Vec<u16> = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        let chain = chain_of(source, line.file);
        let common = open
            .iter()
            .zip(&chain)
            .take_while(|(one, other)| one == other)
            .count();
        for _ in common..open.len() {
            out.extend_from_slice(FILE_END);
            out.push(b'\n');
        }
        for &file in &chain[common..] {
            out.extend_from_slice(FILE_BEGIN);
            let _ = writeln!(out, "\"{}\"", source.files[usize::from(file)].name);
        }
        open = chain;
        out.extend_from_slice(LINE);
        let _ = writeln!(out, "{}", line.number);
        let end = source
            .lines
            .get(at + 1)
            .map_or(source.bytes.len(), |next| next.start as usize);
        out.extend_from_slice(&source.bytes[line.start as usize..end]);
    }
    for _ in open {
        out.extend_from_slice(FILE_END);
        out.push(b'\n');
    }
    out
}

/// A file and those it was included from, outermost first.
fn chain_of(source: &Source, file: u16) -> Vec<u16> {
    let mut chain = vec![file];
    while let Some((from, _)) = source.files[usize::from(chain[0])].included_at {
        chain.insert(0, from);
    }
    chain
}

/// A complaint of the preprocessor, with the places that the operator knows. It counts the lines of what it was given, the
/// markers among them: `stdin:12:`.
pub(crate) fn placed(source: &Source, complaint: &str) -> String {
    const INPUT: &str = "stdin:";
    let marked = mark(source);
    let mut out = String::new();
    let mut rest = complaint;
    while let Some(at) = rest.find(INPUT) {
        let (before, after) = (&rest[..at], &rest[at + INPUT.len()..]);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let number = after[..digits].parse().ok();
        match number.and_then(|number| written_at(source, &marked, number)) {
            Some(line) if after[digits..].starts_with(':') => {
                let file = &source.files[usize::from(line.file)].name;
                out.push_str(&format!("{before}{file}:{}", line.number));
            }
            _ => out.push_str(&rest[..at + INPUT.len() + digits]),
        }
        rest = &after[digits..];
    }
    out + rest
}

/// The line that stands on this line of the marked text, or behind the markers there.
fn written_at(source: &Source, marked: &[u8], number: usize) -> Option<Line> {
    let is_text = |line: &&[u8]| !matches!(split(line), ([], Some(_)));
    let lines = marked.split_inclusive(|&byte| byte == b'\n');
    let before = lines.take(number.checked_sub(1)?).filter(is_text).count();
    source.lines.get(before).copied()
}

/// Replaces the text by what the preprocessor made of it, and takes the markers out again.
pub(crate) fn take(source: &mut Source, processed: &[u8]) {
    let mut bytes = Vec::with_capacity(processed.len());
    let mut lines = Vec::new();
    // Without any marker the lines are those of the output.
    let mut at = Line {
        start: 0,
        file: 0,
        number: 1,
    };
    let mut is_marked = false;
    let mut open: Vec<u16> = Vec::new();
    let mut latest = 0;
    for line in processed.split_inclusive(|&byte| byte == b'\n') {
        let (text, marker) = split(line);
        if !text.is_empty() {
            lines.push(Line {
                start: bytes.len() as u32,
                ..at
            });
            bytes.extend_from_slice(text);
            if !is_marked {
                at.number += 1;
            }
        }
        is_marked |= marker.is_some();
        match marker {
            Some(Marker::Line(number)) => at.number = number,
            Some(Marker::FileBegin(name)) => {
                let file = begun(source, name, open.last().copied(), latest);
                latest = file;
                open.push(file);
                at = Line {
                    start: 0,
                    file,
                    number: 1,
                };
            }
            Some(Marker::FileEnd) => {
                open.pop();
                at.file = open.last().copied().unwrap_or_default();
            }
            None => {}
        }
    }
    if !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    source.replace(bytes, lines);
}

/// Which file a marker means: a file may be included more than once, the next one of that name is meant.
fn begun(source: &Source, name: &[u8], within: Option<u16>, after: u16) -> u16 {
    let is_meant = |file: &u16| {
        let file = &source.files[usize::from(*file)];
        file.name.as_bytes() == name && file.included_at.map(|(from, _)| from) == within
    };
    let all = 0..source.files.len() as u16;
    let next = all.clone().filter(|file| *file > after).find(is_meant);
    next.or_else(|| all.clone().find(is_meant))
        .unwrap_or_default()
}

enum Marker<'a> {
    Line(u32),
    FileBegin(&'a [u8]),
    FileEnd,
}

/// What stands on a line before its marker, and the marker, which ends the line. A line that only holds a marker
/// has no text at all: it leaves nothing behind, also inside a string.
fn split(line: &[u8]) -> (&[u8], Option<Marker<'_>>) {
    let Some(at) = memchr::memmem::find(line, b"__OSSPP_") else {
        return (line, None);
    };
    let (text, rest) = line.split_at(at);
    let rest = rest.trim_ascii_end();
    let marker = if let Some(number) = rest.strip_prefix(LINE) {
        let number = std::str::from_utf8(number)
            .ok()
            .and_then(|number| number.parse().ok());
        number.map(Marker::Line)
    } else if let Some(name) = rest.strip_prefix(FILE_BEGIN) {
        name.strip_prefix(b"\"")
            .and_then(|name| name.strip_suffix(b"\""))
            .map(Marker::FileBegin)
    } else {
        (rest == FILE_END).then_some(Marker::FileEnd)
    };
    match marker {
        Some(marker) => (text, Some(marker)),
        None => (line, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InMemory;
    use expect_test::{Expect, expect};
    use std::path::Path;

    fn source() -> Source {
        let mut loader = InMemory::new(
            "main.cfg",
            "one\ninclude_file \"part.cfg\"\ntwo\ninclude_file \"part.cfg\"\nthree",
        )
        .with("part.cfg", "part\nmore\n");
        Source::read(Path::new("main.cfg"), &mut loader)
    }

    #[track_caller]
    fn is(bytes: &[u8], expected: Expect) {
        expected.assert_eq(&String::from_utf8_lossy(bytes));
    }

    fn map(source: &Source) -> String {
        let mut out = String::new();
        for (at, line) in source.lines.iter().enumerate() {
            let end = source
                .lines
                .get(at + 1)
                .map_or(source.bytes.len(), |next| next.start as usize);
            let text = String::from_utf8_lossy(&source.bytes[line.start as usize..end]);
            out.push_str(&format!("{}:{} {:?}\n", line.file, line.number, text));
        }
        out
    }

    #[test]
    fn every_line_is_marked() {
        is(
            &mark(&source()),
            expect![[r#"
            __OSSPP_FILEBEGIN__ "main.cfg"
            __OSSPP_LINE__ 1
            one
            __OSSPP_FILEBEGIN__ "part.cfg"
            __OSSPP_LINE__ 1
            part
            __OSSPP_LINE__ 2
            more
            __OSSPP_FILEEND__
            __OSSPP_LINE__ 3
            two
            __OSSPP_FILEBEGIN__ "part.cfg"
            __OSSPP_LINE__ 1
            part
            __OSSPP_LINE__ 2
            more
            __OSSPP_FILEEND__
            __OSSPP_LINE__ 5
            three
            __OSSPP_FILEEND__
        "#]],
        );
    }

    #[test]
    fn what_comes_back_untouched_is_what_went_out() {
        let mut source = source();
        let before = map(&source);
        let marked = mark(&source);
        take(&mut source, &marked);
        assert_eq!(map(&source), before);
    }

    #[test]
    fn lines_that_were_dropped_joined_or_added_keep_their_place() {
        let mut source = source();
        let marked = String::from_utf8(mark(&source)).expect("text");
        // m4: `dnl` joins, a macro becomes two lines, `divert` drops.
        let processed = marked
            .replacen("one\n", "one ", 1)
            .replacen("part\n", "pa\nrt\n", 1)
            .replacen("two\n", "", 1);
        take(&mut source, processed.as_bytes());
        is(
            map(&source).as_bytes(),
            expect![[r#"
                0:1 "one "
                1:1 "pa\n"
                1:1 "rt\n"
                1:2 "more\n"
                2:1 "part\n"
                2:2 "more\n"
                0:5 "three\n"
            "#]],
        );
    }

    #[test]
    fn a_complaint_is_about_the_lines_that_were_written() {
        let source = source();
        // The text of `more`, the marker before `two`, and what is no place of the input.
        is(
            placed(
                &source,
                "m4:stdin:8: bad\nm4:stdin:10: worse\nstdin:99999: stdin: stdin:7",
            )
            .as_bytes(),
            expect![[r#"
                m4:part.cfg:2: bad
                m4:main.cfg:3: worse
                stdin:99999: stdin: stdin:7"#]],
        );
    }

    #[test]
    fn without_markers_the_lines_of_the_output_count() {
        let mut source = source();
        take(&mut source, b"a\nb");
        is(
            map(&source).as_bytes(),
            expect![[r#"
            0:1 "a\n"
            0:2 "b\n"
        "#]],
        );
    }
}
