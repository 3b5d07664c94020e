//! The control thread: rings in, commands out, merged answers back, log lines written.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{Answer, Reload, Ticket};
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use crate::files;
use crate::limits::{
    BROKEN_LOG_EVERY, BROKEN_SHOWN_BYTES, COMMAND_WITHIN, COMMANDS_MAX, FAREWELL_WITHIN, FILES_MAX,
    LAST_ANSWERS_WITHIN, ORDER_AGAIN, REPORTS_MAX, UNSENT_MAX,
};
use crate::link::{CommandResult, ControlEnd, Order, Report, lines};
use crate::log::{Log, LogSettings};
use crate::management::merge::Merged;
use crate::management::rpc::{self, Failure};
use crate::management::{self, Arrived, Facts, Fifo, FifoSettings, Request, UnderWay};
use crate::reload::{Asker, Fresh, Next, Reloading, Scripts, refusal};

/// What the control side is told.
#[derive(Clone)]
pub struct Settings {
    /// Where log lines go.
    pub log: LogSettings,
    /// The command FIFO, if the script loads `mi_fifo`.
    pub fifo: Option<FifoSettings>,
    /// What the process knows of itself.
    pub facts: Facts,
    /// Where a new script comes from.
    pub scripts: Arc<dyn Scripts>,
}

/// Checked and ready to run: what could fail has not.
pub struct Prepared {
    settings: Settings,
}

impl Prepared {
    /// Makes the FIFO. The message of a failure says which one and why.
    pub fn new(settings: Settings) -> Result<Prepared, String> {
        if let Some(fifo) = &settings.fifo {
            Fifo::make(fifo).map_err(|error| {
                format!(
                    "mi_fifo: cannot make {}: {error}. Choose another place with modparam(\"mi_fifo\", \"fifo_name\", ...).",
                    fifo.path.display()
                )
            })?;
        }
        Ok(Prepared { settings })
    }

    /// Leaves without having run: takes the FIFO away again.
    pub fn abandon(self) {
        if let Some(fifo) = &self.settings.fifo {
            Fifo::remove(fifo);
        }
    }
}

/// Stops and wakes the control thread. Clones are the same.
#[derive(Clone, Default)]
pub struct Control {
    /// Rings of all shards are announced here.
    pub wake: Arc<Notify>,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Control {
    /// Before the thread.
    pub fn new() -> Control {
        Control::default()
    }

    /// Ends [`run`](Self::run) once all shards have said their last; they may still be at it.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Reads the script again, as `reload_routes` does; the log says what came of it.
    pub fn reload(&self) {
        self.reload.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Runs until stopped. The calling thread becomes the control thread.
    pub fn run(&self, prepared: Prepared, ends: Vec<ControlEnd>) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("the control thread cannot start: {error}"))?;
        let local = tokio::task::LocalSet::new();
        let fifo = prepared.settings.fifo.clone();
        local.block_on(&runtime, async {
            let (sender, arrivals) = mpsc::channel(COMMANDS_MAX);
            let under_way = UnderWay::new();
            if let Some(fifo) = fifo.clone() {
                let serving = management::serve(fifo, sender.clone(), under_way.clone());
                tokio::task::spawn_local(serving);
            }
            let (reader, mut read) = mpsc::channel(FILES_MAX);
            let mut side = Side {
                reader,
                log: Log::new(prepared.settings.log.clone()),
                facts: prepared.settings.facts,
                unsent: std::iter::repeat_with(VecDeque::new)
                    .take(ends.len())
                    .collect(),
                ends,
                scripts: prepared.settings.scripts,
                sender,
                reloading: None,
                reloads: 0,
                pending: Vec::new(),
                late: 0,
                broken: 0,
                quiet_until: Instant::now(),
            };
            side.serve(self, arrivals, &mut read).await;
            // With it go the commands that nobody will answer.
            drop(side);
            let _ = tokio::time::timeout(LAST_ANSWERS_WITHIN, under_way.end()).await;
        });
        if let Some(fifo) = &fifo {
            Fifo::remove(fifo);
        }
        Ok(())
    }
}

/// The number of a reload's answers among those of commands.
const RELOAD_SLOT: u64 = u32::MAX as u64;

const ERROR: i8 = -1;
const WARNING: i8 = 1;
const NOTICE: i8 = 2;

const _: () = assert!((COMMANDS_MAX as u64) < RELOAD_SLOT);

struct Side {
    log: Log,
    facts: Facts,
    ends: Vec<ControlEnd>,
    scripts: Arc<dyn Scripts>,
    /// Lives as long as we do, so that arrivals never end by themselves.
    sender: mpsc::Sender<Arrived>,
    reloading: Option<Reloading>,
    /// How many reloads there were.
    reloads: u32,
    /// Steps of a reload for which a shard's ring had no room, by shard.
    unsent: Vec<VecDeque<Order>>,
    pending: Vec<Slot>,
    /// Where files that have been read come in.
    reader: mpsc::Sender<(usize, Ticket, Answer)>,
    late: u64,
    /// What came and was no command.
    broken: u64,
    /// Until when the log says nothing about that.
    quiet_until: Instant,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    waiting: Option<Waiting>,
}

/// A command that the shards are answering.
struct Waiting {
    merged: Merged,
    missing: usize,
    deadline: Instant,
    id: Option<Value>,
    reply: oneshot::Sender<Option<Vec<u8>>>,
}

impl Side {
    async fn serve(
        &mut self,
        control: &Control,
        mut arrivals: mpsc::Receiver<Arrived>,
        read: &mut mpsc::Receiver<(usize, Ticket, Answer)>,
    ) {
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                () = control.wake.notified() => {}
                Some(arrived) = arrivals.recv() => match arrived {
                    Arrived::Request(request) => self.ask(request),
                    Arrived::Broken(text) => self.note_broken(&text),
                    Arrived::Gone(why) => {
                        let line = format!("mi_fifo: {why}; no command arrives until it can");
                        self.log.line(ERROR, &line);
                    }
                    Arrived::Compiled(number, result) => self.compiled(number, result),
                },
                Some((shard, ticket, answer)) = read.recv() => {
                    // A shard that is so busy goes on without: its wait has a deadline.
                    let _ = self.ends[shard].order(Order::Answer(ticket, answer));
                }
                () = tokio::time::sleep_until(deadline) => self.give_up(),
            }
            self.take_reports();
            self.send_unsent();
            if control.reload.swap(false, Ordering::AcqRel) {
                self.reload(Asker::default());
            }
            if control.stop.load(Ordering::Acquire) {
                break;
            }
        }
        self.farewell(control).await;
    }

    /// The shards' last words, as long as some of them are still there.
    async fn farewell(&mut self, control: &Control) {
        let deadline = Instant::now() + FAREWELL_WITHIN;
        while !self.ends.iter().all(ControlEnd::is_abandoned) && Instant::now() < deadline {
            let _ = tokio::time::timeout(Duration::from_millis(10), control.wake.notified()).await;
            self.take_reports();
        }
        self.take_reports();
        if self.late > 0 {
            self.log.line(
                1,
                &format!("management: {} answers came too late", self.late),
            );
        }
        if self.broken > 0 {
            self.log.line(
                1,
                &format!(
                    "mi_fifo: {} times something came that is no command",
                    self.broken
                ),
            );
        }
    }

    fn take_reports(&mut self) {
        for shard in 0..self.ends.len() {
            // A ring's worth: one shard that logs without end keeps neither the others nor a command
            // waiting. It announces what is left by itself, with its next report.
            for _ in 0..REPORTS_MAX {
                let Ok(report) = self.ends[shard].reports.pop() else {
                    break;
                };
                match report {
                    Report::Log(mut page) => {
                        self.log.lines(shard, lines(&page));
                        page.clear();
                        // A shard that is busy makes itself a new one.
                        let _ = self.ends[shard].order(Order::Page(page));
                    }
                    Report::Answer(ticket, result) => self.answered(ticket, result),
                    Report::Abort => std::process::abort(),
                    Report::File(ticket, path, bytes_max) => {
                        self.read_file(shard, ticket, path, bytes_max);
                    }
                }
            }
        }
    }

    /// Reads a file for a shard, beside everything else.
    fn read_file(&mut self, shard: usize, ticket: Ticket, path: PathBuf, bytes_max: usize) {
        let Ok(place) = self.reader.clone().try_reserve_owned() else {
            let _ = self.ends[shard].order(Order::Answer(ticket, Answer::Failed));
            return;
        };
        tokio::task::spawn_local(async move {
            place.send((shard, ticket, files::answer(path, bytes_max).await));
        });
    }

    /// Something came that is no command: whoever wrote it may have heard nothing.
    fn note_broken(&mut self, text: &[u8]) {
        self.broken += 1;
        let now = Instant::now();
        if now < self.quiet_until {
            return;
        }
        self.quiet_until = now + BROKEN_LOG_EVERY;
        let shown = text[..text.len().min(BROKEN_SHOWN_BYTES)].trim_ascii();
        self.log.line(
            1,
            &format!(
                "mi_fifo: no command, {} so far: `{}`; expected :REPLY:JSON",
                self.broken,
                shown.escape_ascii(),
            ),
        );
    }

    /// Answers a request at once, or asks all shards.
    fn ask(&mut self, request: Request) {
        let call = match rpc::read(&request.text) {
            Ok(call) => call,
            Err(refused) => {
                let (failure, id) = *refused;
                let _ = request.reply.send(Some(rpc::write(Err(failure), id)));
                return;
            }
        };
        let at_once = |result, id: Option<Value>, reply: oneshot::Sender<Option<Vec<u8>>>| {
            let _ = reply.send(id.map(|id| rpc::write(result, id)));
        };
        if let Some(result) = management::own::answer(&call.command, &self.facts) {
            return at_once(result, call.id, request.reply);
        }
        if management::own::is_reload(&call.command) {
            if !call.command.parameters.is_empty() {
                let failure = Failure::with(rpc::INVALID_PARAMS, "no match");
                return at_once(Err(failure), call.id, request.reply);
            }
            return self.reload(Asker(Some((call.id, request.reply))));
        }
        let Some(slot) = self.free_slot() else {
            let failure = Failure::with(rpc::SERVER_ERROR, "too many commands at once");
            return at_once(Err(failure), call.id, request.reply);
        };
        let entry = &mut self.pending[slot];
        entry.generation = entry.generation.wrapping_add(1);
        let ticket = Ticket(u64::from(entry.generation) << 32 | slot as u64);
        let mut missing = 0;
        let mut merged = Merged::new(&call.command);
        for end in &mut self.ends {
            match end.order(Order::Command(ticket, call.command.clone())) {
                Ok(()) => missing += 1,
                Err(_) => merged.add(Err(Failure::with(rpc::SERVER_ERROR, "a shard is too busy"))),
            }
        }
        self.pending[slot].waiting = Some(Waiting {
            merged,
            missing,
            deadline: Instant::now() + COMMAND_WITHIN,
            id: call.id,
            reply: request.reply,
        });
        if missing == 0 {
            self.finish(slot);
        }
    }

    fn free_slot(&mut self) -> Option<usize> {
        let free = self.pending.iter().position(|slot| slot.waiting.is_none());
        free.or_else(|| {
            (self.pending.len() < COMMANDS_MAX).then(|| {
                self.pending.push(Slot::default());
                self.pending.len() - 1
            })
        })
    }

    /// Begins a reload, unless one is under way.
    fn reload(&mut self, asker: Asker) {
        if self.reloading.is_some() {
            return self.reloaded(asker, Err(refusal("another reload is under way")), None);
        }
        self.reloads = self.reloads.wrapping_add(1);
        self.reloading = Some(Reloading::new(self.reloads, asker));
        let (scripts, sender, number) = (self.scripts.clone(), self.sender.clone(), self.reloads);
        tokio::task::spawn_local(async move {
            let work = tokio::task::spawn_blocking(move || scripts.compile());
            let result = work
                .await
                .unwrap_or_else(|error| Err(format!("the compiler did not end well: {error}")));
            let _ = sender.send(Arrived::Compiled(number, result)).await;
        });
    }

    fn compiled(&mut self, number: u32, result: Result<Fresh, String>) {
        let shards = self.ends.len();
        // One that was given up comes too late.
        let under_way = self.reloading.as_mut();
        if let Some(reloading) = under_way.filter(|reloading| reloading.number == number) {
            let next = reloading.compiled(result, shards);
            self.go_on(next);
        }
    }

    fn go_on(&mut self, next: Next) {
        match next {
            Next::Wait => {}
            Next::Step(step) => {
                // From now on a shard that is started anew has it as well.
                let adopted = self.reloading.as_ref().and_then(Reloading::swapping);
                if let Some(fresh) = adopted {
                    self.scripts.adopt(fresh.program.clone());
                }
                self.tell_shards(&step);
            }
            Next::Done(result) => {
                if let Some(reloading) = self.reloading.take() {
                    if reloading.swapping().is_none() {
                        self.reloads = self.reloads.wrapping_add(1);
                        self.tell_shards(&Reload::Discard);
                    }
                    let fresh = reloading.swapping().cloned();
                    let done = fresh.map(|fresh| (fresh, reloading.began.elapsed()));
                    self.reloaded(reloading.asker, result, done);
                }
            }
        }
    }

    /// Says what came of a reload, to the log and to whoever asked.
    fn reloaded(
        &mut self,
        asker: Asker,
        result: Result<(), Failure>,
        done: Option<(Fresh, Duration)>,
    ) {
        let mut answer = "OK".to_owned();
        match (&result, done) {
            (Ok(()), Some((fresh, took))) => {
                let line = format!("reload: the script is replaced, in {} ms", took.as_millis());
                self.log.line(NOTICE, &line);
                for remark in &fresh.remarks {
                    self.log.line(WARNING, &format!("reload: {remark}"));
                    answer.push_str(if answer.len() == 2 { ": " } else { "; " });
                    answer.push_str(remark);
                }
            }
            (Ok(()), None) => {}
            (Err(failure), _) => {
                self.log
                    .line(ERROR, &format!("reload: {}", failure.message));
                let why = failure.data.as_ref().and_then(Value::as_str);
                for line in why
                    .unwrap_or_default()
                    .lines()
                    .filter(|line| !line.is_empty())
                {
                    self.log.line(ERROR, &format!("reload: {line}"));
                }
            }
        }
        if let Some((id, reply)) = asker.0 {
            let result = result.map(|()| Value::from(answer));
            let _ = reply.send(id.map(|id| rpc::write(result, id)));
        }
    }

    fn tell_shards(&mut self, step: &Reload) {
        let ticket = Ticket(u64::from(self.reloads) << 32 | RELOAD_SLOT);
        for orders in &mut self.unsent {
            if orders.len() < UNSENT_MAX {
                orders.push_back(Order::Reload(ticket, step.clone()));
            }
        }
        self.send_unsent();
    }

    /// A step that did not reach its shard goes again; the order of steps stays.
    fn send_unsent(&mut self) {
        for (orders, end) in self.unsent.iter_mut().zip(&mut self.ends) {
            while let Some(order) = orders.pop_front() {
                if let Err(order) = end.order(order) {
                    orders.push_front(order);
                    break;
                }
            }
        }
    }

    fn answered(&mut self, ticket: Ticket, result: CommandResult) {
        if ticket.0 & u64::from(u32::MAX) == RELOAD_SLOT {
            let shards = self.ends.len();
            let under_way = self.reloading.as_mut();
            let under_way =
                under_way.filter(|reloading| u64::from(reloading.number) == ticket.0 >> 32);
            if let Some(reloading) = under_way {
                let next = reloading.answered(result, shards);
                self.go_on(next);
            }
            return;
        }
        let slot = ticket.0 as u32 as usize;
        let waiting = self
            .pending
            .get_mut(slot)
            .filter(|entry| u64::from(entry.generation) == ticket.0 >> 32)
            .and_then(|entry| entry.waiting.as_mut());
        let Some(waiting) = waiting else {
            self.late += 1;
            return;
        };
        waiting.merged.add(match result {
            Ok(text) => serde_json::from_slice(&text)
                // A command that says nothing has done its work.
                .or_else(|error| {
                    if text.is_empty() {
                        Ok(Value::from("OK"))
                    } else {
                        Err(error)
                    }
                })
                .map_err(|error| Failure::with(rpc::SERVER_ERROR, format!("not JSON: {error}"))),
            Err((code, message)) => Err(Failure::with(
                code.into(),
                String::from_utf8_lossy(&message),
            )),
        });
        waiting.missing -= 1;
        if waiting.missing == 0 {
            self.finish(slot);
        }
    }

    fn finish(&mut self, slot: usize) {
        if let Some(waiting) = self.pending[slot].waiting.take() {
            let result = waiting.merged.into_result().unwrap_or_else(|| {
                Err(Failure::with(
                    rpc::SERVER_ERROR,
                    "no shard answered in time",
                ))
            });
            let _ = waiting
                .reply
                .send(waiting.id.map(|id| rpc::write(result, id)));
        }
    }

    fn next_deadline(&self) -> Instant {
        let waiting = self.pending.iter().filter_map(|slot| slot.waiting.as_ref());
        let far = Instant::now() + Duration::from_secs(3600);
        let reload = self.reloading.as_ref().map(Reloading::deadline);
        let is_stuck = self.unsent.iter().any(|orders| !orders.is_empty());
        let again = is_stuck.then(|| Instant::now() + ORDER_AGAIN);
        waiting
            .map(|waiting| waiting.deadline)
            .chain(reload)
            .chain(again)
            .min()
            .unwrap_or(far)
    }

    fn give_up(&mut self) {
        let now = Instant::now();
        let late = self
            .reloading
            .as_ref()
            .filter(|reloading| reloading.deadline() <= now)
            .map(Reloading::late);
        if let Some(failure) = late {
            self.go_on(Next::Done(Err(failure)));
        }
        for slot in 0..self.pending.len() {
            let is_late = self.pending[slot]
                .waiting
                .as_ref()
                .is_some_and(|one| one.deadline <= now);
            if is_late {
                self.finish(slot);
            }
        }
    }
}
