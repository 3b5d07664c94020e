//! Extra fields of a record: declared by `extra_fields`, filled by `$acc_extra(tag)`.

use engine::module::{Context, VarArgs, Verdict};
use engine::run::{Avps, NameId, Reading, ValueRef};

use super::Acc;

/// One declared field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extra {
    /// What the script calls it.
    pub(super) tag: String,
    /// What the log line calls it.
    pub(super) name: String,
    /// The attribute that holds it.
    pub(super) attribute: Option<NameId>,
}

/// Reads `log: tag->name; tag`. Other places than the log are not offered.
pub(super) fn parse(text: &str, fields: &mut Vec<Extra>) -> Result<(), String> {
    let (backend, list) = text
        .split_once(':')
        .ok_or_else(|| format!("`{text}` does not begin with `log:`"))?;
    if backend.trim() != "log" {
        return Err(format!(
            "extra fields of `{}` are not offered yet, only of `log`",
            backend.trim()
        ));
    }
    for field in list
        .split(';')
        .map(str::trim)
        .filter(|field| !field.is_empty())
    {
        let (tag, name) = field
            .split_once("->")
            .map_or((field, field), |(tag, name)| (tag.trim(), name.trim()));
        if tag.is_empty() || name.is_empty() || fields.iter().any(|known| known.tag == tag) {
            return Err(format!("`{field}` is not `tag->name` with a new tag"));
        }
        fields.push(Extra {
            tag: tag.into(),
            name: name.into(),
            attribute: None,
        });
    }
    Ok(())
}

impl Extra {
    /// Gets its attribute; the NUL keeps scripts from writing it by another way.
    pub(super) fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        let name = format!("\0acc.{}", self.tag);
        self.attribute = Some(cx.name(name.as_bytes()).ok_or("too many names")?);
        Ok(())
    }

    /// Appends `;name=value`; an unset field is empty.
    pub(super) fn write(&self, avps: &Avps, out: &mut Vec<u8>) {
        out.push(b';');
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'=');
        if let Some(value) = self.attribute.and_then(|attribute| avps.get(attribute)) {
            value.write(out);
        }
    }
}

impl Acc {
    pub(super) fn read_extra(
        &mut self,
        cx: &mut Context<'_>,
        args: VarArgs<'_>,
        out: &mut Vec<u8>,
    ) -> Reading {
        match self
            .attribute(args)
            .and_then(|attribute| cx.scene.avps.get(attribute))
        {
            Some(value) => Reading::of(value, out),
            None => Reading::Null,
        }
    }

    /// A tag that was not declared cannot be written.
    pub(super) fn write_extra(
        &mut self,
        cx: &mut Context<'_>,
        args: VarArgs<'_>,
        value: ValueRef<'_>,
    ) -> Verdict {
        let Some(attribute) = self.attribute(args) else {
            return Verdict::FAIL;
        };
        if value.is_null() {
            cx.scene.avps.remove_all(attribute);
            return Verdict::OK;
        }
        Verdict::of(cx.scene.avps.set(attribute, value).is_ok())
    }

    fn attribute(&self, args: VarArgs<'_>) -> Option<NameId> {
        self.extra
            .iter()
            .find(|field| field.tag.as_bytes() == args.name())?
            .attribute
    }
}
