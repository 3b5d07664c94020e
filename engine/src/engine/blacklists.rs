//! Management of blacklists: `list_blacklists`, `check_blacklist`, `check_blacklists`.

use std::net::IpAddr;

use script::globals::BlacklistRule;

use super::Engine;
use super::commands::{Answered, BAD_PARAMETERS, write_text};
use crate::blacklist::List;
use crate::input::{Command, Now, Transport};

/// A destination that a command asks about.
struct Destination<'a> {
    transport: Option<Transport>,
    ip: IpAddr,
    port: u16,
    text: &'a [u8],
}

impl Engine {
    pub(super) fn list_blacklists(&self, command: &Command) -> Answered {
        let wanted = command.parameters.first().map(|(_, name)| name.as_str());
        if let Some(name) = wanted {
            self.blacklist(name)?;
        }
        let lists = self.core.blacklists.iter();
        let shown = lists.filter(|list| wanted.is_none_or(|wanted| wanted == list.name));
        let mut json = String::from("{\"Lists\":[");
        for (place, list) in shown.enumerate() {
            json.push_str(if place > 0 { "," } else { "" });
            write_list(list, self.core.now, &mut json);
        }
        json.push_str("]}");
        Ok(json)
    }

    /// The rule of one list that forbids a destination.
    pub(super) fn check_blacklist(&self, command: &Command) -> Answered {
        const NAMES: &[&str] = &["name", "proto", "ip", "port", "pattern"];
        let values = by_name(command, NAMES, &["name", "ip"])?;
        let list = self.blacklist(values[0].unwrap_or_default())?;
        let to = destination(&values[1..])?;
        let lists = &self.core.blacklists;
        let now = self.core.now;
        match lists.rule_for(list, to.transport, to.ip, to.port, to.text, now) {
            Some(rule) => {
                let mut json = String::new();
                write_rule(rule, None, &mut json);
                Ok(json)
            }
            None => Err((404, "No rule forbids it".to_owned())),
        }
    }

    /// The names of all lists that forbid a destination.
    pub(super) fn check_blacklists(&self, command: &Command) -> Answered {
        const NAMES: &[&str] = &["proto", "ip", "port", "pattern"];
        let values = by_name(command, NAMES, &["ip"])?;
        let to = destination(&values)?;
        let lists = &self.core.blacklists;
        let mut json = String::from("[");
        for (at, list) in lists.iter().enumerate() {
            let rule = lists.rule_for(at, to.transport, to.ip, to.port, to.text, self.core.now);
            if rule.is_some() {
                json.push_str(if json.len() > 1 { "," } else { "" });
                write_text(&mut json, &list.name);
            }
        }
        json.push(']');
        Ok(json)
    }

    fn blacklist(&self, name: &str) -> Result<usize, (i32, String)> {
        let found = self.core.blacklists.find(name.as_bytes());
        found.ok_or_else(|| (404, "No such blacklist".to_owned()))
    }
}

/// The values of these parameters, however they were given: by name, or all in a row. In the shortest row, `short`,
/// some are left out.
fn by_name<'a>(
    command: &'a Command,
    names: &[&str],
    short: &[&str],
) -> Result<Vec<Option<&'a str>>, (i32, String)> {
    let given = &command.parameters;
    let row = if given.len() <= short.len() {
        short
    } else {
        names
    };
    let mut values = vec![None; names.len()];
    for (place, (name, value)) in given.iter().enumerate() {
        let name = name.as_deref().or(row.get(place).copied());
        let place = names.iter().position(|one| Some(*one) == name);
        let place = place.ok_or((BAD_PARAMETERS, "Invalid parameters".to_owned()))?;
        values[place] = Some(value.as_str());
    }
    Ok(values)
}

/// From `proto`, `ip`, `port`, `pattern`.
fn destination<'a>(values: &[Option<&'a str>]) -> Result<Destination<'a>, (i32, String)> {
    let wrong = |what: &str| (BAD_PARAMETERS, format!("{what} is wrong or missing"));
    let transport = match values[0] {
        None | Some("any") => None,
        Some(text) => Some(Transport::parse(text.as_bytes()).ok_or_else(|| wrong("proto"))?),
    };
    let ip = values[1].and_then(|text| text.parse().ok());
    Ok(Destination {
        transport,
        ip: ip.ok_or_else(|| wrong("ip"))?,
        port: match values[2] {
            None => 0,
            Some(text) => text.parse().map_err(|_| wrong("port"))?,
        },
        text: values[3].unwrap_or_default().as_bytes(),
    })
}

fn write_list(list: &List, now: Now, json: &mut String) {
    json.push_str("{\"name\":");
    write_text(json, &list.name);
    let flags = [
        ("readonly", list.read_only),
        ("expire", list.expire),
        ("default", list.default),
    ];
    let flags: Vec<&str> = flags
        .iter()
        .filter(|(_, is_set)| *is_set)
        .map(|(name, _)| *name)
        .collect();
    json.push_str(",\"flags\":");
    write_text(json, &flags.join(","));
    json.push_str(",\"Rules\":[");
    for (place, (rule, left_s)) in list.rules(now).enumerate() {
        json.push_str(if place > 0 { "," } else { "" });
        write_rule(rule, left_s, json);
    }
    json.push_str("]}");
}

fn write_rule(rule: &BlacklistRule, left_s: Option<u64>, json: &mut String) {
    let net = rule.net;
    json.push_str(&format!(
        "{{\"negated\":{},\"IP\":\"{}\",\"Prefix\":{},\"Proto\":",
        rule.negated, net.address, net.prefix
    ));
    write_text(json, rule.protocol.as_deref().unwrap_or("any"));
    json.push_str(&format!(",\"Port\":{}", rule.port.unwrap_or(0)));
    if let Some(pattern) = &rule.pattern {
        json.push_str(",\"Match\":");
        write_text(json, &String::from_utf8_lossy(pattern));
    }
    if let Some(left_s) = left_s {
        json.push_str(&format!(",\"Expire\":{left_s}"));
    }
    json.push('}');
}
