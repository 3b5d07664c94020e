//! `xml`: documents that scripts read, edit and write.
//!
//! Documents belong to the run, as `$var` does: nothing of them is shared between shards, and a run that waits keeps
//! its own. `parse` makes them, `tree` holds them, `path` leads into them. No definition of a document type is read:
//! there is nothing outside of what the script was given.

mod limits;
mod parse;
mod path;
mod tree;

use std::rc::Rc;

use engine::module::{Context, Exports, Module, PathText, Shape, VarArgs, Verdict};
use engine::run::{Reading, ValueRef};

use limits::{BYTES_MAX, DEPTH_MAX, DOCUMENTS_MAX, NODES_MAX};
use parse::{checked_name, checked_text, parse};
use path::{Access, Path};
use tree::{Block, Element, Node, Size};

/// The module.
#[derive(Debug, Default)]
pub(crate) struct Xml;

/// The documents of a run. Parking copies a pointer; whoever writes then makes a copy of its own.
#[derive(Clone, Debug, Default)]
struct Kept(Rc<Documents>);

#[derive(Clone, Debug, Default)]
struct Documents {
    list: Vec<(Box<[u8]>, Rc<Block>)>,
    size: Size,
}

/// Why nothing was changed.
#[derive(Debug, PartialEq)]
enum Refusal {
    /// There is no such place.
    NoPlace,
    /// What was assigned cannot stand there.
    Unfit(String),
}

impl Module for Xml {
    const NAME: &'static str = "xml";

    fn new() -> Self {
        Xml
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.set_variable(
            "xml",
            Shape::PATH,
            |_, cx, args, out| read(cx, args, out),
            |_, cx, args, value| write(cx, args, value),
        );
        exports.difference(
            "Documents belong to the run, as `$var` does. A document type with definitions in it is refused, and so are \
             entities other than XML's own five.",
        );
        exports.difference(
            "A prefix may be left out of the name of an element or attribute, or written: `soap:Body` is found as both. \
             `.val` is the text of the element itself; without any it is NULL.",
        );
    }
}

fn read(cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
    let Ok(path) = Path::parse(PathText::new(args.name())) else {
        return Reading::Null;
    };
    let Some(block) = cx.kept::<Kept>().0.find(&path.name) else {
        return Reading::Null;
    };
    if path.steps.is_empty() {
        block.write(out);
        return Reading::Text;
    }
    let Some(element) = block.find(&path.steps) else {
        return Reading::Null;
    };
    match &path.access {
        Access::Whole => element.write(out),
        Access::Text if element.text(out) => {}
        Access::Text => return Reading::Null,
        Access::Attribute(name) => {
            return Reading::maybe(element.attribute(name).map(str::as_bytes), out);
        }
    }
    Reading::Text
}

/// 1: done. -1: there is no such place, or what is assigned is not well-formed.
fn write(cx: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> Verdict {
    let text = PathText::new(args.name());
    let mut assigned = Vec::new();
    value.write(&mut assigned);
    let assigned = (!value.is_null()).then_some(&assigned[..]);
    let done = match Path::parse(text) {
        Ok(path) => Rc::make_mut(&mut cx.kept::<Kept>().0).assign(&path, assigned),
        Err(why) => Err(Refusal::Unfit(why.to_owned())),
    };
    let Err(refusal) = done else {
        return Verdict::OK;
    };
    let written = text.written();
    let path = String::from_utf8_lossy(&written);
    match refusal {
        Refusal::NoPlace => {
            const NOTICE: i8 = 2;
            cx.log_at(NOTICE, format_args!("$xml({path}): there is no such place"));
        }
        Refusal::Unfit(why) => cx.log_error(format_args!("$xml({path}): {why}")),
    }
    Verdict::FAIL
}

impl Documents {
    fn find(&self, name: &[u8]) -> Option<&Block> {
        let (_, block) = self.list.iter().find(|(one, _)| **one == *name)?;
        Some(block)
    }

    fn assign(&mut self, path: &Path<'_>, value: Option<&[u8]>) -> Result<(), Refusal> {
        let place = self.list.iter().position(|(one, _)| **one == *path.name);
        if path.steps.is_empty() {
            return self.replace(place, &path.name, value);
        }
        let place = place.ok_or(Refusal::NoPlace)?;
        // The root goes with its document.
        if let (Access::Whole, None, [root]) = (&path.access, value, &path.steps[..]) {
            if self.list[place]
                .1
                .find(std::slice::from_ref(root))
                .is_none()
            {
                return Err(Refusal::NoPlace);
            }
            return self.replace(Some(place), &path.name, None);
        }
        let room = Size {
            nodes: NODES_MAX,
            bytes: BYTES_MAX,
        } - self.size;
        let block = Rc::make_mut(&mut self.list[place].1);
        let (more, less) = match (&path.access, value) {
            (Access::Whole, None) => {
                let (last, before) = path.steps.split_last().ok_or(Refusal::NoPlace)?;
                let parent = block.find_mut(before).ok_or(Refusal::NoPlace)?;
                let place = parent.place(last).ok_or(Refusal::NoPlace)?;
                match parent.children.remove(place) {
                    Node::Element(gone) => (Size::default(), gone.size()),
                    _ => return Err(Refusal::NoPlace),
                }
            }
            (Access::Whole, Some(text)) => {
                let parent = block.find_mut(&path.steps).ok_or(Refusal::NoPlace)?;
                (
                    insert(parent, text, path.steps.len(), room)?,
                    Size::default(),
                )
            }
            (Access::Text | Access::Attribute(_), value) => {
                let element = block.find_mut(&path.steps).ok_or(Refusal::NoPlace)?;
                let before = element.size();
                let value = value.map(|text| plain(text, room)).transpose()?;
                match &path.access {
                    Access::Attribute(name) => {
                        let name = String::from_utf8_lossy(name).into_owned();
                        let name = checked_name(name).map_err(Refusal::Unfit)?;
                        element.set_attribute(&name, value);
                    }
                    _ => element.set_text(value),
                }
                (element.size(), before)
            }
        };
        self.size = self.size + more - less;
        Ok(())
    }

    /// A document in the place of one, or of none.
    fn replace(
        &mut self,
        place: Option<usize>,
        name: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Refusal> {
        let old = place.map_or(Size::default(), |place| self.list[place].1.size());
        let Some(text) = value else {
            if let Some(place) = place {
                self.list.swap_remove(place);
                self.size = self.size - old;
            }
            return Ok(());
        };
        let block = parse(text).map_err(Refusal::Unfit)?;
        let size = self.size - old + block.size();
        if size.nodes > NODES_MAX || size.bytes > BYTES_MAX {
            return Err(too_large());
        }
        match place {
            Some(place) => self.list[place].1 = Rc::new(block),
            None if self.list.len() == DOCUMENTS_MAX => return Err(too_large()),
            None => self.list.push((name.into(), Rc::new(block))),
        }
        self.size = size;
        Ok(())
    }
}

/// Appends a block to the children of an element, with the blanks around its root.
fn insert(parent: &mut Element, text: &[u8], depth: usize, room: Size) -> Result<Size, Refusal> {
    let block = parse(text).map_err(Refusal::Unfit)?;
    let is_declared = |node: &Node| matches!(node, Node::Other(text) if text.starts_with("<?xml ") || text.starts_with("<!DOCTYPE"));
    if block.before.iter().any(is_declared) {
        return Err(Refusal::Unfit("a declaration inside a document".to_owned()));
    }
    let size = block.size();
    if size.nodes > room.nodes || size.bytes > room.bytes {
        return Err(too_large());
    }
    if depth + block.root.depth() > DEPTH_MAX {
        return Err(Refusal::Unfit(format!("nested deeper than {DEPTH_MAX}")));
    }
    parent.children.extend(block.before);
    parent.children.push(Node::Element(block.root));
    parent.children.extend(block.after);
    Ok(size)
}

fn plain(text: &[u8], room: Size) -> Result<String, Refusal> {
    let text = std::str::from_utf8(text).map_err(|_| Refusal::Unfit("not UTF-8".to_owned()))?;
    if text.len() > room.bytes || room.nodes == 0 {
        return Err(too_large());
    }
    Ok(checked_text(text).map_err(Refusal::Unfit)?.to_owned())
}

fn too_large() -> Refusal {
    Refusal::Unfit("too many or too large documents".to_owned())
}

#[cfg(test)]
mod tests;
