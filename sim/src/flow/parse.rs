//! A `.flow` file read: the story above the line, the ladder below it.
//!
//! The head is one item a line, its first word says what:
//!
//! ```text
//! script   proxy.cfg
//! server   biloxi@10.0.0.200 shards 2 domain biloxi.example.com script biloxi.cfg
//! phones   alice@10.0.0.1  bob@10.0.0.2 registered
//! network  10ms jitter 5ms loss 1%
//! zone     biloxi.example.com 60 A 10.0.0.200
//! lose     bob > tandem 200
//! fault    bob lose ack
//! play     alice calls bob; bob rings for 2s; bob answers; alice hangs up after 5s
//! redirect carol 302 <sip:dave@10.0.0.4>;q=0.5, <sip:erin@10.0.0.5>
//! show     cseq
//! until    60s
//! ---
//! ```
//!
//! Without a `server` line there is one, `tandem@10.0.0.100`, with one shard.

use std::net::SocketAddr;

use crate::InCall;
use crate::network::Weather;

/// A story to play.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The servers, at least one.
    pub servers: Vec<ServerLine>,
    /// The phones.
    pub phones: Vec<PhoneLine>,
    /// The network.
    pub weather: Weather,
    /// Zone lines of the name server.
    pub zone: Vec<String>,
    /// Messages that the network loses: from, to, beginning of the description, how many of them.
    pub losses: Vec<Loss>,
    /// What is done, in order.
    pub play: Vec<Clause>,
    /// Whether the ladder shows CSeq numbers.
    pub with_cseq: bool,
    /// How long the world runs, microseconds.
    pub until_us: u64,
    /// Where the golden part begins, as a byte offset behind the `---` line.
    pub golden_at: usize,
}

/// A Tandem.
#[derive(Clone, Debug)]
pub struct ServerLine {
    /// In the ladder.
    pub name: String,
    /// Where it listens, on UDP and TCP.
    pub address: SocketAddr,
    /// Engines.
    pub shards: u16,
    /// Own name beside the address, if any.
    pub domain: Option<String>,
    /// File below `flows/scripts`.
    pub script: String,
}

/// A phone.
#[derive(Clone, Debug)]
pub struct PhoneLine {
    /// In the ladder.
    pub name: String,
    /// Its user part; the name if nothing else is said.
    pub user: String,
    /// Where it is.
    pub address: SocketAddr,
    /// The server it registers with and sends through.
    pub server: String,
    /// Whether it registers before the play begins.
    pub registered: bool,
    /// Whether it speaks TCP.
    pub tcp: bool,
    /// Whether it keeps no route set, as SIPp's built-in scenarios.
    pub unrouted: bool,
}

/// Messages the network loses.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Sender's name.
    pub from: String,
    /// Receiver's name.
    pub to: String,
    /// How the line in the ladder begins: `ACK`, `200 OK`.
    pub what: String,
    /// How many of them.
    pub count: u32,
}

/// One clause of the play.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// The clauses behind it happen this much later.
    Wait(u64),
    /// A phone registers for so many seconds; 0 lets go.
    Registers(String, u32),
    /// A phone calls an address or another phone.
    Calls(String, String),
    /// A phone sends a request outside dialogs.
    Sends(String, String, String),
    /// The other side rings this long, then does what else is said of it.
    Rings(String, u64),
    /// It answers after this long.
    Answers(String, u64),
    /// It rejects with a code after this long.
    Rejects(String, u16, u64),
    /// It never answers, only rings.
    NeverAnswers(String),
    /// It is dead.
    Silent(String),
    /// The caller cancels this long after calling.
    Cancels(String, u64),
    /// Either side hangs up this long after the answer.
    HangsUp(String, u64),
    /// The caller sends a re-INVITE this long after the answer.
    Reinvites(String, u64),
    /// A phone does something in its call, at this point of the play.
    InCall(String, InCall),
    /// A phone lets nobody through without credentials: code, realm, user, password, algorithm, qop.
    Challenges {
        /// Who.
        who: String,
        /// 401 or 407.
        code: u16,
        /// The realm of the challenge.
        realm: String,
        /// Whom it knows.
        user: String,
        /// By which password.
        password: String,
        /// The algorithm, or nothing.
        algorithm: String,
        /// The qop, or nothing.
        qop: String,
    },
    /// A phone rejects with a 3xx and these Contacts.
    Redirects(String, u16, String),
    /// A fault of a phone, by its knob's name.
    Fault(String, String),
}

const DEFAULT_SERVER: &str = "tandem";
const DEFAULT_ADDRESS: &str = "10.0.0.100:5060";
const DEFAULT_UNTIL_US: u64 = 120_000_000;

/// Reads a flow file. The error names the line.
pub fn parse(text: &str) -> Result<Flow, String> {
    let golden_at = text
        .find("\n---\n")
        .map(|at| at + 5)
        .ok_or("no line `---` between the story and the ladder")?;
    let mut flow = Flow {
        servers: Vec::new(),
        phones: Vec::new(),
        weather: Weather::calm(10),
        zone: Vec::new(),
        losses: Vec::new(),
        play: Vec::new(),
        with_cseq: false,
        until_us: DEFAULT_UNTIL_US,
        golden_at,
    };
    let mut script = None;
    for (number, line) in text[..golden_at].lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "---" {
            continue;
        }
        let (item, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let done = match item {
            "script" => {
                script = Some(rest.to_owned());
                Ok(())
            }
            "server" => server(rest).map(|server| flow.servers.push(server)),
            "phones" => phones(rest, &mut flow.phones),
            "network" => network(rest).map(|weather| flow.weather = weather),
            "zone" => {
                flow.zone.push(rest.to_owned());
                Ok(())
            }
            "lose" => loss(rest).map(|loss| flow.losses.push(loss)),
            "fault" => rest
                .split_once(' ')
                .map(|(who, what)| {
                    flow.play
                        .push(Clause::Fault(who.to_owned(), what.to_owned()))
                })
                .ok_or_else(|| "fault: phone and knob".to_owned()),
            "play" => rest
                .split(';')
                .try_for_each(|text| clause(text).map(|clause| flow.play.push(clause))),
            "show" if rest == "cseq" => {
                flow.with_cseq = true;
                Ok(())
            }
            // A line of its own: Contacts have semicolons.
            "redirect" => redirect(rest).map(|clause| flow.play.push(clause)),
            "until" => duration(rest).map(|until| flow.until_us = until),
            _ => Err(format!("`{item}` is no item of a flow")),
        };
        done.map_err(|error| format!("line {}: {error}", number + 1))?;
    }
    if flow.servers.is_empty() {
        flow.servers
            .push(server(&format!("{DEFAULT_SERVER}@{DEFAULT_ADDRESS}"))?);
    }
    let first = flow.servers[0].name.clone();
    for server in &mut flow.servers {
        if server.script.is_empty() {
            server.script = script.clone().ok_or("no `script`")?;
        }
    }
    for phone in &mut flow.phones {
        if phone.server.is_empty() {
            phone.server.clone_from(&first);
        }
    }
    Ok(flow)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>()
        .or_else(|_| {
            text.parse::<std::net::IpAddr>()
                .map(|ip| SocketAddr::new(ip, 5060))
        })
        .map_err(|_| format!("`{text}` is not an address"))
}

fn at(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, place) = text
        .split_once('@')
        .ok_or_else(|| format!("`{text}`: name@address"))?;
    Ok((name.to_owned(), address(place)?))
}

fn server(text: &str) -> Result<ServerLine, String> {
    let mut words = text.split_whitespace();
    let (name, address) = at(words.next().unwrap_or(""))?;
    let mut server = ServerLine {
        name,
        address,
        shards: 1,
        domain: None,
        script: String::new(),
    };
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("`{word}` wants a value"))?;
        match word {
            "shards" => server.shards = value.parse().map_err(|_| format!("`{value}` shards"))?,
            "domain" => server.domain = Some(value.to_owned()),
            "script" => server.script = value.to_owned(),
            _ => return Err(format!("`{word}` is no option of a server")),
        }
    }
    Ok(server)
}

fn phones(text: &str, phones: &mut Vec<PhoneLine>) -> Result<(), String> {
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.contains('@') {
            let (name, address) = at(word)?;
            phones.push(PhoneLine {
                user: name.clone(),
                name,
                address,
                server: String::new(),
                registered: false,
                tcp: false,
                unrouted: false,
            });
            continue;
        }
        let phone = phones
            .last_mut()
            .ok_or_else(|| format!("`{word}` before any phone"))?;
        match word {
            "registered" => phone.registered = true,
            "tcp" => phone.tcp = true,
            "unrouted" => phone.unrouted = true,
            "user" => phone.user = words.next().ok_or("`user` wants a name")?.to_owned(),
            "at" => phone.server = words.next().ok_or("`at` wants a server")?.to_owned(),
            _ => return Err(format!("`{word}` is no option of a phone")),
        }
    }
    Ok(())
}

fn network(text: &str) -> Result<Weather, String> {
    let mut words = text.split_whitespace();
    let mut weather = Weather::calm(0);
    weather.delay_us = duration(words.next().unwrap_or(""))?;
    let per_mille = |text: &str| {
        let percent: f64 = text
            .trim_end_matches('%')
            .parse()
            .map_err(|_| format!("`{text}` is no percentage"))?;
        Ok::<u32, String>((percent * 10.0) as u32)
    };
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("`{word}` wants a value"))?;
        match word {
            "jitter" => weather.jitter_us = duration(value)?,
            "loss" => weather.loss = per_mille(value)?,
            "duplicates" => weather.duplicate = per_mille(value)?,
            _ => return Err(format!("`{word}` is no weather")),
        }
    }
    Ok(weather)
}

fn loss(text: &str) -> Result<Loss, String> {
    let wrong = || format!("`{text}`: from > to message [times N]");
    let (from, rest) = text.split_once('>').ok_or_else(wrong)?;
    let (to, what) = rest.trim().split_once(' ').ok_or_else(wrong)?;
    let (what, count) = match what.split_once(" times ") {
        Some((what, count)) => (what, count.trim().parse().map_err(|_| wrong())?),
        None => (what, 1),
    };
    Ok(Loss {
        from: from.trim().to_owned(),
        to: to.to_owned(),
        what: what.trim().to_owned(),
        count,
    })
}

fn redirect(text: &str) -> Result<Clause, String> {
    let mut words = text.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(who), Some(code), Some(contacts)) => Ok(Clause::Redirects(
            who.to_owned(),
            status(code)?,
            contacts.trim().to_owned(),
        )),
        _ => Err("redirect: phone, code and Contacts".to_owned()),
    }
}

fn clause(text: &str) -> Result<Clause, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let own = |text: &str| text.to_owned();
    Ok(match words.as_slice() {
        ["wait", time] => Clause::Wait(duration(time)?),
        [who, "registers"] => Clause::Registers(own(who), 3600),
        [who, "registers", "for", time] => {
            Clause::Registers(own(who), (duration(time)? / 1_000_000) as u32)
        }
        [who, "unregisters"] => Clause::Registers(own(who), 0),
        [who, "calls", whom] => Clause::Calls(own(who), own(whom)),
        [who, "sends", method, "to", whom] => Clause::Sends(own(who), own(method), own(whom)),
        [who, "rings"] | [who, "never", "answers"] => Clause::NeverAnswers(own(who)),
        [who, "rings", "for", time] => Clause::Rings(own(who), duration(time)?),
        [who, "answers"] => Clause::Answers(own(who), 0),
        [who, "answers", "after", time] => Clause::Answers(own(who), duration(time)?),
        [who, "rejects", "with", code] => Clause::Rejects(own(who), status(code)?, 0),
        [who, "rejects", "with", code, "after", time] => {
            Clause::Rejects(own(who), status(code)?, duration(time)?)
        }
        [who, "is", "silent"] => Clause::Silent(own(who)),
        [who, "cancels", "after", time] => Clause::Cancels(own(who), duration(time)?),
        [who, "hangs", "up", "after", time] => Clause::HangsUp(own(who), duration(time)?),
        [who, "re-invites", "after", time] => Clause::Reinvites(own(who), duration(time)?),
        [who, "re-invites"] => Clause::InCall(own(who), InCall::Reinvite),
        [who, "updates"] => Clause::InCall(own(who), InCall::Update),
        [who, "hangs", "up"] => Clause::InCall(own(who), InCall::HangUp),
        [
            who,
            "challenges",
            "with",
            code,
            "realm",
            realm,
            "user",
            login,
            rest @ ..,
        ] => {
            let (user, password) = login.split_once(':').ok_or("user:password")?;
            let (algorithm, qop) = match rest {
                [] => ("", ""),
                [algorithm] => (*algorithm, ""),
                [algorithm, qop] => (*algorithm, *qop),
                _ => return Err(format!("`{}`: algorithm and qop", text.trim())),
            };
            Clause::Challenges {
                who: own(who),
                code: status(code)?,
                realm: own(realm),
                user: own(user),
                password: own(password),
                algorithm: own(algorithm),
                qop: own(qop),
            }
        }
        _ => return Err(format!("`{}` is no clause of a play", text.trim())),
    })
}

fn status(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no status code"))
}

/// `10ms`, `9s`, `2min`, in microseconds.
pub fn duration(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let factor = match unit {
        "us" => 1,
        "ms" => 1000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        _ => return Err(format!("`{text}` is no duration: 10ms, 9s, 2min")),
    };
    digits
        .parse::<u64>()
        .map(|n| n * factor)
        .map_err(|_| format!("`{text}` is no duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_example_of_the_style() {
        let flow = parse(
            "# RFC 3665 §3.8: no answer.\nscript   residential.cfg\nphones   alice@10.0.0.1   bob@10.0.0.2 registered\n\
             network  10ms\nplay     alice calls bob; bob rings; alice cancels after 9s\n---\nladder\n",
        )
        .unwrap();
        assert_eq!(flow.servers[0].name, "tandem");
        assert!(flow.phones[1].registered && !flow.phones[0].registered);
        assert_eq!(flow.play[2], Clause::Cancels("alice".into(), 9_000_000));
    }

    #[test]
    fn names_the_line_that_is_wrong() {
        let error = parse("script a.cfg\nplay alice dances\n---\n").unwrap_err();
        assert_eq!(error, "line 2: `alice dances` is no clause of a play");
    }
}
