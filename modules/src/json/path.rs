//! The way to a value: `name/key[index]/...`.

use std::borrow::Cow;

use engine::module::PathText;
use smallvec::SmallVec;

use super::limits::STEPS_MAX;

/// A document and the steps into it.
#[derive(Debug)]
pub(super) struct Path<'a> {
    pub(super) name: Cow<'a, [u8]>,
    pub(super) steps: SmallVec<[Step<'a>; 8]>,
}

/// One step.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// `/key`: of an object.
    Key(Cow<'a, [u8]>),
    /// `[2]`: of an array; negative counts from the end.
    At(i32),
    /// `[]`: behind the last element of an array.
    Append,
}

impl<'a> Path<'a> {
    /// Blanks count: a key may hold them.
    pub(super) fn parse(mut text: PathText<'a>) -> Result<Path<'a>, &'static str> {
        let name = text.take(|byte| matches!(byte, b'/' | b'['));
        if name.is_empty() {
            return Err("the name of the document is missing");
        }
        let mut steps = SmallVec::new();
        while !text.is_empty() {
            if steps.len() == STEPS_MAX {
                return Err("the path is too long");
            }
            let step = if text.skip(b'/') {
                Step::Key(text.take(|byte| matches!(byte, b'/' | b'[')))
            } else if text.skip(b'[') {
                let index = text.take(|byte| byte == b']');
                if !text.skip(b']') {
                    return Err("`]` is missing");
                }
                match &*index {
                    b"" => Step::Append,
                    index => Step::At(number(index).ok_or("an index is not a number")?),
                }
            } else {
                return Err("`/` or `[` is missing behind `]`");
            };
            steps.push(step);
        }
        Ok(Path { name, steps })
    }
}

fn number(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
