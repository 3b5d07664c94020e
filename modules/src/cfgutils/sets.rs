//! Functions over all values of a variable: `set_count`, `set_select_weight`, `shuffle_avps`.

use engine::module::{Args, Context, Verdict};
use engine::run::ValueRef;

use super::CfgUtils;

/// A value of an attribute, kept while its list is rewritten.
type Kept = (Option<i32>, Option<Vec<u8>>);

impl CfgUtils {
    /// How many values an attribute or header has; any other variable has one, or none when it is NULL.
    pub(super) fn count(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let count = match cx.written_variable(&args, 0) {
            Some(written) if written.variable == "avp" => {
                let name = written.name.unwrap_or_default().to_vec();
                let name = cx.name(&name);
                name.map_or(0, |name| cx.scene.avps.count(name))
            }
            Some(written) if matches!(written.variable, "hdr" | "hdrcnt") => {
                let name = written.name.unwrap_or_default();
                cx.message.headers_called(name).count()
            }
            _ => usize::from(args.value(0) != ValueRef::Null),
        };
        args.set(1, count as i32);
        Verdict::OK
    }

    /// The index of one of the numbers of a set, each as probable as it is large; -1 when there is none above 0.
    pub(super) fn select_weight(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let name = match cx.written_variable(&args, 0) {
            Some(written) if written.variable == "avp" => written.name.map(<[u8]>::to_vec),
            _ => None,
        };
        let Some(name) = name.and_then(|name| cx.name(&name)) else {
            cx.log_error(format_args!(
                "set_select_weight takes an $avp whose name is written down"
            ));
            return Verdict::FAIL;
        };
        let weight =
            |value: ValueRef<'_>| u64::from(value.int().unwrap_or(0).max(0).unsigned_abs());
        let total: u64 = cx.scene.avps.all(name).map(weight).sum();
        if total == 0 {
            return Verdict::FAIL;
        }
        let mut left = cx.core.random.next_u64() % total;
        for (index, value) in cx.scene.avps.all(name).enumerate() {
            let weight = weight(value);
            if left < weight {
                // A verdict of 0 would stop the script, where OpenSIPS gives the first index.
                return Verdict::Return(index as i32);
            }
            left -= weight;
        }
        Verdict::FAIL
    }

    /// Every order is as probable (Fisher and Yates). -1 when the attribute has no value.
    pub(super) fn shuffle(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let name = match cx.written_variable(&args, 0) {
            Some(written) if written.variable == "avp" => written.name.map(<[u8]>::to_vec),
            _ => None,
        };
        let Some(name) = name.and_then(|name| cx.name(&name)) else {
            cx.log_error(format_args!(
                "shuffle_avps takes an $avp whose name is written down"
            ));
            return Verdict::FAIL;
        };
        let avps = &mut cx.scene.avps;
        let mut values: Vec<Kept> = avps
            .all(name)
            .map(|value| (value.int(), value.text().map(<[u8]>::to_vec)))
            .collect();
        if values.is_empty() {
            return Verdict::FAIL;
        }
        for last in (1..values.len()).rev() {
            let other = cx.core.random.below(last as u32 + 1) as usize;
            values.swap(last, other);
        }
        avps.remove_all(name);
        for (number, text) in &values {
            let value = match (number, text) {
                (Some(number), Some(text)) => ValueRef::Both(*number, text),
                (None, Some(text)) => ValueRef::Str(text),
                (Some(number), None) => ValueRef::Int(*number),
                (None, None) => ValueRef::Null,
            };
            // There was room for as many, and their texts.
            if avps.push(name, value).is_err() {
                return Verdict::FAIL;
            }
        }
        Verdict::OK
    }
}
