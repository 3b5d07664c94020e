//! The attributes of an element, taken one by one; what nobody took is a mistake.

use super::super::diagnostic::nearest;
use super::super::xml::{Attribute, Element};
use super::Compiler;

pub(super) struct Attributes<'e> {
    element: &'e Element,
    taken: Vec<bool>,
    asked: Vec<&'static str>,
}

impl<'e> Attributes<'e> {
    pub(super) fn of(element: &'e Element) -> Self {
        Self {
            element,
            taken: vec![false; element.attributes.len()],
            asked: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<&'e Attribute> {
        self.asked.push(name);
        let place = self
            .element
            .attributes
            .iter()
            .position(|attribute| attribute.name == name)?;
        self.taken[place] = true;
        self.element.attributes.get(place)
    }

    /// All of them are known: the element itself was refused.
    pub(super) fn take_all(&mut self) {
        self.taken.fill(true);
    }
}

impl Compiler<'_> {
    /// Complains about attributes that nothing asked for.
    pub(super) fn no_more(&mut self, attributes: &Attributes<'_>) {
        for (attribute, taken) in attributes.element.attributes.iter().zip(&attributes.taken) {
            if *taken {
                continue;
            }
            let help = match nearest(&attribute.name, attributes.asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("supported: {}", attributes.asked.join(", ")),
            };
            let message = format!(
                "`{}` of `{}` is not supported",
                attribute.name, attributes.element.name
            );
            self.complain(attribute.at.clone(), message, help);
        }
    }

    /// Says why one attribute that others know is refused.
    pub(super) fn refuse(
        &mut self,
        attributes: &mut Attributes<'_>,
        names: &[&'static str],
        why: &str,
    ) {
        for name in names {
            let Some(attribute) = attributes.take(name) else {
                attributes.asked.pop();
                continue;
            };
            attributes.asked.pop();
            let message = format!("`{name}` is not supported");
            self.complain(attribute.at.clone(), message, why);
        }
    }

    /// An attribute that has to be there.
    pub(super) fn required<'e>(
        &mut self,
        attributes: &mut Attributes<'e>,
        name: &'static str,
    ) -> Option<&'e Attribute> {
        let found = attributes.take(name);
        if found.is_none() {
            let element = attributes.element;
            let message = format!("`{}` has no `{name}`", element.name);
            self.complain(element.at.clone(), message, "");
        }
        found
    }

    pub(super) fn flag(&mut self, attributes: &mut Attributes<'_>, name: &'static str) -> bool {
        let Some(attribute) = attributes.take(name) else {
            return false;
        };
        match attribute.value.as_str() {
            "true" | "yes" | "1" => true,
            "false" | "no" | "0" => false,
            other => {
                let message = format!("`{other}` is neither true nor false");
                self.complain(attribute.value_at.clone(), message, "");
                false
            }
        }
    }

    pub(super) fn number(
        &mut self,
        attributes: &mut Attributes<'_>,
        name: &'static str,
    ) -> Option<f64> {
        let attribute = attributes.take(name)?;
        match attribute.value.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Some(number),
            _ => {
                let message = format!("`{}` is not a number", attribute.value);
                self.complain(attribute.value_at.clone(), message, "");
                None
            }
        }
    }

    /// A number of milliseconds, 0 to a day.
    pub(super) fn milliseconds(
        &mut self,
        attributes: &mut Attributes<'_>,
        name: &'static str,
    ) -> Option<u32> {
        let attribute = attributes.take(name)?;
        match attribute.value.trim().parse::<u32>() {
            Ok(time) if time <= 86_400_000 => Some(time),
            _ => {
                let message = format!("`{}` is no time", attribute.value);
                self.complain(
                    attribute.value_at.clone(),
                    message,
                    "milliseconds, at most a day",
                );
                None
            }
        }
    }
}
