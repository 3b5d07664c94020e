//! Statistics: counters by group and name, summed over the shards by whoever reads them.
//!
//! The engine's own counters are rows of the table below and cost an addition each. What modules
//! and scripts register comes after them. Numbers that are not counted but looked up (transactions
//! in use) are set by the engine before a command reads them. What a script counts may go down: a value is read as a
//! signed number, and only the sum over the shards means something.

use hashbrown::HashTable;

macro_rules! counters {
    ($( $group:literal { $( $(#[$doc:meta])* $variant:ident $name:literal, )* } )*) => {
        /// The engine's own counters, named as OpenSIPS names them where it has them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Counter { $( $( $(#[$doc])* #[doc = $name] $variant, )* )* }

        /// Group and name, in the order of [`Counter`].
        const OWN: &[(&str, &str)] = &[ $( $( ($group, $name), )* )* ];
    };
}

counters! {
    "core" {
        RequestsReceived "rcv_requests",
        ResponsesReceived "rcv_replies",
        RequestsForwarded "fwd_requests",
        ResponsesForwarded "fwd_replies",
        RequestsDropped "drop_requests",
        ResponsesDropped "drop_replies",
        RequestsFailed "err_requests",
        ResponsesFailed "err_replies",
        BadUris "bad_URIs_rcvd",
        UnsupportedMethods "unsupported_methods",
        BadHeaders "bad_msg_hdr",
        /// Not SIP at all.
        NotSip "bad_not_sip",
        /// Of another version.
        BadVersion "bad_version",
        /// Too large, or with too many of something.
        TooLarge "bad_too_large",
        /// Keep-alives: CRLF, empty datagrams.
        KeepAlives "keepalives",
        /// Messages handed to the shard that owns them.
        HandoversSent "handovers_sent",
        /// Messages that other shards handed to us.
        HandoversReceived "handovers_received",
        /// Handed to us, though another shard owns them.
        HandoversWrong "handovers_wrong",
        /// Requests answered 503 because a table was full.
        Overloaded "overload_rejected",
        /// Answers whose question is forgotten.
        LateAnswers "late_answers",
        /// Calls that failed because as many runs wait as may.
        WaitsRefused "waits_refused",
        /// Bytes that could not be sent.
        SendFailures "send_failures",
        /// Inputs that made us panic.
        Panics "panics",
        /// Addresses that a blacklist forbade.
        Blacklisted "blacklisted_destinations",
        /// Jobs or sends dropped at a bound.
        BoundsReached "bounds_reached",
    }
    "tm" {
        TmResponsesReceived "received_replies",
        TmResponsesRelayed "relayed_replies",
        TmResponsesLocal "local_replies",
        ServerTransactions "UAS_transactions",
        ClientTransactions "UAC_transactions",
        Final2xx "2xx_transactions",
        Final3xx "3xx_transactions",
        Final4xx "4xx_transactions",
        Final5xx "5xx_transactions",
        Final6xx "6xx_transactions",
        InUse "inuse_transactions",
        /// Requests of a peer that came again.
        RequestRetransmissions "request_retransmissions",
        /// Requests and responses that we sent again.
        OwnRetransmissions "sent_retransmissions",
        /// Of these, requests: the first, second, third time, and every further time.
        RequestAgain1 "retransmission_req_T1_1",
        RequestAgain2 "retransmission_req_T1_2",
        RequestAgain3 "retransmission_req_T1_3",
        RequestAgainLater "retransmission_req_T2",
        /// Of these, final responses.
        ResponseAgain "retransmission_rpl_T2",
        /// Client transactions that nobody answered in time.
        Timeouts "timeouts",
        /// Of these, such as had no response at all.
        TimeoutsSilent "timeout_finalresponse",
        /// Of these, INVITEs that had only provisional responses.
        TimeoutsRinging "timeout_finalresponse_inv",
        /// ACKs that match nothing.
        AcksUnmatched "acks_unmatched",
        /// ACKs that came round to us again, or have no hops left.
        AcksNotForwarded "acks_not_forwarded",
        /// Responses that match nothing.
        ResponsesUnmatched "replies_unmatched",
    }
    "sl" {
        StatelessSent "sent_replies",
        Stateless1xx "1xx_replies",
        Stateless2xx "2xx_replies",
        Stateless3xx "3xx_replies",
        Stateless4xx "4xx_replies",
        Stateless5xx "5xx_replies",
        Stateless6xx "6xx_replies",
        /// ACKs to replies that were sent without a transaction; they end here.
        StatelessAcks "received_ACKs",
    }
}

/// Group and name of the engine's own counters.
pub(crate) fn own() -> impl Iterator<Item = (&'static str, &'static str)> {
    OWN.iter().copied()
}

/// A counter of a module or script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatisticId(u16);

impl From<Counter> for StatisticId {
    fn from(counter: Counter) -> Self {
        StatisticId(counter as u16)
    }
}

/// All counters of one engine.
#[derive(Clone, Debug)]
pub struct Statistics {
    values: Vec<u64>,
    rows: Vec<(String, String)>,
    /// Rows by group and name.
    index: HashTable<u16>,
    /// Rows that nobody resets.
    kept: Vec<StatisticId>,
}

/// Counters of one engine, those of modules and scripts included.
pub const STATISTICS_MAX: usize = 8192;

fn hash(group: &str, name: &str) -> u64 {
    // Names come from scripts; one that counts by what peers write is bounded by the number of rows.
    ahash::RandomState::with_seeds(3, 1, 4, 1).hash_one((group, name))
}

impl Default for Statistics {
    fn default() -> Self {
        Self::new()
    }
}

impl Statistics {
    /// The engine's own, all 0.
    #[must_use]
    pub fn new() -> Self {
        let mut statistics = Self {
            values: Vec::with_capacity(OWN.len()),
            rows: Vec::with_capacity(OWN.len()),
            index: HashTable::with_capacity(OWN.len()),
            kept: Vec::new(),
        };
        for (group, name) in OWN {
            statistics.push(group, name);
        }
        statistics
    }

    fn push(&mut self, group: &str, name: &str) -> StatisticId {
        let row = self.rows.len() as u16;
        self.rows.push((group.to_owned(), name.to_owned()));
        self.values.push(0);
        let rows = &self.rows;
        let hash_of = |row: &u16| {
            let (group, name) = &rows[usize::from(*row)];
            hash(group, name)
        };
        self.index.insert_unique(hash(group, name), row, hash_of);
        StatisticId(row)
    }

    /// Makes a counter, or finds the one that has this name. `None` if there are [`STATISTICS_MAX`] already.
    pub fn register(&mut self, group: &str, name: &str) -> Option<StatisticId> {
        let known = self.find(group, name);
        known.or_else(|| (self.rows.len() < STATISTICS_MAX).then(|| self.push(group, name)))
    }

    /// The counter of this group and name.
    #[must_use]
    pub fn find(&self, group: &str, name: &str) -> Option<StatisticId> {
        let is_it = |row: &u16| {
            let row = &self.rows[usize::from(*row)];
            row.0 == group && row.1 == name
        };
        self.index
            .find(hash(group, name), is_it)
            .map(|row| StatisticId(*row))
    }

    /// Keeps a counter from being reset.
    pub fn keep(&mut self, counter: StatisticId) {
        if !self.kept.contains(&counter) {
            self.kept.push(counter);
        }
    }

    /// Sets it to 0. False if it is kept.
    pub fn reset(&mut self, counter: StatisticId) -> bool {
        let may = !self.kept.contains(&counter);
        if may {
            self.set(counter, 0);
        }
        may
    }

    /// One more.
    pub fn count(&mut self, counter: impl Into<StatisticId>) {
        self.add(counter, 1);
    }

    /// This many more.
    pub fn add(&mut self, counter: impl Into<StatisticId>, by: u64) {
        let value = &mut self.values[usize::from(counter.into().0)];
        *value = value.wrapping_add(by);
    }

    /// Sets it; what is shown and not counted.
    pub fn set(&mut self, counter: impl Into<StatisticId>, value: u64) {
        self.values[usize::from(counter.into().0)] = value;
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self, counter: impl Into<StatisticId>) -> u64 {
        self.values[usize::from(counter.into().0)]
    }

    /// All of them: group, name, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.rows
            .iter()
            .zip(&self.values)
            .map(|(row, &value)| (row.0.as_str(), row.1.as_str(), value))
    }

    /// Counts a final response of a transaction.
    pub fn count_final(&mut self, status: u16) {
        use Counter::*;
        self.count(match status / 100 {
            2 => Final2xx,
            3 => Final3xx,
            4 => Final4xx,
            5 => Final5xx,
            _ => Final6xx,
        });
    }

    /// Counts a response sent without a transaction.
    pub fn count_stateless(&mut self, status: u16) {
        use Counter::*;
        self.count(StatelessSent);
        self.count(match status / 100 {
            1 => Stateless1xx,
            2 => Stateless2xx,
            3 => Stateless3xx,
            4 => Stateless4xx,
            5 => Stateless5xx,
            _ => Stateless6xx,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_registered_twice_is_one_and_the_engines_own_come_first() {
        let mut statistics = Statistics::new();
        let first = statistics.register("usrloc", "contacts").unwrap();
        assert_eq!(statistics.register("usrloc", "contacts"), Some(first));
        assert_eq!(
            statistics.register("core", "rcv_requests"),
            Some(Counter::RequestsReceived.into())
        );
        statistics.count(first);
        statistics.add(first, 2);
        statistics.count_final(486);
        assert_eq!(statistics.get(first), 3);
        assert_eq!(statistics.get(Counter::Final4xx), 1);
        assert_eq!(statistics.iter().next(), Some(("core", "rcv_requests", 0)));
        assert_eq!(statistics.iter().last(), Some(("usrloc", "contacts", 3)));
        assert_eq!(statistics.find("usrloc", "contact"), None);
        assert!(statistics.reset(first));
        statistics.keep(first);
        assert!(!statistics.reset(first));
    }

    #[test]
    fn the_table_of_counters_ends() {
        let mut statistics = Statistics::new();
        let made = (0..STATISTICS_MAX)
            .filter(|number| {
                statistics
                    .register("dynamic", &number.to_string())
                    .is_some()
            })
            .count();
        assert_eq!(made + OWN.len(), STATISTICS_MAX);
        assert!(statistics.register("dynamic", "0").is_some());
    }
}
