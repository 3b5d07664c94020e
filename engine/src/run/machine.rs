//! What a shard's runs share, and the life of a run: begun, executed, parked, resumed, ended.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use parser::{Frame as Bytes, Message};
use script::RouteKind;
use script::program::RouteId;
use smallvec::SmallVec;

use super::events::{Event, Events};
use super::execute::{Hands, enter, enter_with, go};
use super::flags::FlagNames;
use super::frame::{Ended, Inner, Run, RunId, RunState};
use super::launch;
use super::linked::Linked;
use super::names::Names;
use super::observer::{self, Observer};
use super::parked::{Parked, ParkedRun};
use super::patterns::Patterns;
use super::scene::{Scene, Scenes};
use super::vars::Vars;
use super::watch::{self, Stopwatch};
use crate::core::Core;
use crate::input::{Answer, Command, ConnectionId, Flow, SocketId, Ticket, Transport};
use crate::limits::{RUNS_POOLED, WAIT_MS_MAX};
use crate::module::{self, Modules};
use crate::outbox::Outbox;
use crate::proxy::ContextId;
use crate::timer::Timer;

/// Runs of which modules want to hear when they end, and who does.
#[derive(Debug)]
struct Watched(HashMap<RunId, SmallVec<[u16; 2]>, ahash::RandomState>);

impl Default for Watched {
    fn default() -> Self {
        // Our own numbers: nobody can choose them to collide.
        Watched(HashMap::with_hasher(ahash::RandomState::with_seeds(
            1, 2, 3, 4,
        )))
    }
}

/// What a shard's runs share.
#[derive(Debug, Default)]
pub struct Machine {
    /// Names of variables, attributes and routes.
    pub names: Names,
    /// Names of flags.
    pub flags: FlagNames,
    /// What was raised, and what can be.
    pub events: Events,
    /// Times runs for `exec_msg_threshold`, where somebody lends a clock.
    pub(crate) stopwatch: Option<Stopwatch>,
    /// Runs that wait.
    pub parked: Parked,
    /// `$xlog_level`, where a script has set it.
    pub xlog_level: Option<i8>,
    /// `$log_level`, as it was before a script set it.
    pub log_level: Option<i8>,
    /// `$argv`: names and values of the command line.
    pub arguments: Vec<(String, String)>,
    /// `$pp`.
    pub process: i32,
    /// A tool that looks on.
    pub observer: Option<Box<Observer>>,
    pub(crate) patterns: Patterns,
    pub(super) scenes: Scenes,
    pub(super) vars: Vars,
    /// `$mi`: how many runs there were.
    pub(crate) runs: u64,
    /// Where texts are put together.
    pub(crate) scratch: Vec<u8>,
    pub(crate) user: Vec<u8>,
    idle: Vec<(Box<RunState>, Box<Inner>)>,
    dummy: Option<Box<Scene>>,
    watched: Watched,
    /// The run that executes, for the panic door.
    pub(super) executing: RunId,
    /// Runs that `launch` made, to be executed when the one in hand has ended or waits.
    pub(super) launched: VecDeque<Run>,
}

impl Machine {
    /// The module in this slot will hear when the run ends, however it does.
    pub(crate) fn watch(&mut self, run: &mut RunState, module: u16) {
        run.is_watched = true;
        let modules = self.watched.0.entry(run.id).or_default();
        if !modules.contains(&module) {
            modules.push(module);
        }
    }

    /// Those who wait for the end of a run.
    pub(crate) fn unwatch(&mut self, run: RunId) -> SmallVec<[u16; 2]> {
        self.watched.0.remove(&run).unwrap_or_default()
    }

    /// The run that a panic has ended.
    pub(crate) fn take_executing(&mut self) -> RunId {
        std::mem::take(&mut self.executing)
    }

    /// A scene for a message just received.
    pub fn take_scene(&mut self, message: Message, flow: Flow) -> Box<Scene> {
        self.scenes.take(message, flow)
    }

    /// A scene nobody needs any more.
    pub fn give_scene(&mut self, scene: Box<Scene>) {
        self.scenes.give(scene);
    }

    /// A run that ended: its scene comes back, the rest is reused.
    pub fn end(&mut self, mut run: Run) -> Box<Scene> {
        self.swap_vars(&mut run);
        self.reuse(run)
    }

    /// A run takes the shard's `$var` when it begins, and gives back its own when it ends.
    pub(super) fn swap_vars(&mut self, run: &mut Run) {
        std::mem::swap(&mut self.vars, &mut run.state.vars);
    }

    fn reuse(&mut self, run: Run) -> Box<Scene> {
        let Run {
            scene,
            mut state,
            mut inner,
        } = run;
        if self.idle.len() < RUNS_POOLED {
            state.clear();
            inner.clear();
            self.idle.push((state, inner));
        }
        scene
    }

    /// Ends a run about no message.
    pub fn end_dummy(&mut self, mut run: Run) {
        self.swap_vars(&mut run);
        self.end_apart(run);
    }

    /// Ends a run about no message that never had `$var`.
    pub(super) fn end_apart(&mut self, run: Run) {
        let mut scene = self.reuse(run);
        scene.reset();
        self.dummy = Some(scene);
    }

    /// Forgets what a panic left half done.
    pub(crate) fn after_panic(&mut self) {
        self.launched.clear();
    }

    /// A message that nobody sent, for routes and modules that have none in hand.
    pub(super) fn dummy_scene(&mut self) -> Box<Scene> {
        self.dummy.take().unwrap_or_else(|| {
            let message =
                Message::parse(Bytes::copy_of(DUMMY)).unwrap_or_else(|rejected| rejected.message);
            let flow = Flow {
                socket: SocketId(0),
                transport: Transport::Udp,
                remote: ([0, 0, 0, 0], 0).into(),
                connection: ConnectionId::NONE,
            };
            self.scenes.take(message, flow)
        })
    }
}

const DUMMY: &[u8] = b"OPTIONS sip:nobody@invalid SIP/2.0\r\n\
    Via: SIP/2.0/UDP 0.0.0.0;branch=z9hG4bK0\r\n\
    From: <sip:nobody@invalid>;tag=0\r\n\
    To: <sip:nobody@invalid>\r\n\
    Call-ID: 0\r\n\
    CSeq: 1 OPTIONS\r\n\
    Content-Length: 0\r\n\r\n";

/// A run about this scene, to be executed.
pub fn begin(
    core: &mut Core,
    kind: RouteKind,
    scene: Box<Scene>,
    context: Option<ContextId>,
    branch: Option<u8>,
) -> Run {
    let machine = &mut core.machine;
    let mut run = make(machine, kind, scene);
    run.state.context = context;
    run.state.branch = branch;
    machine.swap_vars(&mut run);
    run
}

fn make(machine: &mut Machine, kind: RouteKind, scene: Box<Scene>) -> Run {
    let (mut state, inner) = machine
        .idle
        .pop()
        .unwrap_or_else(|| (Box::new(RunState::new()), Box::new(Inner::new())));
    machine.runs += 1;
    state.id = RunId(machine.runs);
    state.kind = kind;
    state.top = kind;
    Run {
        scene,
        state,
        inner,
    }
}

/// A run about no message: startup, timers, events. To be ended by [`Machine::end_dummy`].
pub fn begin_dummy(core: &mut Core, kind: RouteKind) -> Run {
    let scene = core.machine.dummy_scene();
    let mut run = begin(core, kind, scene, None, None);
    run.state.is_dummy = true;
    run
}

/// The same while another run executes and has the shard's `$var`.
pub(super) fn begin_apart(core: &mut Core, kind: RouteKind) -> Run {
    let scene = core.machine.dummy_scene();
    let mut run = make(&mut core.machine, kind, scene);
    run.state.is_dummy = true;
    run
}

/// Executes a top route until it ends or waits.
pub fn execute(
    mut run: Run,
    route: RouteId,
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
) -> Ended {
    share(&mut run, core);
    enter(&mut run, &linked.program, route, script::OpId(0));
    run_on(run, core, modules, linked, outbox)
}

/// Executes an event's route: its parameters are the route's.
pub(crate) fn execute_event(
    event: Event,
    route: RouteId,
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
) -> Ended {
    let mut run = begin_dummy(core, RouteKind::Event);
    run.state.params = event.values;
    run.state.param_names = event.names;
    enter_with(&mut run, &linked.program, route, script::OpId(0), 0, 0);
    run_on(run, core, modules, linked, outbox)
}

/// Goes on with a parked run. `None` if the ticket is late.
pub fn resume(
    ticket: Ticket,
    answer: Answer,
    core: &mut Core,
    modules: &mut Modules,
    outbox: &mut Outbox,
) -> Option<Ended> {
    let ParkedRun {
        mut run,
        linked,
        command,
    } = core.machine.parked.take(ticket)?;
    if std::mem::take(&mut run.state.is_apart) {
        core.machine.swap_vars(&mut run);
    }
    let wait = &mut run.state.wait;
    if let Some(mut timer) = wait.timer.take() {
        core.wheel.cancel(&mut timer);
    }
    wait.ticket = None;
    wait.deadline = None;
    wait.rounds = wait.rounds.saturating_add(1);
    wait.in_all = wait.in_all.saturating_add(1);
    let part = std::mem::take(&mut wait.part);
    if wait.answers.len() <= part {
        wait.answers.resize_with(part + 1, || None);
    }
    wait.answers[part] = Some(answer);
    if let Some(command) = command {
        std::mem::swap(&mut core.machine.vars, &mut run.state.vars);
        let (asked, command) = &*command;
        module::resume_command(run, (*asked, command), core, modules, &linked, outbox);
        return Some(Ended::Waits(ticket));
    }
    Some(run_on(run, core, modules, &linked, outbox))
}

/// The deadline of a parked run, by its place.
pub fn on_deadline(
    place: u32,
    core: &mut Core,
    modules: &mut Modules,
    outbox: &mut Outbox,
) -> Option<Ended> {
    let ticket = core.machine.parked.fired(place)?;
    resume(ticket, Answer::TimedOut, core, modules, outbox)
}

fn run_on(
    run: Run,
    core: &mut Core,
    modules: &mut Modules,
    linked: &Arc<Linked>,
    outbox: &mut Outbox,
) -> Ended {
    let mut hands = Hands {
        core,
        modules,
        linked,
        outbox,
    };
    hands.core.machine.executing = run.state.id;
    let top = run.state.top;
    let is_timed = hands.linked.settings.threshold_us > 0;
    let begun = match &mut hands.core.machine.stopwatch {
        Some(watch) if is_timed => Some(watch.begin()),
        _ => None,
    };
    let ended = go(run, &mut hands);
    if let (Some(begun), Some(now)) = (
        begun,
        hands
            .core
            .machine
            .stopwatch
            .as_ref()
            .map(|watch| (watch.read)()),
    ) {
        let run = match &ended {
            Ended::Finished(run, _) => Some(run),
            Ended::Waits(_) => None,
        };
        watch::judge(run, top, now.saturating_sub(begun), &mut hands);
    }
    let mut ended = match ended {
        Ended::Finished(run, end) => observer::run_ended(run, end, &mut hands),
        waits @ Ended::Waits(_) => waits,
    };
    if let Ended::Finished(run, _) = &mut ended {
        unshare(run, hands.core);
        tell_end(run, hands.core);
    }
    if !hands.core.machine.launched.is_empty() {
        launch::run_routes(&mut ended, &mut hands);
    }
    hands.core.machine.executing = RunId::default();
    ended
}

/// The modules that watch a run hear that it has ended, as soon as what it leaves has been done.
pub(super) fn tell_end(run: &Run, core: &mut Core) {
    if run.state.is_watched {
        core.tell_run_ended(run.state.id);
    }
}

/// A reply route works on its transaction's branch flags, and with `onreply_avp_mode` on its attributes. (Message
/// flags are the proxy core's care.)
fn share(run: &mut Run, core: &mut Core) {
    let (RouteKind::Reply, Some(id), Some(branch)) =
        (run.state.kind, run.state.context, run.state.branch)
    else {
        return;
    };
    let shares_avps = core.proxy.settings.reply_avps;
    let Some(context) = core.contexts.get_mut(id) else {
        return;
    };
    let flags = context.branch(branch).map_or(0, |branch| branch.flags);
    if let Some(target) = run.scene.targets.facts_mut(0) {
        target.flags = flags;
    }
    if let Some(request) = context.scene.as_mut().filter(|_| shares_avps) {
        std::mem::swap(&mut run.scene.avps, &mut request.avps);
    }
    run.state.shares = true;
}

/// Gives back what [`share`] took.
fn unshare(run: &mut Run, core: &mut Core) {
    let (true, Some(id), Some(branch)) = (run.state.shares, run.state.context, run.state.branch)
    else {
        return;
    };
    let shares_avps = core.proxy.settings.reply_avps;
    let Some(context) = core.contexts.get_mut(id) else {
        return;
    };
    let flags = run.scene.targets.get(0).map_or(0, |target| target.flags);
    if let Some(branch) = context.branch_mut(branch) {
        branch.flags = flags;
    }
    if let Some(request) = context.scene.as_mut().filter(|_| shares_avps) {
        std::mem::swap(&mut run.scene.avps, &mut request.avps);
    }
    run.state.shares = false;
}

/// Puts a run aside until its ticket is answered.
pub(super) fn park(mut run: Run, ticket: Ticket, hands: &mut Hands<'_>) -> Ended {
    let core = &mut *hands.core;
    let deadline_ms = core.now.mono_ms() + u64::from(WAIT_MS_MAX);
    let due_ms = run.state.wait.deadline.unwrap_or(deadline_ms);
    let due_ms = run
        .state
        .wait
        .limit
        .map_or(due_ms, |limit| limit.min(due_ms));
    run.state.wait.timer = Some(core.wheel.set(due_ms, Timer::Parked, Parked::place(ticket)));
    // The next run starts from the values as they are now, as if this one had ended.
    if run.state.is_apart {
        core.machine.swap_vars(&mut run);
        run.state.vars = Vars::default();
    } else {
        core.machine.vars.copy_from(&run.state.vars);
    }
    core.machine.parked.fill(
        ticket,
        ParkedRun {
            run,
            linked: Arc::clone(hands.linked),
            command: None,
        },
    );
    Ended::Waits(ticket)
}

/// Puts a management command aside until the ticket is answered. It has no script variables of its own.
pub(crate) fn park_command(
    mut run: Run,
    ticket: Ticket,
    command: Box<(Ticket, Command)>,
    core: &mut Core,
    linked: &Arc<Linked>,
) {
    let deadline_ms = core.now.mono_ms() + u64::from(WAIT_MS_MAX);
    let due_ms = run.state.wait.deadline.unwrap_or(deadline_ms);
    run.state.wait.timer = Some(core.wheel.set(due_ms, Timer::Parked, Parked::place(ticket)));
    std::mem::swap(&mut core.machine.vars, &mut run.state.vars);
    core.machine.parked.fill(
        ticket,
        ParkedRun {
            run,
            linked: Arc::clone(linked),
            command: Some(command),
        },
    );
}
