//! Which blacklists a message is under.

use super::{CoreFunction, row};
use crate::input::Transport;
use crate::module::{Args, Context, Verdict};

pub(super) const TABLE: &[CoreFunction] = &[
    row("use_blacklist", "(str)", |cx, args| {
        let found = cx.core.blacklists.find(args.str(0));
        if let Some(list) = found {
            cx.scene.proxy.blacklists.insert(list);
        }
        Verdict::of(found.is_some())
    }),
    row("unuse_blacklist", "(str)", |cx, args| {
        let found = cx.core.blacklists.find(args.str(0));
        if let Some(list) = found {
            cx.scene.proxy.blacklists.remove(list);
        }
        Verdict::of(found.is_some())
    }),
    row(
        "check_blacklist_rule",
        "(str, str, [int], [str], [str])",
        check,
    ),
];

/// Whether a list forbids a destination, whatever lists the message is under.
fn check(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let lists = &cx.core.blacklists;
    let ip = std::str::from_utf8(args.str(1))
        .ok()
        .and_then(|text| text.parse().ok());
    let (Some(list), Some(ip), Ok(port)) = (
        lists.find(args.str(0)),
        ip,
        u16::try_from(args.maybe_int(2).unwrap_or(0)),
    ) else {
        return Verdict::FAIL;
    };
    let transport = match args.str(3) {
        b"" | b"any" => None,
        text => match Transport::parse(text) {
            Some(transport) => Some(transport),
            None => return Verdict::FAIL,
        },
    };
    Verdict::of(
        lists
            .rule_for(list, transport, ip, port, args.str(4))
            .is_some(),
    )
}
