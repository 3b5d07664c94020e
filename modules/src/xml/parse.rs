//! From text to elements. `quick-xml` reads the tokens; what makes them a document is checked here.
//!
//! There are the five entities that XML itself knows and no others: a definition of one is refused, so none can be
//! outside, and none can grow.

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};

use super::limits::{DEPTH_MAX, NODES_MAX, TEXT_MAX};
use super::tree::{Block, Element, Node};

/// One root element and what stands around it. The error is for a person.
pub(super) fn parse(text: &[u8]) -> Result<Block, String> {
    if text.len() > TEXT_MAX {
        return Err(format!("longer than {TEXT_MAX} bytes"));
    }
    let text = std::str::from_utf8(text).map_err(|_| "not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut builder = Builder::default();
    loop {
        let event = reader.read_event();
        let at = reader.buffer_position();
        let said = |why: String| format!("{why} (byte {at})");
        match event.map_err(|error| said(error.to_string()))? {
            Event::Eof => break,
            event => builder.take(event).map_err(said)?,
        }
    }
    if let Some(open) = builder.open.last() {
        return Err(format!("`{}` is not closed", open.name));
    }
    let root = builder.root.ok_or("there is no element")?;
    Ok(Block {
        before: builder.before,
        root,
        after: builder.after,
    })
}

#[derive(Default)]
struct Builder {
    before: Vec<Node>,
    open: Vec<Element>,
    root: Option<Element>,
    after: Vec<Node>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err("too many elements".to_owned());
        }
        match event {
            Event::Start(start) => {
                if self.open.len() == DEPTH_MAX {
                    return Err(format!("nested deeper than {DEPTH_MAX}"));
                }
                let element = self.element(&start)?;
                self.open.push(element);
            }
            Event::Empty(start) => {
                let element = self.element(&start)?;
                self.close(element)?;
            }
            Event::End(_) => {
                // The reader compares the names.
                let element = self.open.pop().ok_or("nothing is open")?;
                self.close(element)?;
            }
            Event::Text(text) => self.text(&text.decode().map_err(|e| e.to_string())?)?,
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|e| e.to_string())?;
                match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                    Some(letter) if is_text(letter) => {
                        self.text(letter.encode_utf8(&mut [0; 4]))?;
                    }
                    Some(_) => return Err("a character that XML does not have".to_owned()),
                    None => {
                        let text = resolve_predefined_entity(&name)
                            .ok_or_else(|| format!("the entity `{name}` is not known"))?;
                        self.text(text)?;
                    }
                }
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|e| e.to_string())?;
                if self.open.is_empty() {
                    return Err("text outside of the root".to_owned());
                }
                self.node(Node::Characters(text.into_owned()));
            }
            Event::Comment(text) => {
                let text = text.decode().map_err(|e| e.to_string())?;
                self.node(Node::Other(format!("<!--{text}-->")));
            }
            Event::PI(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                self.node(Node::Other(format!("<?{text}?>")));
            }
            Event::Decl(text) => {
                if !self.before.is_empty() || !self.open.is_empty() || self.root.is_some() {
                    return Err("the declaration does not stand first".to_owned());
                }
                let text = String::from_utf8_lossy(&text).into_owned();
                self.node(Node::Other(format!("<?{text}?>")));
            }
            Event::DocType(text) => {
                let text = text.decode().map_err(|e| e.to_string())?;
                if text.contains('[') {
                    return Err("definitions are not taken".to_owned());
                }
                if !self.open.is_empty() || self.root.is_some() {
                    return Err("the document type does not stand before the root".to_owned());
                }
                self.node(Node::Other(format!("<!DOCTYPE {text}>")));
            }
            Event::Eof => {}
        }
        Ok(())
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Result<Element, String> {
        if self.open.is_empty() && self.root.is_some() {
            return Err("a second root".to_owned());
        }
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let text = |bytes: &[u8]| {
                std::str::from_utf8(bytes)
                    .map(str::to_owned)
                    .map_err(|error| error.to_string())
            };
            if attribute.value.contains(&b'<') {
                return Err("`<` in an attribute".to_owned());
            }
            let value = text(&attribute.value)?;
            let value = unescape(&value).map_err(|error| error.to_string())?;
            attributes.push((
                checked_name(text(attribute.key.as_ref())?)?,
                checked_text(&value)?.to_owned(),
            ));
            self.nodes += 1;
        }
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        Ok(Element {
            name: checked_name(name)?,
            attributes,
            children: Vec::new(),
        })
    }

    fn close(&mut self, element: Element) -> Result<(), String> {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    /// Text comes in pieces where it holds references.
    fn text(&mut self, text: &str) -> Result<(), String> {
        checked_text(text)?;
        let is_blank = text
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        if self.open.is_empty() && !is_blank {
            return Err("text outside of the root".to_owned());
        }
        let list = self.list();
        match list.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => list.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn node(&mut self, node: Node) {
        self.list().push(node);
    }

    fn list(&mut self) -> &mut Vec<Node> {
        match (self.open.last_mut(), &self.root) {
            (Some(parent), _) => &mut parent.children,
            (None, None) => &mut self.before,
            (None, Some(_)) => &mut self.after,
        }
    }
}

/// A name as XML has it; beyond ASCII every letter is taken.
pub(super) fn checked_name(name: String) -> Result<String, String> {
    let begins =
        |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || byte >= 0x80;
    let goes_on = |byte: u8| begins(byte) || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let bytes = name.as_bytes();
    if bytes.first().is_some_and(|first| begins(*first)) && bytes.iter().all(|one| goes_on(*one)) {
        Ok(name)
    } else {
        Err(format!("`{}` is no name", name.escape_debug()))
    }
}

/// Text without what XML 1.0 has no way to write.
pub(super) fn checked_text(text: &str) -> Result<&str, String> {
    if text.chars().all(is_text) {
        Ok(text)
    } else {
        Err("a character that XML does not have".to_owned())
    }
}

fn is_text(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}
