//! A zone in text, answers in bytes: the name server of the simulated world (RFC 1035).
//!
//! A line is `name ttl type data...`: `example.com 60 SRV _sip... 10 60 5060 host` is written
//! `_sip._udp.example.com 60 SRV 10 60 5060 a.example.com`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The records of a simulated world.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    records: Vec<Record>,
}

#[derive(Clone, Debug)]
struct Record {
    name: String,
    ttl: u32,
    kind: u16,
    data: Vec<u8>,
}

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

impl Zone {
    /// Reads a line of the zone. Says what is wrong with it.
    pub fn add(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, ttl, kind, data @ ..] = words.as_slice() else {
            return Err(format!("`{line}`: name ttl type data"));
        };
        let wrong = |what: &str| format!("`{line}`: {what}");
        let number = |text: &str| {
            text.parse::<u16>()
                .map_err(|_| wrong("a number below 65536"))
        };
        let (kind, data) = match (*kind, data) {
            ("A", [ip]) => (
                A,
                ip.parse::<Ipv4Addr>()
                    .map_err(|_| wrong("an IPv4 address"))?
                    .octets()
                    .to_vec(),
            ),
            ("AAAA", [ip]) => (
                AAAA,
                ip.parse::<Ipv6Addr>()
                    .map_err(|_| wrong("an IPv6 address"))?
                    .octets()
                    .to_vec(),
            ),
            ("CNAME", [target]) => (CNAME, name_bytes(target)),
            ("SRV", [priority, weight, port, target]) => {
                let mut data = Vec::new();
                for word in [priority, weight, port] {
                    data.extend_from_slice(&number(word)?.to_be_bytes());
                }
                data.extend(name_bytes(target));
                (SRV, data)
            }
            ("NAPTR", [order, preference, flags, service, replacement]) => {
                let mut data = Vec::new();
                data.extend_from_slice(&number(order)?.to_be_bytes());
                data.extend_from_slice(&number(preference)?.to_be_bytes());
                for text in [*flags, *service, ""] {
                    data.push(text.len() as u8);
                    data.extend_from_slice(text.as_bytes());
                }
                data.extend(name_bytes(replacement));
                (NAPTR, data)
            }
            _ => return Err(wrong("A, AAAA, CNAME, SRV or NAPTR with its data")),
        };
        let ttl = ttl.parse().map_err(|_| wrong("ttl in seconds"))?;
        self.records.push(Record {
            name: name.to_ascii_lowercase(),
            ttl,
            kind,
            data,
        });
        Ok(())
    }

    /// The response message to a question: the records of that name and type, or NXDOMAIN when the name has none at all.
    pub fn answer(&self, name: &str, record_type: u16) -> Vec<u8> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let known = self.records.iter().any(|r| r.name == name);
        let found: Vec<&Record> = self
            .records
            .iter()
            .filter(|r| r.name == name && (r.kind == record_type || r.kind == CNAME))
            .collect();
        let rcode: u16 = if known { 0 } else { 3 };
        let mut out = Vec::new();
        // A response, recursion desired and available.
        for word in [0u16, 0x8180 | rcode, 1, found.len() as u16, 0, 0] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        let question = name_bytes(&name);
        out.extend_from_slice(&question);
        out.extend_from_slice(&record_type.to_be_bytes());
        out.extend_from_slice(&1u16.to_be_bytes());
        for record in found {
            out.extend_from_slice(&question);
            out.extend_from_slice(&record.kind.to_be_bytes());
            out.extend_from_slice(&1u16.to_be_bytes());
            out.extend_from_slice(&record.ttl.to_be_bytes());
            out.extend_from_slice(&(record.data.len() as u16).to_be_bytes());
            out.extend_from_slice(&record.data);
        }
        out
    }
}

fn name_bytes(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name
        .trim_end_matches('.')
        .split('.')
        .filter(|label| !label.is_empty())
    {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_what_the_zone_holds_and_nxdomain_otherwise() {
        let mut zone = Zone::default();
        zone.add("a.example.com 60 A 10.0.0.1").unwrap();
        let answer = zone.answer("A.example.com.", A);
        assert_eq!(answer[7], 1);
        assert!(answer.ends_with(&[0, 4, 10, 0, 0, 1]));
        assert_eq!(zone.answer("b.example.com", A)[3] & 15, 3);
        assert_eq!(zone.answer("a.example.com", AAAA)[7], 0);
        assert!(zone.add("a.example.com 60 A ten").is_err());
    }
}
