//! Starting and stopping: sockets first, then threads, then "ready".
//!
//! All sockets of all shards are bound here, on one thread, before any shard lives: either the whole
//! server listens or nothing does, and what went wrong is one line for a person.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use control::{Control, ControlEnd, Prepared, ShardEnd};
use engine::owner::Owner;
use engine::sockets::Listener;
use engine::{Engine, ShardId, SocketId, Transport};
use glommio::{LocalExecutorBuilder, Placement};
use wire::DatagramSocket;
use wire::datagram::{DatagramOptions, Multicast};

use crate::clock::Clock;
use crate::connections::{Connections, Local, StreamSettings};
use crate::counters::Counters;
use crate::datagrams::Datagrams;
use crate::dns::{Dns, DnsSettings};
use crate::limits::{
    CONTROL_STOP_WITHIN, FILES_OF_PROCESS, FILES_OF_SHARD, LOCKED_BYTES, PAUSE_SLACK, STOP_WITHIN,
};
use crate::mesh::{Bell, Mesh};
use crate::profile::Profile;
use crate::quarantine::{Background, Quarantine};
use crate::shard::{Parts, Shard, token};
use crate::steering::Steered;

/// Makes the engine of a shard, on that shard's thread; again if it has to start anew.
pub type EngineMaker = Arc<dyn Fn(ShardId) -> Result<Engine, String> + Send + Sync>;

/// How the shards are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many.
    pub shards: u16,
    /// How the machine is used.
    pub profile: Profile,
    /// How connections are kept; its `connections_max` is for all shards together.
    pub streams: StreamSettings,
    /// How DNS is asked.
    pub dns: DnsSettings,
    /// Type of service of what is sent by sockets that have none of their own; 0 leaves it alone.
    pub tos: u32,
    /// How UDP sockets send to multicast groups.
    pub multicast: Multicast,
    /// Where messages go that made an engine panic.
    pub quarantine: PathBuf,
    /// Chance for what must not be guessed: ports, numbers of questions, homes of connections.
    pub seed: u64,
}

/// glommio's own buffers: we do our socket I/O ourselves.
const IO_MEMORY_BYTES: usize = 64 * 1024;

/// glommio's preemption timer interrupts our epoll: at 1 ms an idle shard burns 3 % of a core.
const PREEMPT_TIMER: Duration = Duration::from_secs(1);

/// How nice the control thread is when all cores have shards.
const CONTROL_NICENESS: i32 = 5;

/// How long a shard may take to start.
const START_WITHIN: Duration = Duration::from_secs(30);

/// The sockets of all shards.
pub struct Bound {
    listeners: Vec<Listener>,
    steered: Steered,
    shards: Vec<Sockets>,
    warnings: Vec<String>,
}

/// The sockets of one shard.
#[derive(Default)]
struct Sockets {
    datagrams: Vec<Option<DatagramSocket>>,
    listeners: Vec<(SocketId, wire::Listener)>,
}

/// Binds every socket once per shard, and has the kernel steer as the profile says. The error is one line: what, and
/// what to do.
pub fn bind(
    mut listeners: Vec<Listener>,
    settings: &Settings,
    owner: &Owner,
) -> Result<Bound, String> {
    let count = usize::from(settings.shards);
    let mut shards: Vec<Sockets> = (0..count).map(|_| Sockets::default()).collect();
    let mut warnings = Vec::new();
    for (id, listener) in (0..).map(SocketId).zip(&mut listeners) {
        let name = format!("{}:{}", listener.transport.as_str(), listener.address);
        let explain = |error| explain(&name, listener.address.port(), &error);
        match listener.transport {
            Transport::Udp => {
                let options = DatagramOptions {
                    receive_buffer: settings.profile.udp_receive_buffer,
                    send_buffer: settings.profile.udp_send_buffer,
                    tos: listener.tos.map_or(settings.tos, u32::from),
                    multicast: settings.multicast,
                    // Of several shards a run would belong to several.
                    takes_runs: settings.profile.gro && count == 1,
                };
                let sockets = DatagramSocket::bind_shared(listener.address, count, &options)
                    .map_err(explain)?;
                listener.address = sockets[0].local();
                warnings.extend(too_small(&sockets[0], &options));
                for (shard, socket) in shards.iter_mut().zip(sockets) {
                    shard.datagrams.push(Some(socket));
                }
            }
            Transport::Tcp => {
                let mut options = settings.streams.options;
                options.receive_buffer = settings.profile.tcp_receive_buffer;
                options.send_buffer = settings.profile.tcp_send_buffer;
                options.tos = listener.tos.map_or(settings.tos, u32::from);
                let sockets = wire::Listener::listen_shared(listener.address, count, &options)
                    .map_err(explain)?;
                listener.address = sockets[0].local();
                for (shard, socket) in shards.iter_mut().zip(sockets) {
                    shard.datagrams.push(None);
                    shard.listeners.push((id, socket));
                }
            }
            _ => {
                return Err(format!(
                    "cannot listen on {name}: only udp and tcp are built yet."
                ));
            }
        }
    }
    warnings.dedup();
    // All are bound; nothing is received yet.
    let groups: Vec<&DatagramSocket> = shards
        .first()
        .map(|first| first.datagrams.iter().flatten().collect())
        .unwrap_or_default();
    let steered = Steered::attach(settings.profile.steering, owner, &groups)?;
    Ok(Bound {
        listeners,
        steered,
        shards,
        warnings,
    })
}

/// What to say when the kernel gave a UDP socket smaller buffers than it was asked for.
fn too_small(socket: &DatagramSocket, options: &DatagramOptions) -> Option<String> {
    // The kernel counts its own bookkeeping in, and says twice what was set.
    let given = |bytes: io::Result<usize>| bytes.map_or(usize::MAX, |bytes| bytes / 2);
    let receive = given(socket.receive_buffer());
    let send = given(socket.send_buffer());
    let mut short = Vec::new();
    if receive < options.receive_buffer {
        short.push(format!(
            "{receive} bytes to receive into, not {} (net.core.rmem_max)",
            options.receive_buffer
        ));
    }
    if send < options.send_buffer {
        short.push(format!(
            "{send} bytes to send from, not {} (net.core.wmem_max)",
            options.send_buffer
        ));
    }
    (!short.is_empty()).then(|| {
        format!(
            "the kernel gives UDP sockets {}: bursts will be lost at load. Raise it with `tandem tune apply PROFILE`.",
            short.join(" and ")
        )
    })
}

fn explain(name: &str, port: u16, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "cannot listen on {name}: another program has this port, perhaps another Tandem. \
             Find it with `ss -lnp 'sport = {port}'` and stop it, or listen elsewhere with -l or socket=."
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "cannot listen on {name}: this host has no such address. \
             `ip address` shows those it has; choose one with -l or socket=."
        ),
        io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {name}: not permitted. Ports below 1024 need root or CAP_NET_BIND_SERVICE."
        ),
        _ => format!("cannot listen on {name}: {}.", because(error)),
    }
}

/// What to do about too few open files.
const RAISE_FILES: &str =
    "Raise it with `ulimit -n`, LimitNOFILE= of systemd or --ulimit nofile=65536 of docker";

/// An error, and what to do about it where that is known.
fn because(error: &io::Error) -> String {
    if wire::process::is_out_of_files(error) {
        format!("{error}. {RAISE_FILES}")
    } else {
        error.to_string()
    }
}

/// Whether so many shards have enough files to start with. The error is one line: what, and what to do.
pub fn probe_files(limit: u64, shards: u16, listeners: usize) -> Result<(), String> {
    let needed = FILES_OF_PROCESS + u64::from(shards) * (FILES_OF_SHARD + listeners as u64);
    if limit < needed {
        return Err(format!(
            "this process may have {limit} files open, and {shards} shards that listen on {listeners} \
             addresses need {needed}, connections not counted. {RAISE_FILES}."
        ));
    }
    Ok(())
}

/// Whether the kernel lets shards run. The error is one line: what, and what to do.
pub fn probe() -> Result<(), String> {
    let locked = wire::process::raise_locked_memory().unwrap_or(u64::MAX);
    if locked < LOCKED_BYTES {
        return Err(format!(
            "this process may lock {} KiB of memory, and io_uring needs {}. Raise it with `ulimit -l`, \
             LimitMEMLOCK= of systemd or --ulimit memlock=-1 of docker.",
            locked / 1024,
            LOCKED_BYTES / 1024,
        ));
    }
    wire::host::probe_io_uring().map_err(|error| {
        format!(
            "the kernel refuses io_uring ({error}), which every shard runs on. Allow it with \
             `sysctl kernel.io_uring_disabled=0`; in a container, with a seccomp profile that permits \
             io_uring_setup (docker: --security-opt seccomp=unconfined)."
        )
    })
}

impl Bound {
    /// What is listened on, with the ports that were chosen.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// What an operator should hear of: buffers that are smaller than they were asked for.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Who finds the owner of a datagram.
    pub fn steered(&self) -> &Steered {
        &self.steered
    }

    /// Starts the control thread and all shards, and returns when all of them serve.
    pub fn start(
        self,
        settings: &Settings,
        make_engine: EngineMaker,
        prepared: Prepared,
    ) -> Result<Running, String> {
        let control = Control::new();
        let count = self.shards.len();
        let mut bells = Vec::new();
        for _ in 0..count {
            bells.push(
                Bell::new()
                    .map_err(|error| format!("cannot make an eventfd: {}.", because(&error)))?,
            );
        }
        let (ended, has_ended) = mpsc::channel();
        let (control_ended, control_has_ended) = mpsc::channel();
        let mut running = Running {
            stop: Arc::default(),
            bells: bells.clone(),
            threads: Vec::new(),
            has_ended,
            control: control.clone(),
            control_has_ended,
        };
        let (ends, control_ends): (Vec<ShardEnd>, Vec<ControlEnd>) = bells
            .iter()
            .map(|bell| {
                let bell = bell.clone();
                control::link(&control.wake, Box::new(move || bell.ring_if_asleep()))
            })
            .unzip();
        start_control(settings, control, prepared, control_ends, control_ended)?;

        let locals: Vec<Option<Local>> = self
            .listeners
            .iter()
            .map(|one| {
                (one.transport != Transport::Udp).then(|| Local {
                    address: one.address.ip(),
                    tos: one.tos.map_or(settings.tos, u32::from),
                })
            })
            .collect();
        let meshes = Mesh::between(&bells, settings.profile.ring_parcels);
        let clock = Clock::start();
        let (ready, is_ready) = mpsc::channel::<Result<(), String>>();
        let parts = self.shards.into_iter().zip(meshes).zip(bells).zip(ends);
        for (id, (((sockets, mesh), bell), control)) in (0..).map(ShardId).zip(parts) {
            let seedling = Seedling {
                id,
                shards: count as u16,
                settings: settings.clone(),
                sockets,
                locals: locals.clone(),
                mesh,
                bell,
                control,
                clock: clock.clone(),
                make_engine: make_engine.clone(),
                stop: running.stop.clone(),
                ended: ended.clone(),
            };
            let ready = ready.clone();
            let thread = std::thread::Builder::new()
                .name(format!("shard-{}", id.0))
                .spawn(move || seedling.grow(&ready));
            match thread {
                Ok(thread) => running.threads.push(thread),
                Err(error) => {
                    running.stop();
                    return Err(format!("cannot start a thread: {error}."));
                }
            }
        }
        drop((ready, ended));
        let deadline = Instant::now() + START_WITHIN;
        for started in 0..count {
            let outcome = is_ready
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .unwrap_or_else(|missing| Err(explain_missing(missing, started, count)));
            if let Err(error) = outcome {
                running.stop();
                return Err(error);
            }
        }
        Ok(running)
    }
}

fn start_control(
    settings: &Settings,
    control: Control,
    prepared: Prepared,
    ends: Vec<ControlEnd>,
    ended: mpsc::Sender<()>,
) -> Result<(), String> {
    let cores = settings.profile.control_cores.clone();
    let has_no_core = cores.is_empty() && usize::from(settings.shards) >= wire::host::cores().len();
    std::thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || {
            // Threads that it starts are tied to the same.
            if !cores.is_empty() {
                let _ = wire::process::pin_to_any(&cores);
            }
            if has_no_core {
                let _ = wire::process::be_nice(CONTROL_NICENESS);
            }
            if let Err(error) = control.run(prepared, ends) {
                eprintln!("tandem: {error}");
            }
            let _ = ended.send(());
        })
        .map(drop)
        .map_err(|error| format!("cannot start a thread: {error}."))
}

/// Why a server has fewer shards than it should.
fn explain_missing(missing: mpsc::RecvTimeoutError, started: usize, count: usize) -> String {
    match missing {
        mpsc::RecvTimeoutError::Timeout => format!(
            "only {started} of {count} shards were ready after {} s: this machine is too busy for so many. \
             Start fewer with --shards.",
            START_WITHIN.as_secs()
        ),
        mpsc::RecvTimeoutError::Disconnected => format!(
            "only {started} of {count} shards started; please report the last words of the others above."
        ),
    }
}

/// A shard before it lives: everything that crosses over to its thread.
struct Seedling {
    id: ShardId,
    shards: u16,
    settings: Settings,
    sockets: Sockets,
    locals: Vec<Option<Local>>,
    mesh: Mesh,
    bell: Bell,
    control: ShardEnd,
    clock: Clock,
    make_engine: EngineMaker,
    stop: Arc<AtomicBool>,
    ended: mpsc::Sender<Counters>,
}

impl Seedling {
    /// The whole life of a shard's thread.
    fn grow(self, ready: &mpsc::Sender<Result<(), String>>) {
        let cores = &self.settings.profile.cores;
        let placement = match cores.get(usize::from(self.id.0) % cores.len().max(1)) {
            Some(&core) => Placement::Fixed(core),
            None => Placement::Unbound,
        };
        let executor = LocalExecutorBuilder::new(placement)
            .name(&format!("shard-{}", self.id.0))
            .io_memory(IO_MEMORY_BYTES)
            .preempt_timer(PREEMPT_TIMER)
            .make();
        let executor = match executor {
            Ok(executor) => executor,
            Err(error) => {
                let error = because(&error.into());
                let _ = ready.send(Err(format!("shard {} cannot start: {error}.", self.id.0)));
                return;
            }
        };
        executor.run(async move {
            let (stop, ended) = (self.stop.clone(), self.ended.clone());
            match self.sprout() {
                Ok(shard) => {
                    let _ = ready.send(Ok(()));
                    shard.live(stop, ended).await;
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        });
    }

    fn sprout(self) -> Result<Shard, String> {
        // Without it a pause may end 50 us late; what refuses it still pauses.
        let _ = wire::process::set_timer_slack(PAUSE_SLACK);
        let fail =
            |error: io::Error| format!("shard {} cannot start: {}.", self.id.0, because(&error));
        let engine = (self.make_engine)(self.id)?;
        let seed = self.settings.seed;
        let mut streams = self.settings.streams;
        streams.connections_max = streams.connections_max.div_ceil(usize::from(self.shards));
        streams.options.receive_buffer = self.settings.profile.tcp_receive_buffer;
        streams.options.send_buffer = self.settings.profile.tcp_send_buffer;
        let connections = Connections::new(
            self.id,
            self.shards,
            [seed, seed.rotate_left(17)],
            streams,
            self.locals,
            self.sockets.listeners,
        )
        .map_err(fail)?;
        let background = Background::default();
        let own_seed = seed ^ (u64::from(self.id.0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Shard::new(Parts {
            id: self.id,
            engine,
            make_engine: self.make_engine,
            clock: self.clock,
            datagrams: Datagrams::new(self.sockets.datagrams, self.settings.profile.gso)
                .map_err(fail)?
                .with_batch(self.settings.profile.batch),
            connections,
            mesh: self.mesh,
            bell: self.bell,
            control: self.control,
            dns: Dns::new(self.settings.dns, token::QUESTION, own_seed),
            quarantine: Quarantine::new(self.settings.quarantine, self.id.0, background.clone()),
            background,
            spin_us: self.settings.profile.spin_us,
            park: Duration::from_millis(self.settings.profile.park_ms),
            gather_us: self.settings.profile.gather_us,
        })
        .map_err(fail)
    }
}

/// A server that serves.
pub struct Running {
    stop: Arc<AtomicBool>,
    bells: Vec<Bell>,
    threads: Vec<JoinHandle<()>>,
    has_ended: mpsc::Receiver<Counters>,
    control: Control,
    control_has_ended: mpsc::Receiver<()>,
}

impl Running {
    /// Whether every shard still lives. One that does not has met a mistake of ours.
    pub fn is_whole(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Reads the script again, as `reload_routes` does; the log says what came of it.
    pub fn reload(&self) {
        self.control.reload();
    }

    /// Stops all of it. The counters are those of all shards; `None` if one of them did not end
    /// well or in time.
    ///
    /// On a busy machine every wait for another thread costs its turn of the processor, so all are told at
    /// once, and each says itself that it is done: nobody waits for a thread to be taken down. What does not
    /// end is left behind; the process ends anyway.
    pub fn stop(self) -> Option<Counters> {
        self.stop.store(true, Ordering::Relaxed);
        self.bells.iter().for_each(Bell::ring);
        // It stays until the shards have said their last.
        self.control.stop();
        let deadline = Instant::now() + STOP_WITHIN;
        let mut total = Counters::default();
        let mut is_whole = true;
        for _ in &self.threads {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.has_ended.recv_timeout(left) {
                Ok(counters) => total.add(&counters),
                Err(_) => is_whole = false,
            }
        }
        // It may be stuck in a write to standard error that nobody reads.
        let _ = self.control_has_ended.recv_timeout(CONTROL_STOP_WITHIN);
        is_whole.then_some(total)
    }
}
