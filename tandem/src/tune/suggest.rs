//! Writes a profile for a machine, with the reason of each choice.
//!
//! What it wants of the machine is what there is, or what `apply` can set: `check` finds nothing bad in it here.

use shards::limits::TRANSACTION_BYTES;
use shards::profile::transactions_in;

use super::machine::{Machine, cores_of_percent};
use super::settings::moot;
use super::words::{bytes, count, cpu_list, number, wrapped};

/// Cores from which one is left to the control thread: of eight it is an eighth.
const CONTROL_FROM: usize = 8;

/// The part of the memory that transactions may have.
const BUDGET_PART: u64 = 2;

/// The budget is a multiple of this many MiB.
const BUDGET_STEP_MB: u64 = 64;

/// Below this much memory a shard, socket buffers are a quarter.
const SMALL_SHARD_BYTES: u64 = 512 << 20;

/// Open files that a server of many connections asks for, where the machine has them.
const OPEN_FILES: u64 = 65_536;

/// Kernel settings, where the machine has them, with why this much.
const SYSCTLS: &[(&str, u64, &str)] = &[
    (
        "net.core.netdev_max_backlog",
        16_384,
        "a tenth of a second at 150,000 packets/s of one core",
    ),
    ("net.core.netdev_budget", 600, "twice what the kernel has"),
    (
        "net.core.somaxconn",
        4_096,
        "phones that connect anew all at once",
    ),
    ("net.ipv4.tcp_max_syn_backlog", 8_192, "the same, half open"),
    (
        "net.core.bpf_jit_enable",
        1,
        "steering runs for every datagram",
    ),
    ("kernel.io_uring_disabled", 0, "shards run on it"),
    (
        "kernel.numa_balancing",
        0,
        "shards have their memory where they are",
    ),
    (
        "net.netfilter.nf_conntrack_max",
        262_144,
        "connection tracking is loaded here; better exempt the SIP ports from it",
    ),
    ("vm.swappiness", 10, "what lingers looks unused"),
];

/// The text of a profile.
pub(crate) fn suggest(machine: &Machine) -> String {
    let mut out = Writer(String::new());
    out.comment(&format!("Tandem on {}.", machine.summary()));
    out.comment(
        "Written by `tandem tune suggest`; change what you like. What is not here has its default (tuning/default.toml), \
         docs/tuning.md has every key. `tandem tune check FILE` compares it with the machine, `tandem tune apply FILE` \
         sets what it wants, `tandem --tuning FILE` serves with it.",
    );
    let places = Places::choose(machine);
    shards(&mut out, machine, &places);
    steering(&mut out, machine, &places);
    let buffers = buffers(&mut out, machine, &places);
    let budget_mb = memory(&mut out, machine, &places);
    wants(&mut out, machine, budget_mb);
    network(&mut out, machine, &places);
    sysctls(&mut out, machine, buffers);
    out.0
}

/// Who runs where.
struct Places {
    shards: Vec<usize>,
    /// Shards have these cores to themselves; else the kernel decides.
    is_pinned: bool,
    control: Vec<usize>,
    /// The second threads of the shards' cores.
    seconds: Vec<usize>,
}

impl Places {
    fn choose(machine: &Machine) -> Places {
        let (mut firsts, mut seconds) = machine.threads();
        if firsts.is_empty() {
            firsts.push(0);
        }
        let paid = machine.cores_of_quota();
        if machine.quota_percent.is_some() && paid < firsts.len() {
            firsts.truncate(paid);
            return Places {
                shards: firsts,
                is_pinned: false,
                control: Vec::new(),
                seconds: Vec::new(),
            };
        }
        let mut control = Vec::new();
        if firsts.len() >= CONTROL_FROM {
            let first = firsts.remove(0);
            control.push(first);
            let group = machine.siblings.iter().find(|group| group.contains(&first));
            let own = |core: &usize| group.is_some_and(|group| group.contains(core));
            control.extend(seconds.iter().copied().filter(own));
            seconds.retain(|core| !own(core));
        }
        Places {
            shards: firsts,
            is_pinned: true,
            control,
            seconds,
        }
    }
}

fn shards(out: &mut Writer, machine: &Machine, places: &Places) {
    let shards = places.shards.len();
    out.gap();
    let seconds = places.seconds.len();
    if let Some(percent) = machine.quota_percent.filter(|_| !places.is_pinned) {
        out.comment(&format!(
            "The CPU quota is {}: more shards would all be stopped together when it is used up. Where they run is left to \
             the kernel, as the quota names no cores.",
            cores_of_percent(percent)
        ));
    } else if seconds > 0 {
        out.comment(
            "One shard a core, on its first thread. The second threads take the interrupts, so that a shard shares its core \
             with its own kind of work; shards on both were not measured.",
        );
    } else {
        out.comment("One shard a core: calls are never shared between cores, and a shard that is alone on one waits for nobody.");
    }
    out.line(&format!("shards = {shards}"));
    if places.is_pinned {
        out.line(&format!("cores = \"{}\"", cpu_list(&places.shards)));
    }
    out.gap();
    if places.control.is_empty() {
        out.comment(&format!(
            "Management, log and reload run where there is room, at nice 5 if every core has a shard: a core of their own \
             would be idle mostly, and is one of {} here.",
            shards
        ));
        out.line("control_cores = []");
    } else {
        out.comment(
            "Management, log and reload have the first core, which has the kernel's own chores as well: nothing they do delays \
             a call.",
        );
        out.line(&format!(
            "control_cores = \"{}\"",
            cpu_list(&places.control)
        ));
    }
}

fn steering(out: &mut Writer, machine: &Machine, places: &Places) {
    out.gap();
    let here = match (&machine.ebpf, places.shards.len()) {
        (_, ..2) => "One shard: there is nothing to steer.".to_owned(),
        (Some(Ok(())), _) => "The best that the kernel permits: here \"ebpf\", which finds the shard by the Call-ID; a call is \
             handed over 0.02 times (measured)."
            .to_owned(),
        (Some(Err(error)), _) => format!(
            "The best that the kernel permits: here \"classic\", which knows our own token, so that half of all calls or more \
             are handed over once. \"ebpf\" is refused to this process ({error}); CAP_BPF and CAP_PERFMON permit it."
        ),
        (None, _) => "The best that the kernel permits; the start says which.".to_owned(),
    };
    out.comment(&here);
    out.line("steering = \"auto\"");
}

/// What was chosen: bytes to receive and to send.
fn buffers(out: &mut Writer, machine: &Machine, places: &Places) -> (u64, u64) {
    let is_small = machine.memory() / (places.shards.len() as u64) < SMALL_SHARD_BYTES;
    let (receive, send): (u64, u64) = if is_small {
        (1 << 20, 256 << 10)
    } else {
        (4 << 20, 1 << 20)
    };
    out.gap();
    out.comment(&format!(
        "Of each UDP socket of a shard. The kernel doubles it and reckons some 2 KB a datagram: {} datagrams wait in {}. Ten \
         milliseconds at 150,000 a second are 1,500.",
        number(receive / 1024),
        bytes(receive)
    ));
    out.line(&format!("udp_receive_buffer = {}", digits(receive)));
    out.line(&format!("udp_send_buffer = {}", digits(send)));
    (receive, send)
}

fn memory(out: &mut Writer, machine: &Machine, places: &Places) -> u64 {
    let whole_mb = machine.memory() >> 20;
    let part = whole_mb / BUDGET_PART;
    let budget = (part - part % BUDGET_STEP_MB).max(BUDGET_STEP_MB.min(part.max(1)));
    let shards = places.shards.len();
    let each = u64::from(transactions_in(budget, shards.min(1024) as u16));
    out.gap();
    out.comment(&format!(
        "Half of {} is for transactions, the rest for contacts, sockets, the script and the kernel. It is {} transactions of {} \
         bytes a shard; beyond that new requests get 503 instead of an end of memory.",
        bytes(machine.memory()),
        number(each),
        number(TRANSACTION_BYTES)
    ));
    out.line(&format!("memory_mb = {}", digits(budget)));
    budget
}

fn wants(out: &mut Writer, machine: &Machine, budget_mb: u64) {
    out.gap();
    out.comment("What the machine must offer: read by `tandem tune` only.");
    out.line("[machine]");
    if let Some((major, minor)) = machine.version() {
        let (major, minor) = (major, minor).min((5, 17));
        out.comment("eBPF steering needs 5.17.");
        out.line(&format!("kernel = \"{major}.{minor}\""));
    }
    out.line(&format!("cores = {}", machine.allowed.len().max(1)));
    if machine.nodes.len() > 1 {
        out.line(&format!("numa_nodes = {}", machine.nodes.len()));
    }
    out.comment("The budget above, and half as much for all else.");
    let whole = (budget_mb + budget_mb / 2).max(1);
    out.line(&format!("memory_mb = {}", digits(whole)));
    match machine.open_files {
        Some(limit) if limit < OPEN_FILES => {
            out.comment(&format!(
                "The limit there is. A TCP connection is one: for more than {} of them raise it (LimitNOFILE= of systemd).",
                number(limit / 4 * 3)
            ));
            out.line(&format!("open_files = {}", digits(limit.max(64))));
        }
        Some(_) => {
            out.comment("A TCP connection is one.");
            out.line(&format!("open_files = {}", digits(OPEN_FILES)));
        }
        None => {}
    }
    if machine
        .governors()
        .iter()
        .any(|governor| governor == "performance")
    {
        out.comment("Cores sleep between batches; the clock need not fall meanwhile.");
        out.line("governor = \"performance\"");
    }
    if machine.clocksource.as_deref() == Some("tsc") {
        out.comment("The time without a system call.");
        out.line("clocksource = \"tsc\"");
    }
    if let Some(have) = machine.transparent_hugepages.as_deref() {
        let wanted = if have == "never" { "never" } else { "madvise" };
        out.comment("Huge pages gained nothing in measurements; \"always\" makes tables grow by 2 MiB at a time.");
        out.line(&format!("transparent_hugepages = \"{wanted}\""));
    }
}

fn network(out: &mut Writer, machine: &Machine, places: &Places) {
    let interfaces = machine.interfaces(None);
    let Some(queues) = interfaces.iter().map(|one| one.receive.len()).min() else {
        out.comment("No network device is to be seen here: queues and interrupts are the host's.");
        return;
    };
    let names: Vec<&str> = interfaces.iter().map(|one| one.name.as_str()).collect();
    let shards = places.shards.len();
    out.gap();
    out.comment(&format!(
        "{}: {}.",
        names.join(", "),
        count(queues, "receive queue")
    ));
    out.line(&format!("nic_queues = {}", queues.max(1)));
    let has = |mask: fn(&super::machine::Interface) -> bool| interfaces.iter().any(|one| mask(one));
    if has(|one| one.receive.iter().any(|queue| queue.mask.is_some())) {
        match queues < shards {
            true => {
                out.comment(
                    "Fewer queues than shards: the kernel spreads the protocol work in software.",
                );
                out.line("rps = \"shards\"");
            }
            false => {
                out.comment("Enough queues for the shards: the device spreads by itself.");
                out.line("rps = \"off\"");
            }
        }
    }
    if has(|one| one.transmit.len() > 1 && one.transmit.iter().any(|queue| queue.mask.is_some())) {
        out.comment("Each shard sends on queues of its own.");
        out.line("xps = \"shards\"");
    }
    let has_interrupts = has(|one| !one.receive_interrupts.is_empty());
    if has_interrupts && places.is_pinned {
        if places.seconds.is_empty() {
            out.comment("A queue's interrupt goes to a shard's core, in turn.");
            out.line("irq_affinity = \"shards\"");
        } else {
            out.comment(
                "A queue's interrupt goes to the second thread of a shard's core, in turn.",
            );
            out.line(&format!("irq_affinity = \"{}\"", cpu_list(&places.seconds)));
        }
        if !machine.irqbalance {
            out.comment("It would move the interrupts again.");
            out.line("irqbalance = false");
        } else {
            out.comment("irqbalance runs here and moves interrupts again: stop it (systemctl disable --now irqbalance), then");
            out.comment("irqbalance = false");
        }
    }
}

fn sysctls(out: &mut Writer, machine: &Machine, (receive, send): (u64, u64)) {
    let implied = [
        ("net.core.rmem_max", receive, "udp_receive_buffer"),
        ("net.core.wmem_max", send, "udp_send_buffer"),
    ];
    out.gap();
    out.line("[machine.sysctl]");
    for &(name, wanted, why) in implied.iter().chain(SYSCTLS) {
        let Some(have) = machine
            .sysctl(name)
            .and_then(|text| text.parse::<u64>().ok())
        else {
            continue;
        };
        if moot(name, machine).is_some() {
            continue;
        }
        let known = shards::profile::SYSCTLS.iter().find(|one| one.name == name);
        let is_met = known.is_none_or(|one| match one.relation {
            shards::profile::Relation::AtLeast => have >= wanted,
            shards::profile::Relation::AtMost => have <= wanted,
        });
        let here = match is_met {
            true => String::new(),
            false => format!("; here {}, apply sets it", number(have)),
        };
        out.line(&format!("\"{name}\" = {} # {why}{here}", digits(wanted)));
    }
}

/// Digits as a profile has them: 4_194_304.
fn digits(value: u64) -> String {
    number(value).replace(',', "_")
}

/// Lines of a profile.
struct Writer(String);

impl Writer {
    fn comment(&mut self, text: &str) {
        self.0.push_str(&wrapped("# ", "# ", text, 118));
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }
}
