//! The source: a script with all its includes in place.
//!
//! Includes are textual and line based, done before anything else, and know nothing of comments and strings. Each line
//! of the flattened text remembers the file and line it came from; a file included twice counts as two files, so that
//! the way to it can be shown.

use std::io;
use std::path::{Path, PathBuf};

use crate::limits::{
    COLUMNS_COUNTED_MAX, ERRORS_MAX, FILES_MAX, INCLUDE_DEPTH_MAX, SOURCE_BYTES_MAX,
};
use crate::loader::Loader;
use crate::preprocess;
use crate::program::Position;

/// A stretch of the flattened text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Span {
        // The source is bounded far below 4 GiB.
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    pub(crate) fn to(self, other: Span) -> Span {
        Span {
            start: self.start,
            end: other.end.max(self.end),
        }
    }

    /// The empty stretch behind this one: where something is missing.
    pub(crate) fn after(self) -> Span {
        Span {
            start: self.end,
            end: self.end,
        }
    }
}

/// A stretch of one line of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: u16,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) end_column: u32,
}

/// What went wrong in bringing the text together.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) reason: String,
    pub(crate) hint: Option<String>,
    /// Only a file is missing: what else was read stands as it was written.
    pub(crate) leaves_rest: bool,
}

/// A file as it was read.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) included_at: Option<(u16, u32)>,
    pub(crate) text: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) bytes: Vec<u8>,
    pub(crate) files: Vec<File>,
    pub(crate) lines: Vec<Line>,
    /// The text went through a preprocessor: it is not what the files say.
    pub(crate) is_preprocessed: bool,
    pub(crate) faults: Vec<Fault>,
    /// Bytes of all files: a large file of includes of itself must not fill the memory.
    read: usize,
}

/// Where a line of the text begins, and where it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) start: u32,
    pub(crate) file: u16,
    pub(crate) number: u32,
}

impl Source {
    /// Reads a script and everything it includes. What fails is in `faults`.
    pub(crate) fn read(path: &Path, loader: &mut dyn Loader) -> Source {
        let mut source = Source::default();
        match loader.read(path) {
            Ok(text) => {
                source.add_file(path, text, None, 1, loader);
                if source.faults.is_empty() && loader.has_preprocessor() {
                    source.preprocess(loader);
                }
            }
            Err(error) => {
                source.files.push(File {
                    name: path.display().to_string(),
                    ..File::default()
                });
                let place = Place {
                    file: 0,
                    line: 0,
                    column: 0,
                    end_column: 0,
                };
                let reason = format!("cannot read the script: {error}");
                source.faults.push(Fault {
                    place,
                    reason,
                    hint: None,
                    leaves_rest: false,
                });
            }
        }
        source
    }

    fn add_file(
        &mut self,
        path: &Path,
        text: Vec<u8>,
        included_at: Option<(u16, u32)>,
        depth: usize,
        loader: &mut dyn Loader,
    ) {
        let file = self.files.len() as u16;
        self.files.push(File {
            name: path.display().to_string(),
            included_at,
            text: Vec::new(),
        });
        self.read += text.len();
        if self.read > SOURCE_BYTES_MAX {
            let place = Place {
                file,
                line: 0,
                column: 0,
                end_column: 0,
            };
            return self.fault(
                place,
                format!("the script has more than {SOURCE_BYTES_MAX} bytes"),
                None,
            );
        }
        if is_binary(&text) {
            let place = Place {
                file,
                line: 0,
                column: 0,
                end_column: 0,
            };
            return self.fault(place, "this is not a text file", None);
        }
        for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let number = index as u32 + 1;
            if let Some(nul) = line.iter().position(|byte| *byte == 0) {
                let place = Place {
                    file,
                    line: number,
                    column: characters(&line[..nul]) + 1,
                    end_column: characters(&line[..nul]) + 2,
                };
                self.fault(place, "a NUL byte: this is not a text file", None);
                break;
            }
            match include_of(line) {
                Some(include) => self.include(path, file, number, include, depth, loader),
                None => self.add_line(file, number, line),
            }
        }
        self.files[usize::from(file)].text = text;
    }

    fn preprocess(&mut self, loader: &mut dyn Loader) {
        let reason = match loader.preprocess(preprocess::mark(self)) {
            Ok(processed) if processed.len() > SOURCE_BYTES_MAX => {
                format!("the preprocessor made more than {SOURCE_BYTES_MAX} bytes of it")
            }
            Ok(processed) if processed.contains(&0) => {
                "the preprocessor made NUL bytes of it: this is not a text".to_owned()
            }
            Ok(processed) => return preprocess::take(self, &processed),
            Err(error) => {
                let error = preprocess::placed(self, &error);
                format!("the preprocessor failed: {error}")
            }
        };
        let place = Place {
            file: 0,
            line: 0,
            column: 0,
            end_column: 0,
        };
        self.fault(place, reason, None);
    }

    /// Puts another text in the place of this one.
    pub(crate) fn replace(&mut self, bytes: Vec<u8>, lines: Vec<Line>) {
        self.bytes = bytes;
        self.lines = lines;
        self.is_preprocessed = true;
    }

    /// The whole line that a stretch begins on, as the preprocessor made it; `None` if there was none.
    pub(crate) fn preprocessed_line(&self, span: Span) -> Option<&[u8]> {
        if !self.is_preprocessed {
            return None;
        }
        let after = self.lines.partition_point(|line| line.start <= span.start);
        let start = self.lines.get(after.checked_sub(1)?)?.start as usize;
        let end = self
            .lines
            .get(after)
            .map_or(self.bytes.len(), |next| next.start as usize);
        self.bytes.get(start..end)
    }

    fn include(
        &mut self,
        from: &Path,
        file: u16,
        number: u32,
        include: Include<'_>,
        depth: usize,
        loader: &mut dyn Loader,
    ) {
        let place = Place {
            file,
            line: number,
            column: include.column + 1,
            end_column: include.column + characters(include.path) + 1,
        };
        if depth >= INCLUDE_DEPTH_MAX {
            let reason = format!("more than {INCLUDE_DEPTH_MAX} files include each other");
            return self.fault(place, reason, Some("does a file include itself?".into()));
        }
        if self.files.len() >= FILES_MAX {
            return self.fault(place, format!("more than {FILES_MAX} files"), None);
        }
        let named = PathBuf::from(String::from_utf8_lossy(include.path).into_owned());
        match find(&named, from, loader) {
            Ok((path, text)) => self.add_file(&path, text, Some((file, number)), depth + 1, loader),
            Err(error) => {
                let hint = named.is_relative().then(|| {
                    "looked for in the directory the server starts in, then beside the including file".into()
                });
                let before = self.faults.len();
                self.fault(
                    place,
                    format!("cannot read the included file: {error}"),
                    hint,
                );
                for fault in &mut self.faults[before..] {
                    fault.leaves_rest = true;
                }
            }
        }
    }

    fn add_line(&mut self, file: u16, number: u32, line: &[u8]) {
        self.lines.push(Line {
            start: self.bytes.len() as u32,
            file,
            number,
        });
        self.bytes.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            self.bytes.push(b'\n');
        }
    }

    fn fault(&mut self, place: Place, reason: impl Into<String>, hint: Option<String>) {
        // A file that is included again has the same faults again.
        let name = |file: u16| {
            self.files
                .get(usize::from(file))
                .map(|file| file.name.as_str())
        };
        let is_known = self.faults.iter().any(|fault| {
            fault.place.line == place.line && name(fault.place.file) == name(place.file)
        });
        if !is_known && self.faults.len() <= ERRORS_MAX {
            self.faults.push(Fault {
                place,
                reason: reason.into(),
                hint,
                leaves_rest: false,
            });
        }
    }

    /// The text of a stretch.
    pub(crate) fn text(&self, span: Span) -> &[u8] {
        self.bytes
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// Where a stretch was written; what spans lines is cut to the first.
    pub(crate) fn place(&self, span: Span) -> Place {
        let after = self.lines.partition_point(|line| line.start <= span.start);
        let Some(line) = after.checked_sub(1).and_then(|index| self.lines.get(index)) else {
            return Place {
                file: 0,
                line: 0,
                column: 0,
                end_column: 0,
            };
        };
        let next = self
            .lines
            .get(after)
            .map_or(self.bytes.len() as u32, |next| next.start);
        let end = span.end.min(next.saturating_sub(1)).max(span.start);
        let between = |start, end| characters(self.text(Span { start, end }));
        let column = between(line.start, span.start) + 1;
        let end_column = column + between(span.start, end);
        Place {
            file: line.file,
            line: line.number,
            column,
            end_column,
        }
    }

    /// The same, as the program keeps it.
    pub(crate) fn position(&self, span: Span) -> Position {
        let place = self.place(span);
        Position {
            file: place.file,
            column: u16::try_from(place.column).unwrap_or(u16::MAX),
            line: place.line,
        }
    }

    /// The line where the text ends.
    pub(crate) fn end(&self) -> Span {
        let last = self.bytes.len().saturating_sub(1);
        Span::new(last, last)
    }
}

/// A program, a picture: its beginning is full of bytes that no text has.
fn is_binary(text: &[u8]) -> bool {
    let beginning = &text[..text.len().min(1024)];
    let is_odd = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 8);
    beginning.iter().filter(is_odd).count() > 8 + beginning.len() / 32
}

fn find(named: &Path, from: &Path, loader: &mut dyn Loader) -> io::Result<(PathBuf, Vec<u8>)> {
    let first = match loader.read(named) {
        Ok(text) => return Ok((named.to_owned(), text)),
        Err(error) => error,
    };
    if named.is_absolute() || first.kind() != io::ErrorKind::NotFound {
        return Err(first);
    }
    let beside = from.parent().unwrap_or(Path::new("")).join(named);
    loader
        .read(&beside)
        .map(|text| (beside, text))
        .map_err(|_| first)
}

struct Include<'a> {
    path: &'a [u8],
    column: u32,
}

/// Columns count characters, as editors do. On a line that nobody wrote by hand they count bytes: a program asks for as
/// many places as it has operations.
fn characters(text: &[u8]) -> u32 {
    if text.len() > COLUMNS_COUNTED_MAX {
        return text.len() as u32;
    }
    let is_first = |byte: &&u8| **byte & 0xc0 != 0x80;
    text.iter().filter(is_first).count() as u32
}

/// The path that this line includes, if it does.
fn include_of(line: &[u8]) -> Option<Include<'_>> {
    let rest = line.trim_ascii_start();
    let rest = rest
        .strip_prefix(b"include_file")
        .or_else(|| rest.strip_prefix(b"import_file"))?;
    let rest = rest.trim_ascii_start();
    let (quote, rest) = rest.split_first()?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let end = rest.iter().position(|byte| byte == quote)?;
    // The shortest path OpenSIPS accepts has two bytes.
    (end >= 2).then(|| Include {
        path: &rest[..end],
        column: characters(&line[..line.len() - rest.len()]),
    })
}
