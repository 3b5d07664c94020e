//! Rules that scripts add and remove: how one is read, and how all shards come to have it.
//!
//! The shard that owns a list's name makes the changes of that list, one after the other, and tells each to the others
//! before it answers whoever asked. So all shards make the same changes in the same order, and a script sees its own at once.

use std::net::{IpAddr, SocketAddr};

use parser::Frame;
use script::globals::BlacklistRule;
use script::program::Net;

use super::{Blacklists, List, RULES_MAX, Rule};
use crate::core::Core;
use crate::input::{Answer, Letter, ShardId, Ticket, Transport};
use crate::module::{CORE, Context, Verdict};
use crate::outbox::{Outbox, Output};

/// Something to be changed in a list.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) list: usize,
    pub(crate) rule: BlacklistRule,
    pub(crate) what: What,
}

/// What happens to the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// It is there from now on, until this time of the monotonic clock (milliseconds). One that is there already gets this
    /// end.
    Add { until_ms: Option<u64> },
    /// It is gone.
    Remove,
}

/// Asks for a change in the name of a script: 1 when it is made, -1 when it is not.
pub(crate) fn ask(cx: &mut Context<'_>, change: &Change) -> Verdict {
    match cx.answer() {
        Some(Answer::Letter(frame)) => return Verdict::of(**frame == *DONE),
        Some(_) => return Verdict::FAIL,
        None => {}
    }
    let Some(owner) = owner(cx.core, change.list) else {
        return Verdict::FAIL;
    };
    if owner != cx.core.shard {
        return cx.ask(owner, &write(change, QUESTION));
    }
    let made = make(cx.core, change, cx.outbox);
    Verdict::of(made)
}

/// Another shard asks for a change, or tells one.
pub(crate) fn on_letter(core: &mut Core, letter: &Letter, outbox: &mut Outbox) {
    let Some((kind, change)) = read(&letter.payload) else {
        return;
    };
    if kind == NEWS {
        let now_ms = core.now.mono_ms();
        core.blacklists.change(&change, now_ms);
        return;
    }
    let made = owner(core, change.list) == Some(core.shard) && make(core, &change, outbox);
    let payload = if made { DONE } else { REFUSED };
    let answer = (letter.from, letter.ticket, true);
    post(core, answer, payload, outbox);
}

fn owner(core: &Core, list: usize) -> Option<ShardId> {
    let name = &core.blacklists.lists.get(list)?.name;
    Some(core.owner.of_key(name.as_bytes()))
}

/// Makes a change of a list that is ours, and tells it.
fn make(core: &mut Core, change: &Change, outbox: &mut Outbox) -> bool {
    let now_ms = core.now.mono_ms();
    let made = core.blacklists.change(change, now_ms);
    if made {
        let news = write(change, NEWS);
        let others = (0..core.owner.shards()).map(ShardId);
        for shard in others.filter(|shard| *shard != core.shard) {
            post(core, (shard, Ticket::NONE, false), &news, outbox);
        }
    }
    made
}

fn post(
    core: &Core,
    (to, ticket, is_answer): (ShardId, Ticket, bool),
    payload: &[u8],
    outbox: &mut Outbox,
) {
    outbox.push(Output::Letter(Letter {
        from: core.shard,
        to,
        module: CORE,
        ticket,
        is_answer,
        payload: Frame::copy_of(payload),
    }));
}

impl Blacklists {
    /// False: the list cannot be changed, is full, or does not have the rule.
    fn change(&mut self, change: &Change, now_ms: u64) -> bool {
        let Some(list) = self.lists.get_mut(change.list) else {
            return false;
        };
        list.rules.retain(|rule| rule.holds_at(now_ms));
        let place = list
            .rules
            .iter()
            .position(|rule| rule.written == change.rule);
        let made = !list.read_only
            && match (change.what, place) {
                (What::Add { until_ms }, Some(place)) => {
                    list.rules[place].until_ms = until_ms;
                    true
                }
                (What::Add { until_ms }, None) => list.add(&change.rule, until_ms),
                (What::Remove, Some(place)) => {
                    list.rules.remove(place);
                    true
                }
                (What::Remove, None) => false,
            };
        list.has_patterns = list.rules.iter().any(|rule| rule.written.pattern.is_some());
        made
    }
}

impl List {
    fn add(&mut self, rule: &BlacklistRule, until_ms: Option<u64>) -> bool {
        if self.rules.len() >= RULES_MAX {
            return false;
        }
        self.rules.push(Rule {
            transport: transport_of(rule),
            written: rule.clone(),
            until_ms,
        });
        true
    }
}

fn transport_of(rule: &BlacklistRule) -> Option<Transport> {
    let protocol = rule.protocol.as_deref()?;
    Transport::parse(protocol.as_bytes())
}

/// `[!]address[/mask]`, the mask a length or written like an address.
pub(crate) fn read_net(text: &[u8]) -> Option<(bool, Net)> {
    let text = std::str::from_utf8(text).ok()?;
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask.trim())),
        None => (text, None),
    };
    let address = address.trim().trim_matches(['[', ']']);
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match mask {
        None => bits,
        Some(mask) => match mask.parse::<u8>() {
            Ok(length) => length,
            Err(_) => length_of(mask.parse().ok()?, address)?,
        },
    };
    (prefix <= bits).then(|| (negated, Net::new(address, prefix)))
}

/// How long the prefix is that a mask stands for.
fn length_of(mask: IpAddr, of: IpAddr) -> Option<u8> {
    let (bits, ones, zeros) = match (mask, of) {
        (IpAddr::V4(mask), IpAddr::V4(_)) => {
            let mask = mask.to_bits();
            (32, mask.leading_ones(), mask.trailing_zeros())
        }
        (IpAddr::V6(mask), IpAddr::V6(_)) => {
            let mask = mask.to_bits();
            (128, mask.leading_ones(), mask.trailing_zeros())
        }
        _ => return None,
    };
    (ones + zeros == bits).then_some(ones as u8)
}

/// A letter: kind, list, flags, end, transport, network with port, pattern.
pub(super) fn write(change: &Change, kind: u8) -> Vec<u8> {
    let Change { list, rule, what } = change;
    let until_ms = match what {
        What::Add { until_ms } => *until_ms,
        What::Remove => None,
    };
    let flags = u8::from(*what == What::Remove)
        | u8::from(rule.negated) << 1
        | u8::from(until_ms.is_some()) << 2
        | u8::from(rule.pattern.is_some()) << 3
        | u8::from(rule.port.is_some()) << 4;
    let mut out = vec![kind, *list as u8, flags, rule.net.prefix];
    out.extend_from_slice(&until_ms.unwrap_or(0).to_be_bytes());
    let texts = [
        rule.protocol.clone().unwrap_or_default().into_bytes(),
        SocketAddr::new(rule.net.address, rule.port.unwrap_or(0))
            .to_string()
            .into_bytes(),
    ];
    for text in texts {
        out.push(text.len() as u8);
        out.extend_from_slice(&text);
    }
    out.extend_from_slice(rule.pattern.as_deref().unwrap_or_default());
    out
}

pub(super) fn read(letter: &[u8]) -> Option<(u8, Change)> {
    let (&[kind, list, flags, prefix], rest) = letter.split_first_chunk()?;
    let (until_ms, mut rest) = rest.split_first_chunk()?;
    let mut text = || {
        let (length, behind) = rest.split_first()?;
        let (text, behind) = behind.split_at_checked(usize::from(*length))?;
        rest = behind;
        std::str::from_utf8(text).ok()
    };
    let (protocol, to) = (text()?, text()?);
    let to: SocketAddr = to.parse().ok()?;
    let has = |bit: u8| flags & 1 << bit != 0;
    let what = if has(0) {
        What::Remove
    } else {
        let until_ms = has(2).then_some(u64::from_be_bytes(*until_ms));
        What::Add { until_ms }
    };
    let rule = BlacklistRule {
        negated: has(1),
        protocol: (!protocol.is_empty()).then(|| protocol.to_owned()),
        net: Net {
            address: to.ip(),
            prefix,
        },
        port: has(4).then_some(to.port()),
        pattern: has(3).then(|| rest.to_vec()),
    };
    let list = usize::from(list);
    Some((kind, Change { list, rule, what }))
}

const QUESTION: u8 = b'?';
const NEWS: u8 = b'!';
const DONE: &[u8] = b"+";
const REFUSED: &[u8] = b"-";
