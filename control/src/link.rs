//! The rings between a shard and the control thread.
//!
//! Either end belongs to one thread. Whoever puts something wakes the other end: the shard by its
//! doorbell, which only rings while it sleeps, the control thread by a tokio notification, which costs
//! an atomic operation while it is awake.

use std::path::PathBuf;
use std::sync::Arc;

use engine::{Answer, Command, Reload, Ticket};
use parser::Frame;
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::Notify;

use crate::limits::{ORDERS_MAX, REPORTS_MAX};

/// The result of a command: JSON text, or a code and a message.
pub type CommandResult = Result<Box<[u8]>, (i32, Box<[u8]>)>;

/// From a shard.
#[derive(Debug)]
pub enum Report {
    /// A page of log lines, see [`crate::link::push_line`]. It comes back as [`Order::Page`].
    Log(Frame),
    /// Read this file for the engine: who waits, where it is, and how many bytes it may have.
    File(Ticket, PathBuf, usize),
    /// The answer to a command.
    Answer(Ticket, CommandResult),
    /// The process is to end by SIGABRT, behind the log lines of earlier reports.
    Abort,
}

/// To a shard.
#[derive(Debug)]
pub enum Order {
    /// Answer this.
    Command(Ticket, Command),
    /// What the engine asked for.
    Answer(Ticket, Answer),
    /// Take this step of replacing the script.
    Reload(Ticket, Reload),
    /// An empty page, to be used again.
    Page(Frame),
}

/// The shard's end.
pub struct ShardEnd {
    reports: Producer<Report>,
    orders: Consumer<Order>,
    wake: Arc<Notify>,
}

/// The control thread's end.
pub struct ControlEnd {
    pub(crate) reports: Consumer<Report>,
    orders: Producer<Order>,
    wake_shard: Box<dyn Fn() + Send>,
}

/// Both ends. `wake` is shared by all shards of one control thread; `wake_shard` wakes this one.
pub fn link(wake: &Arc<Notify>, wake_shard: Box<dyn Fn() + Send>) -> (ShardEnd, ControlEnd) {
    let (reports, their_reports) = RingBuffer::new(REPORTS_MAX);
    let (their_orders, orders) = RingBuffer::new(ORDERS_MAX);
    (
        ShardEnd {
            reports,
            orders,
            wake: wake.clone(),
        },
        ControlEnd {
            reports: their_reports,
            orders: their_orders,
            wake_shard,
        },
    )
}

impl ShardEnd {
    /// Reports; gives the report back if the ring is full.
    pub fn report(&mut self, report: Report) -> Result<(), Report> {
        match self.reports.push(report) {
            Ok(()) => {
                self.wake.notify_one();
                Ok(())
            }
            Err(rtrb::PushError::Full(report)) => Err(report),
        }
    }

    /// The next order.
    pub fn order(&mut self) -> Option<Order> {
        self.orders.pop().ok()
    }

    /// Whether there is an order.
    pub fn has_orders(&self) -> bool {
        !self.orders.is_empty()
    }
}

impl Drop for ShardEnd {
    /// The last word of a shard: there will be no other.
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

impl ControlEnd {
    /// Orders; gives the order back if the ring is full.
    pub(crate) fn order(&mut self, order: Order) -> Result<(), Order> {
        match self.orders.push(order) {
            Ok(()) => {
                (self.wake_shard)();
                Ok(())
            }
            Err(rtrb::PushError::Full(order)) => Err(order),
        }
    }

    /// Whether the shard is gone for good.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.orders.is_abandoned()
    }
}

/// Bytes before each line of a page: level, and length as two bytes.
const LINE_HEAD: usize = 3;

/// Appends a line to a page. False if it does not fit below `limit`; a line longer than that alone
/// is cut.
pub fn push_line(page: &mut Frame, level: i8, line: &[u8], limit: usize) -> bool {
    let line = &line[..line.len().min(limit.saturating_sub(LINE_HEAD))];
    if page.len() + LINE_HEAD + line.len() > limit {
        return false;
    }
    let [high, low] = (line.len() as u16).to_be_bytes();
    page.extend(&[level as u8, high, low]);
    page.extend(line);
    true
}

/// The lines of a page.
pub fn lines(page: &[u8]) -> impl Iterator<Item = (i8, &[u8])> {
    let mut rest = page;
    std::iter::from_fn(move || {
        let [level, high, low, behind @ ..] = rest else {
            return None;
        };
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
        let (line, next) = behind.split_at(len);
        rest = next;
        Some((*level as i8, line))
    })
}
