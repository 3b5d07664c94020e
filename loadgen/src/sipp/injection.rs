//! Files of values: `-inf FILE`.
//!
//! The first line says how calls choose theirs, then each line is a row, its fields separated by semicolons; lines
//! that begin with `#` are comments. Copied to every thread; a row is chosen by the number of the call (or its user).

use std::ops::Range;

use super::diagnostic::{Diagnostic, Source};
use super::limits::VALUES_MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Sequential,
    Random,
    /// Row n belongs to user n.
    User,
}

#[derive(Debug)]
pub(crate) struct Injection {
    pub(crate) source: Source,
    pub(crate) order: Order,
    rows: Vec<Range<u32>>,
    cells: Vec<Range<u32>>,
}

impl Injection {
    pub(crate) fn read(source: Source) -> Result<Self, Diagnostic> {
        if source.bytes.len() > VALUES_MAX {
            return Err(source.diagnostic(0..1, format!("longer than {VALUES_MAX} bytes"), ""));
        }
        let mut order = None;
        let (mut rows, mut cells) = (Vec::new(), Vec::new());
        let mut at = 0;
        for line in source.bytes.split(|&byte| byte == b'\n') {
            let start = at;
            at += line.len() + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if order.is_none() {
                order = Some(order_of(&source, line, start)?);
                continue;
            }
            if line.trim_ascii().is_empty() || line.starts_with(b"#") {
                continue;
            }
            let first = cells.len() as u32;
            let mut from = start as u32;
            for field in line.split(|&byte| byte == b';') {
                cells.push(from..from + field.len() as u32);
                from += field.len() as u32 + 1;
            }
            rows.push(first..cells.len() as u32);
        }
        if rows.is_empty() {
            let end = source.bytes.len();
            return Err(source.diagnostic(
                end.saturating_sub(1)..end,
                "there is no row of values",
                "after the first line come rows of fields: `alice;secret`",
            ));
        }
        Ok(Self {
            source,
            order: order.unwrap_or(Order::Sequential),
            rows,
            cells,
        })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Where a field stands in the file; `None` when its row is shorter.
    pub(crate) fn span(&self, row: usize, column: usize) -> Option<Range<usize>> {
        let row = self.rows.get(row)?;
        let place = row.start as usize + column;
        if place >= row.end as usize {
            return None;
        }
        let cell = self.cells.get(place)?;
        Some(cell.start as usize..cell.end as usize)
    }

    pub(crate) fn field(&self, row: usize, column: usize) -> &[u8] {
        self.span(row, column)
            .map_or(&[], |at| &self.source.bytes[at])
    }

    /// The first row that has no such field, as a place in the file.
    pub(crate) fn lacking(&self, column: usize) -> Option<Range<usize>> {
        let row = (0..self.rows()).find(|&row| self.span(row, column).is_none())?;
        let start = self.span(row, 0)?.start;
        let end = self.cells[self.rows[row].end as usize - 1].end as usize;
        Some(start..end)
    }
}

fn order_of(source: &Source, line: &[u8], start: usize) -> Result<Order, Diagnostic> {
    let at = start..start + line.len().max(1);
    let word = line.trim_ascii();
    let (word, rest) = match word.iter().position(|&byte| byte == b',') {
        Some(comma) => (&word[..comma], &word[comma..]),
        None => (word, &[][..]),
    };
    if !rest.is_empty() {
        return Err(source.diagnostic(
            at,
            "values made by PRINTF are not supported",
            "write the rows out: SEQUENTIAL, RANDOM or USER alone",
        ));
    }
    match word {
        b"SEQUENTIAL" => Ok(Order::Sequential),
        b"RANDOM" => Ok(Order::Random),
        b"USER" => Ok(Order::User),
        _ => Err(source.diagnostic(
            at,
            "the first line says how rows are chosen",
            "SEQUENTIAL, RANDOM or USER",
        )),
    }
}
