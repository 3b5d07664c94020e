//! What a call costs the generator, without sockets: INVITE, 180, 200, ACK, BYE, 200 between two phones.
//!
//! Six messages of some 500 bytes are written and read; at 40,000 calls/s on one core all of this may take 10 us.

use std::hint::black_box;
use std::net::SocketAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use loadgen::phone::{CallPlan, Command, Event, Outbox, Phone, Settings, Timers};

struct Pair {
    phones: [Phone; 2],
    outboxes: [Outbox; 2],
    now: u64,
    caught: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        let phone = |name: &str, host: u8| {
            let mut settings = Settings::new(name, "example.com", address(host), u64::from(host));
            settings.timers = Timers {
                linger: 5_000_000,
                ..Timers::default()
            };
            Phone::new(settings, 0)
        };
        Self {
            phones: [phone("alice", 1), phone("bob", 2)],
            outboxes: [Outbox::default(), Outbox::default()],
            now: 0,
            caught: Vec::new(),
        }
    }

    /// One call, a tenth of a millisecond after the last: lingering transactions pile up as under load.
    fn call(&mut self) {
        self.now += 100;
        let command = Command::Call {
            line: 0,
            user: "",
            to: "sip:bob@10.0.0.2",
            plan: CallPlan::default(),
            tag: self.now,
        };
        self.phones[0].handle(self.now, Event::Command(command), &mut self.outboxes[0]);
        let mut side = 0;
        while !self.outboxes[side].sends.is_empty() {
            let (sender, receiver) = (side, 1 - side);
            let mut outbox = std::mem::take(&mut self.outboxes[sender]);
            for send in &outbox.sends {
                self.caught.clear();
                self.caught.extend_from_slice(outbox.bytes_of(send));
                let event = Event::Received {
                    line: 0,
                    bytes: &self.caught,
                    from: address(sender as u8 + 1),
                };
                self.phones[receiver].handle(self.now, event, &mut self.outboxes[receiver]);
            }
            outbox.clear();
            self.outboxes[sender] = outbox;
            side = receiver;
        }
        for phone in 0..2 {
            self.phones[phone].handle(self.now, Event::Tick, &mut self.outboxes[phone]);
        }
    }
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], 5060))
}

fn calls(criterion: &mut Criterion) {
    let mut pair = Pair::new();
    criterion.bench_function("one call between two phones", |bencher| {
        bencher.iter(|| {
            pair.call();
            black_box(&pair.phones);
        });
    });
    assert_eq!(
        pair.phones[0].open_calls() + pair.phones[1].open_calls(),
        0,
        "every call came to its end"
    );
}

criterion_group!(benches, calls);
criterion_main!(benches);
