//! Which blacklists a message is under, and what scripts change in them.

use script::globals::BlacklistRule;

use super::{CoreFunction, row};
use crate::blacklist::{self, Change, What};
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
    row(
        "add_blacklist_rule",
        "(str, str, [int], [str], [str], [int])",
        |cx, args| {
            // 0 and below: it stays.
            let seconds = u64::try_from(args.maybe_int(5).unwrap_or(0)).unwrap_or(0);
            let end_ms = cx.now.mono_ms() + seconds * 1000;
            let until_ms = (seconds > 0).then_some(end_ms);
            change(cx, &args, What::Add { until_ms })
        },
    ),
    row(
        "del_blacklist_rule",
        "(str, str, [int], [str], [str])",
        |cx, args| change(cx, &args, What::Remove),
    ),
];

/// Changes one rule of a list, on all shards.
fn change(cx: &mut Context<'_>, args: &Args<'_>, what: What) -> Verdict {
    let (Some(list), Some((negated, net)), Ok(port), Some(transport)) = (
        cx.core.blacklists.find(args.str(0)),
        blacklist::read_net(args.str(1)),
        u16::try_from(args.maybe_int(2).unwrap_or(0)),
        transport(args.str(3)),
    ) else {
        return Verdict::FAIL;
    };
    let pattern = args.str(4);
    let rule = BlacklistRule {
        negated,
        protocol: transport.map(|transport| transport.as_str().to_owned()),
        net,
        port: (port > 0).then_some(port),
        pattern: (!pattern.is_empty()).then(|| pattern.to_vec()),
    };
    blacklist::ask(cx, &Change { list, rule, what })
}

/// `None` if it is none; any is `Some(None)`.
fn transport(text: &[u8]) -> Option<Option<Transport>> {
    match text {
        b"" | b"any" => Some(None),
        text => Transport::parse(text).map(Some),
    }
}

/// Whether a list forbids a destination, whatever lists the message is under.
fn check(cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
    let lists = &cx.core.blacklists;
    let ip = std::str::from_utf8(args.str(1))
        .ok()
        .and_then(|text| text.parse().ok());
    let (Some(list), Some(ip), Ok(port), Some(transport)) = (
        lists.find(args.str(0)),
        ip,
        u16::try_from(args.maybe_int(2).unwrap_or(0)),
        transport(args.str(3)),
    ) else {
        return Verdict::FAIL;
    };
    Verdict::of(
        lists
            .rule_for(list, transport, ip, port, args.str(4), cx.now)
            .is_some(),
    )
}
