//! Lists: the elements of all headers of one name, through lines and commas alike.

use memchr::{memchr, memchr2, memchr3};

use super::index::Line;
use super::{Element, Message};
use crate::grammar::Cursor;
use crate::{Fault, HeaderName, Span};

/// A value that knows where it ends: at a comma, or at the end of the bytes.
pub(crate) trait Value<'a>: Sized {
    /// Reads one value, and the blanks behind it.
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault>;
}

/// One element of any list as written: quotes and angle brackets hide commas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a>(pub(crate) &'a [u8]);

impl<'a> Value<'a> for Raw<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        cursor.skip_blanks();
        let start = cursor.at;
        let mut open_quote = false;
        loop {
            let rest = cursor.bytes.get(cursor.at..).unwrap_or_default();
            let found = if open_quote {
                memchr2(b',', b'<', rest)
            } else {
                memchr3(b',', b'<', b'"', rest)
            };
            cursor.at += found.unwrap_or(rest.len());
            match cursor.peek() {
                None | Some(b',') => break,
                Some(b'<') => {
                    let rest = &cursor.bytes[cursor.at..];
                    cursor.at += memchr(b'>', rest).map_or(rest.len(), |len| len + 1);
                }
                Some(_) => {
                    // An open quote is for whoever reads the value; here it hides nothing, and neither do
                    // those behind it: asking each of them would cost the square of the value.
                    let open = cursor.at;
                    if cursor.quoted().is_err() {
                        open_quote = true;
                        cursor.at = open + 1;
                    }
                }
            }
        }
        Ok(Self(crate::grammar::trim(cursor.since(start))))
    }
}

/// Walks the elements of one name.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a> {
    message: &'a Message,
    name: HeaderName,
    line: usize,
    /// In the value of the line before `line`.
    cursor: Cursor<'a>,
    base: u16,
}

impl<'a> Elements<'a> {
    pub(super) fn new(message: &'a Message, name: HeaderName) -> Self {
        let line = usize::from(message.index.first(name));
        Self {
            message,
            name,
            line,
            cursor: Cursor::new(b""),
            base: 0,
        }
    }

    /// The next element, or what is wrong with it; the fault's place is in the message.
    pub(super) fn read<T: Value<'a>>(&mut self) -> Option<Result<Element<'a, T>, Fault>> {
        if self.cursor.at >= self.cursor.bytes.len() {
            self.enter_next_line()?;
        }
        self.cursor.skip_blanks();
        let start = self.cursor.at;
        let read = T::read(&mut self.cursor);
        let read = read.and_then(|value| {
            let raw = crate::grammar::trim(self.cursor.since(start));
            let span = Span::new(start, start + raw.len()).shifted(self.base);
            self.cursor.skip_blanks();
            if self.cursor.peek().is_some() {
                self.cursor.expect(b',')?;
                // A comma with nothing behind it separates nothing.
                self.cursor.skip_blanks();
            }
            Ok(Element { value, raw, span })
        });
        Some(read.map_err(|fault| {
            self.cursor.at = self.cursor.bytes.len();
            fault.shifted(self.base.into()).in_header(self.name)
        }))
    }

    fn enter_next_line(&mut self) -> Option<()> {
        loop {
            let line: &Line = self.message.index.lines.get(self.line)?;
            self.line += 1;
            if line.name == self.name && !line.value.is_empty() {
                self.base = line.value.start;
                self.cursor = Cursor::new(line.value.of(self.message.bytes()));
                return Some(());
            }
        }
    }
}
