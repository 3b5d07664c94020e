//! From a scenario file to elements that know where they stand. `quick-xml` reads the tokens.
//!
//! As lenient as scenario files need it: text that is no UTF-8 passes in CDATA, a lone `&` in an attribute is itself.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use super::diagnostic::{Diagnostic, Source};
use super::limits::{DEPTH_MAX, ELEMENTS_MAX, FILE_MAX};

#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// Where its name stands.
    pub(crate) at: Range<usize>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Element>,
    /// Its CDATA, where it stands in the file.
    pub(crate) data: Vec<Range<usize>>,
    /// Text beside the CDATA that is not blank.
    pub(crate) stray: Option<Range<usize>>,
}

#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Where its name stands.
    pub(crate) at: Range<usize>,
    /// Where its value stands.
    pub(crate) value_at: Range<usize>,
}

/// The root element.
pub(crate) fn read(source: &Source) -> Result<Element, Diagnostic> {
    if source.bytes.len() > FILE_MAX {
        return Err(source.diagnostic(
            0..1,
            format!("the file is longer than {FILE_MAX} bytes"),
            "",
        ));
    }
    let mut reader = Reader::from_reader(&source.bytes[..]);
    let mut builder = Builder {
        source,
        open: Vec::new(),
        root: None,
        count: 0,
    };
    loop {
        let before = reader.buffer_position() as usize;
        let event = reader.read_event();
        let after = reader.buffer_position() as usize;
        let event = event.map_err(|error| {
            let at = reader.error_position() as usize;
            source.diagnostic(at..at + 1, format!("this is not XML: {error}"), "")
        })?;
        match event {
            Event::Eof => break,
            Event::Start(start) => {
                let element = builder.element(&start)?;
                if builder.open.len() == DEPTH_MAX {
                    let message = format!("elements stand deeper than {DEPTH_MAX} in each other");
                    return Err(source.diagnostic(element.at, message, ""));
                }
                builder.open.push(element);
            }
            Event::Empty(start) => {
                let element = builder.element(&start)?;
                builder.close(element)?;
            }
            // The reader compares the names.
            Event::End(_) => {
                if let Some(element) = builder.open.pop() {
                    builder.close(element)?;
                }
            }
            Event::CData(data) => {
                let at = builder.span(&data);
                if let Some(element) = builder.open.last_mut() {
                    element.data.push(at);
                }
            }
            Event::Text(text) if !text.trim_ascii().is_empty() => builder.stray(before..after),
            Event::GeneralRef(_) => builder.stray(before..after),
            Event::Text(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
    if let Some(open) = builder.open.pop() {
        let message = format!("`{}` is not closed", open.name);
        return Err(source.diagnostic(open.at, message, ""));
    }
    builder
        .root
        .ok_or_else(|| source.diagnostic(0..1, "there is no element", "a file begins <scenario>"))
}

struct Builder<'a> {
    source: &'a Source,
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Builder<'_> {
    /// Where a piece that the reader borrowed stands in the file.
    fn span(&self, piece: &[u8]) -> Range<usize> {
        let start = (piece.as_ptr() as usize).wrapping_sub(self.source.bytes.as_ptr() as usize);
        let start = start.min(self.source.bytes.len());
        start..(start + piece.len()).min(self.source.bytes.len())
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Result<Element, Diagnostic> {
        self.count += 1;
        let name = start.name();
        let at = self.span(name.as_ref());
        if self.count > ELEMENTS_MAX {
            let message = format!("more than {ELEMENTS_MAX} elements");
            return Err(self.source.diagnostic(at, message, ""));
        }
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| {
                self.source
                    .diagnostic(at.clone(), format!("a broken attribute: {error}"), "")
            })?;
            let value_at = self.span(&attribute.value);
            let raw = String::from_utf8_lossy(&attribute.value);
            let value = unescape(&raw).map_or_else(|_| raw.to_string(), |value| value.to_string());
            attributes.push(Attribute {
                name: String::from_utf8_lossy(attribute.key.as_ref()).into_owned(),
                value,
                at: self.span(attribute.key.as_ref()),
                value_at,
            });
        }
        Ok(Element {
            name: String::from_utf8_lossy(name.as_ref()).into_owned(),
            at,
            attributes,
            children: Vec::new(),
            data: Vec::new(),
            stray: None,
        })
    }

    fn close(&mut self, element: Element) -> Result<(), Diagnostic> {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.root.is_none() => self.root = Some(element),
            None => {
                return Err(self.source.diagnostic(
                    element.at,
                    "a second root element",
                    "a file is one <scenario>",
                ));
            }
        }
        Ok(())
    }

    fn stray(&mut self, at: Range<usize>) {
        let text = &self.source.bytes[at.clone()];
        let blank = text.len() - text.trim_ascii_start().len();
        if let Some(element) = self.open.last_mut() {
            element
                .stray
                .get_or_insert(at.start + blank..at.start + blank + text.trim_ascii().len());
        }
    }
}
