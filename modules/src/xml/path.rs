//! The way to a part of a document: `name/element[index]/....val`, or `.attr/name` at the end.

use std::borrow::Cow;

use engine::module::PathText;
use smallvec::SmallVec;

use super::limits::DEPTH_MAX;

/// A document, the elements that lead on from its root, and what of the last one.
#[derive(Debug)]
pub(super) struct Path<'a> {
    pub(super) name: Cow<'a, [u8]>,
    pub(super) steps: SmallVec<[Step<'a>; 8]>,
    pub(super) access: Access<'a>,
}

/// An element among its siblings of the same name.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) name: Cow<'a, [u8]>,
    pub(super) index: usize,
}

/// What of an element.
#[derive(Debug, PartialEq)]
pub(super) enum Access<'a> {
    /// All of it, tags included.
    Whole,
    /// `.val`: its text.
    Text,
    /// `.attr/name`.
    Attribute(Cow<'a, [u8]>),
}

impl<'a> Path<'a> {
    pub(super) fn parse(mut text: PathText<'a>) -> Result<Path<'a>, &'static str> {
        let name = text.take(|byte| byte == b'/');
        if name.is_empty() {
            return Err("the name of the document is missing");
        }
        let mut path = Path {
            name,
            steps: SmallVec::new(),
            access: Access::Whole,
        };
        while text.skip(b'/') {
            if path.steps.len() == DEPTH_MAX {
                return Err("the path is too long");
            }
            let step = step(&mut text)?;
            path.steps.push(step);
            if text.is_exactly(b".val") {
                path.access = Access::Text;
                return Ok(path);
            }
            if text.skip_text(b".attr/") {
                let attribute = text.take(|_| false);
                if attribute.is_empty() {
                    return Err("the name of the attribute is missing");
                }
                path.access = Access::Attribute(attribute);
                return Ok(path);
            }
        }
        match text.is_empty() {
            true => Ok(path),
            false => Err("`/`, `.val` or `.attr/` is missing behind `]`"),
        }
    }
}

/// A name may hold full stops; only what the script wrote as `.val` or `.attr/` ends it.
fn step<'a>(text: &mut PathText<'a>) -> Result<Step<'a>, &'static str> {
    let mut name: Cow<'a, [u8]> = Cow::Borrowed(b"");
    loop {
        let part = text.take(|byte| matches!(byte, b'/' | b'[' | b'.'));
        if name.is_empty() {
            name = part;
        } else {
            name.to_mut().extend_from_slice(&part);
        }
        let ends = text.is_exactly(b".val") || text.starts_with(b".attr/");
        if ends || !text.skip(b'.') {
            break;
        }
        name.to_mut().push(b'.');
    }
    if name.is_empty() {
        return Err("the name of an element is missing");
    }
    let mut index = 0;
    if text.skip(b'[') {
        let written = text.take(|byte| byte == b']');
        if !text.skip(b']') {
            return Err("`]` is missing");
        }
        let number = std::str::from_utf8(&written).ok();
        index = number
            .and_then(|number| number.parse().ok())
            .ok_or("an index is not a number from 0 on")?;
    }
    Ok(Step { name, index })
}
