//! The table of addresses: which group a peer belongs to.
//!
//! A network is found by its masked address, the longest prefixes first: as many lookups as there are lengths of
//! prefixes in the table, however many rows it has.

use std::net::IpAddr;

use engine::blacklist::glob::{self, Case};
use engine::input::Transport;
use hashbrown::HashMap;

/// Rows of a partition.
pub(super) const ROWS_MAX: usize = 200_000;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) group: u32,
    pub(super) address: IpAddr,
    pub(super) mask: u8,
    /// 0: any.
    pub(super) port: u16,
    pub(super) transport: Proto,
    pub(super) pattern: Option<String>,
    pub(super) info: Option<String>,
}

/// The transports of a row, or of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proto {
    Any,
    None,
    Only(Transport),
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// 0: any.
    pub(super) group: u32,
    pub(super) address: IpAddr,
    /// 0: any.
    pub(super) port: u16,
    pub(super) transport: Proto,
    pub(super) text: Option<&'a [u8]>,
}

/// All rows of a partition.
#[derive(Debug)]
pub(super) struct Addresses {
    rows: Vec<Row>,
    networks: HashMap<(IpAddr, u8), Vec<u32>, ahash::RandomState>,
    /// The lengths of prefixes that there are, longest first: of IPv4, of IPv6.
    lengths: [Vec<u8>; 2],
}

impl Proto {
    pub(super) fn parse(text: &[u8]) -> Option<Proto> {
        match text.to_ascii_lowercase().as_slice() {
            b"any" => Some(Proto::Any),
            b"none" => Some(Proto::None),
            _ => Transport::parse(text).map(Proto::Only),
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Proto::Any => "any",
            Proto::None => "none",
            Proto::Only(transport) => transport.as_str(),
        }
    }

    /// A row that matches `none` never matches.
    fn holds(self, asked: Proto) -> bool {
        match (self, asked) {
            (Proto::None, _) | (_, Proto::None) => false,
            (Proto::Any, _) | (_, Proto::Any) => true,
            (row, asked) => row == asked,
        }
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Addresses {
            rows: Vec::new(),
            networks: HashMap::with_hasher(ahash::RandomState::with_seeds(6, 2, 8, 3)),
            lengths: [Vec::new(), Vec::new()],
        }
    }
}

impl Addresses {
    /// `GROUP ADDRESS[/MASK] [PORT [PROTO [PATTERN [INFO]]]]`, a row a line; `-` leaves a field out, `#` begins a
    /// comment.
    pub(super) fn parse(text: &[u8]) -> Result<Addresses, String> {
        let mut addresses = Addresses::default();
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let line = String::from_utf8_lossy(line);
            let row = row(line.trim()).map_err(|why| format!("line {number}: {why}"))?;
            let Some(row) = row else { continue };
            if addresses.rows.len() >= ROWS_MAX {
                return Err(format!("more than {ROWS_MAX} rows"));
            }
            addresses.add(row);
        }
        Ok(addresses)
    }

    fn add(&mut self, row: Row) {
        let lengths = &mut self.lengths[usize::from(row.address.is_ipv6())];
        if let Err(place) = lengths.binary_search_by(|one| row.mask.cmp(one)) {
            lengths.insert(place, row.mask);
        }
        let place = self.rows.len() as u32;
        self.networks
            .entry((row.address, row.mask))
            .or_default()
            .push(place);
        self.rows.push(row);
    }

    /// The row of the longest prefix; of equal ones the first.
    pub(super) fn find(&self, question: Question<'_>) -> Option<&Row> {
        let address = question.address.to_canonical();
        let holds = |row: &&Row| {
            (question.group == 0 || row.group == question.group)
                && (question.port == 0 || row.port == 0 || row.port == question.port)
                && row.transport.holds(question.transport)
                && match (&row.pattern, question.text) {
                    (Some(pattern), Some(text)) => {
                        glob::matches(pattern.as_bytes(), text, Case::Ignored)
                    }
                    _ => true,
                }
        };
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        lengths.iter().find_map(|length| {
            let network = self.networks.get(&(masked(address, *length), *length))?;
            network
                .iter()
                .map(|place| &self.rows[*place as usize])
                .find(holds)
        })
    }

    /// Single addresses, or networks.
    pub(super) fn rows(&self, networks: bool) -> impl Iterator<Item = &Row> {
        let is_network = |row: &Row| row.mask != if row.address.is_ipv4() { 32 } else { 128 };
        self.rows
            .iter()
            .filter(move |row| is_network(row) == networks)
    }
}

fn row(line: &str) -> Result<Option<Row>, String> {
    let line = line.split_once('#').map_or(line, |(line, _)| line);
    let mut rest = line;
    let mut next = || {
        let text = rest.trim_start();
        let end = text.find([' ', '\t']).unwrap_or(text.len());
        rest = &text[end..];
        Some(&text[..end]).filter(|field| !field.is_empty())
    };
    let Some(group) = next() else { return Ok(None) };
    let group = match group.parse() {
        Ok(group @ 1..) => group,
        _ => return Err(format!("`{group}` is no group: a number from 1")),
    };
    let written = next().ok_or("an address is missing")?;
    let (address, mask) = written
        .split_once('/')
        .map_or((written, None), |(address, mask)| (address, Some(mask)));
    let written_address: IpAddr = address
        .parse()
        .map_err(|_| format!("`{address}` is no address"))?;
    // As questions are: `::ffff:192.0.2.1` is an address of IPv4, and so its mask counts from the 96 bits before it.
    let address = written_address.to_canonical();
    let (least, most) = match (written_address, address) {
        (IpAddr::V6(_), IpAddr::V4(_)) => (96, 128),
        (IpAddr::V6(_), _) => (0, 128),
        (IpAddr::V4(_), _) => (0, 32),
    };
    let mask: u8 = match mask.map(str::parse) {
        None => most,
        Some(Ok(mask)) if (least..=most).contains(&mask) => mask,
        Some(_) if least > 0 => {
            return Err(format!(
                "`{written}`: a mask is a number from {least} to {most}"
            ));
        }
        Some(_) => return Err(format!("`{written}`: a mask is a number up to {most}")),
    };
    let mask = mask - least;
    let mut given = || next().filter(|field| *field != "-");
    let port = given().map_or(Ok(0), |port| {
        port.parse().map_err(|_| format!("`{port}` is no port"))
    })?;
    let transport = match given() {
        None => Proto::Any,
        Some(text) => Proto::parse(text.as_bytes())
            .ok_or_else(|| format!("`{text}` is not any, udp, tcp, tls, sctp or none"))?,
    };
    let pattern = given().map(str::to_owned);
    let info = rest.trim();
    Ok(Some(Row {
        group,
        address: masked(address, mask),
        mask,
        port,
        transport,
        pattern,
        info: (!info.is_empty() && info != "-").then(|| info.to_owned()),
    }))
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
        # group address port proto pattern info
        1 192.0.2.10 5060 udp
        2 192.0.2.0/24 - - - trunk=a; b
        3 192.0.2.128/25
        3 10.0.0.0/8 - none
        4 2001:db8::/32 - tcp ^never
        5 0.0.0.0/0 - - sip:*@example.com everybody
    ";

    fn group(
        address: &str,
        port: u16,
        transport: &str,
        group: u32,
        text: Option<&str>,
    ) -> Option<u32> {
        let question = Question {
            group,
            address: address.parse().unwrap(),
            port,
            transport: Proto::parse(transport.as_bytes()).unwrap(),
            text: text.map(str::as_bytes),
        };
        Addresses::parse(TABLE.as_bytes())
            .unwrap()
            .find(question)
            .map(|row| row.group)
    }

    #[test]
    fn the_longest_prefix_that_fits_wins() {
        assert_eq!(group("192.0.2.10", 5060, "UDP", 0, None), Some(1));
        assert_eq!(group("192.0.2.10", 5061, "udp", 0, None), Some(2));
        assert_eq!(group("192.0.2.10", 0, "any", 0, None), Some(1));
        assert_eq!(group("192.0.2.200", 1, "tcp", 0, None), Some(3));
        assert_eq!(group("192.0.2.200", 1, "tcp", 2, None), Some(2));
        assert_eq!(group("::ffff:192.0.2.200", 1, "tcp", 2, None), Some(2));
        assert_eq!(group("2001:db8::1", 1, "tcp", 0, None), Some(4));
        assert_eq!(group("2001:db8::1", 1, "udp", 0, None), None);
        assert_eq!(group("2001:db9::1", 1, "tcp", 0, None), None);
    }

    #[test]
    fn an_address_of_ipv4_in_the_form_of_ipv6_is_one_of_ipv4() {
        let table = "1 ::ffff:192.0.2.1\n2 ::ffff:10.0.0.0/104\n";
        let addresses = Addresses::parse(table.as_bytes()).unwrap();
        let group = |address: &str| {
            let question = Question {
                group: 0,
                address: address.parse().unwrap(),
                port: 0,
                transport: Proto::Any,
                text: None,
            };
            addresses.find(question).map(|row| row.group)
        };
        assert_eq!(group("192.0.2.1"), Some(1));
        assert_eq!(group("::ffff:192.0.2.1"), Some(1));
        assert_eq!(group("192.0.2.2"), None);
        assert_eq!(group("10.255.0.1"), Some(2));
        assert_eq!(group("11.0.0.1"), None);
        assert_eq!(addresses.rows(false).count(), 1);
        assert_eq!(addresses.rows(true).count(), 1);
    }

    #[test]
    fn none_never_matches_and_a_pattern_only_what_is_asked() {
        assert_eq!(group("10.1.1.1", 1, "udp", 3, None), None);
        assert_eq!(group("10.1.1.1", 1, "any", 0, None), Some(5));
        assert_eq!(
            group("10.1.1.1", 1, "any", 0, Some("sip:a@example.com")),
            Some(5)
        );
        assert_eq!(
            group("10.1.1.1", 1, "any", 0, Some("sip:a@example.org")),
            None
        );
    }

    #[test]
    fn what_is_no_row_is_named_with_its_line() {
        let wrong = |text: &str| Addresses::parse(text.as_bytes()).unwrap_err();
        assert_eq!(
            wrong("\n0 1.1.1.1"),
            "line 2: `0` is no group: a number from 1"
        );
        assert_eq!(wrong("1"), "line 1: an address is missing");
        assert_eq!(wrong("1 1.1.1"), "line 1: `1.1.1` is no address");
        assert_eq!(
            wrong("1 1.1.1.1/33"),
            "line 1: `1.1.1.1/33`: a mask is a number up to 32"
        );
        assert_eq!(
            wrong("1 ::ffff:1.1.1.1/24"),
            "line 1: `::ffff:1.1.1.1/24`: a mask is a number from 96 to 128"
        );
        assert_eq!(wrong("1 1.1.1.1 x"), "line 1: `x` is no port");
        assert_eq!(
            wrong("1 1.1.1.1 5060 xmpp"),
            "line 1: `xmpp` is not any, udp, tcp, tls, sctp or none"
        );
    }
}
