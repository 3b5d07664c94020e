//! Elements, attributes and text, as they were written: blanks, comments and prefixes stay.

use super::path::Step;

/// A document, or a block to be inserted: one root, and what stands around it.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) before: Vec<Node>,
    pub(super) root: Element,
    pub(super) after: Vec<Node>,
}

/// An element.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
}

/// What stands in an element.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
    /// `<![CDATA[..]]>`: text that is written back as it came.
    Characters(String),
    /// A comment, a processing instruction, the declaration: only written back, whole.
    Other(String),
}

/// Nodes and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) nodes: usize,
    pub(super) bytes: usize,
}

impl std::ops::Add for Size {
    type Output = Size;
    fn add(self, other: Size) -> Size {
        Size {
            nodes: self.nodes + other.nodes,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl std::ops::Sub for Size {
    type Output = Size;
    /// Nothing is less than none: the name of an attribute may go a little over a bound, and leaves no room then.
    fn sub(self, other: Size) -> Size {
        Size {
            nodes: self.nodes.saturating_sub(other.nodes),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

impl std::iter::Sum for Size {
    fn sum<I: Iterator<Item = Size>>(sizes: I) -> Size {
        sizes.fold(Size::default(), |sum, one| sum + one)
    }
}

impl Block {
    pub(super) fn size(&self) -> Size {
        let around: Size = self.before.iter().chain(&self.after).map(Node::size).sum();
        around + self.root.size()
    }

    /// The element at the end of these steps, the first of which is the root.
    pub(super) fn find(&self, steps: &[Step<'_>]) -> Option<&Element> {
        let (first, rest) = steps.split_first()?;
        if first.index != 0 || !is_named(&self.root.name, &first.name) {
            return None;
        }
        rest.iter()
            .try_fold(&self.root, |element, step| element.child(step))
    }

    pub(super) fn find_mut(&mut self, steps: &[Step<'_>]) -> Option<&mut Element> {
        let (first, rest) = steps.split_first()?;
        if first.index != 0 || !is_named(&self.root.name, &first.name) {
            return None;
        }
        rest.iter().try_fold(&mut self.root, |element, step| {
            let place = element.place(step)?;
            match &mut element.children[place] {
                Node::Element(child) => Some(child),
                _ => None,
            }
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for node in &self.before {
            node.write(out);
        }
        self.root.write(out);
        for node in &self.after {
            node.write(out);
        }
    }
}

impl Element {
    /// Where a child stands among all children.
    pub(super) fn place(&self, step: &Step<'_>) -> Option<usize> {
        let places = self.children.iter().enumerate();
        places
            .filter(
                |(_, node)| matches!(node, Node::Element(one) if is_named(&one.name, &step.name)),
            )
            .map(|(place, _)| place)
            .nth(step.index)
    }

    fn child(&self, step: &Step<'_>) -> Option<&Element> {
        match &self.children[self.place(step)?] {
            Node::Element(child) => Some(child),
            _ => None,
        }
    }

    /// Its own text, that of its children not counted. False if there is none.
    pub(super) fn text(&self, out: &mut Vec<u8>) -> bool {
        let mut is_there = false;
        for node in &self.children {
            if let Node::Text(text) | Node::Characters(text) = node {
                out.extend_from_slice(text.as_bytes());
                is_there = true;
            }
        }
        is_there
    }

    /// Puts a text in the place of its own, which stands where the first piece of that was, or behind everything.
    pub(super) fn set_text(&mut self, text: Option<String>) {
        let is_text = |node: &Node| matches!(node, Node::Text(_) | Node::Characters(_));
        let place = self.children.iter().position(is_text);
        self.children.retain(|node| !is_text(node));
        if let Some(text) = text {
            let place = place.unwrap_or(self.children.len());
            self.children.insert(place, Node::Text(text));
        }
    }

    pub(super) fn attribute(&self, name: &[u8]) -> Option<&str> {
        let place = self.attribute_place(name)?;
        Some(&self.attributes[place].1)
    }

    pub(super) fn set_attribute(&mut self, name: &str, value: Option<String>) {
        match (self.attribute_place(name.as_bytes()), value) {
            (Some(place), Some(value)) => self.attributes[place].1 = value,
            (Some(place), None) => drop(self.attributes.remove(place)),
            (None, Some(value)) => self.attributes.push((name.to_owned(), value)),
            (None, None) => {}
        }
    }

    /// Itself and the elements within each other below it.
    pub(super) fn depth(&self) -> usize {
        let below = self.children.iter().map(|node| match node {
            Node::Element(child) => child.depth(),
            _ => 0,
        });
        1 + below.max().unwrap_or(0)
    }

    fn attribute_place(&self, name: &[u8]) -> Option<usize> {
        self.attributes
            .iter()
            .position(|(one, _)| is_named(one, name))
    }

    pub(super) fn size(&self) -> Size {
        let attributes = self.attributes.iter().map(|(name, value)| Size {
            nodes: 1,
            bytes: name.len() + value.len(),
        });
        let own = Size {
            nodes: 1,
            bytes: self.name.len(),
        };
        own + attributes.sum() + self.children.iter().map(Node::size).sum()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'<');
        out.extend_from_slice(self.name.as_bytes());
        for (name, value) in &self.attributes {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"=\"");
            escape(value, true, out);
            out.push(b'"');
        }
        if self.children.is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        for child in &self.children {
            child.write(out);
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'>');
    }
}

impl Node {
    fn size(&self) -> Size {
        match self {
            Node::Element(element) => element.size(),
            Node::Text(text) | Node::Characters(text) | Node::Other(text) => Size {
                nodes: 1,
                bytes: text.len(),
            },
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Node::Element(element) => element.write(out),
            Node::Text(text) => escape(text, false, out),
            Node::Characters(text) => {
                out.extend_from_slice(b"<![CDATA[");
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"]]>");
            }
            Node::Other(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

/// A script may leave a prefix out.
fn is_named(name: &str, wanted: &[u8]) -> bool {
    let local = name.split_once(':').map_or(name, |(_, local)| local);
    name.as_bytes() == wanted || local.as_bytes() == wanted
}

fn escape(text: &str, in_attribute: bool, out: &mut Vec<u8>) {
    for &byte in text.as_bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' if in_attribute => out.extend_from_slice(b"&quot;"),
            // A reader makes blanks of these in an attribute, and a line feed of that in a text.
            b'\n' if in_attribute => out.extend_from_slice(b"&#10;"),
            b'\t' if in_attribute => out.extend_from_slice(b"&#9;"),
            b'\r' => out.extend_from_slice(b"&#13;"),
            _ => out.push(byte),
        }
    }
}
