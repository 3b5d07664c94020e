//! Text in, text out, over trees of `/proc` and `/sys` that are built here.

mod applying;
mod checking;
mod suggesting;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use shards::Profile;

use super::{Machine, Root, as_text, check};

/// A machine in files, gone with it.
struct Tree(PathBuf);

impl Tree {
    fn empty() -> Tree {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tandem-tune-{}-{number}", std::process::id());
        Tree(std::env::temp_dir().join(name))
    }

    /// A file, new or in place of the old one.
    fn file(self, path: &str, text: &str) -> Tree {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn without(self, path: &str) -> Tree {
        std::fs::remove_file(self.0.join(path)).unwrap();
        self
    }

    fn sysctl(self, name: &str, value: &str) -> Tree {
        let path = format!("proc/sys/{}", name.replace('.', "/"));
        self.file(&path, value)
    }

    /// A machine of so many cores, evenly on its nodes, with nothing tuned.
    fn machine(cores: usize, nodes: usize, gib: u64) -> Tree {
        let all = format!("0-{}", cores - 1);
        let mut tree = Tree::empty()
            .file("proc/sys/kernel/osrelease", "6.8.0-generic")
            .file("proc/sys/kernel/random/boot_id", "first")
            .file(
                "proc/cpuinfo",
                "processor\t: 0\nmodel name\t: Fast Processor\n",
            )
            .file(
                "proc/self/status",
                &format!("Name:\tx\nCpus_allowed_list:\t{all}\n"),
            )
            .file("proc/self/cgroup", "0::/system.slice/x.service\n")
            .file(
                "proc/meminfo",
                &format!("MemTotal: {} kB\nSwapTotal: 4096 kB\n", gib << 20),
            )
            .file(
                "proc/self/limits",
                "Limit                     Soft Limit           Hard Limit           Units\n\
                 Max open files            1024                 1048576              files\n\
                 Max locked memory         8388608              8388608              bytes\n",
            )
            .file(
                "proc/net/softnet_stat",
                "000f4240 00000000 00000000\n000f4240 00000000 00000000\n",
            )
            .file(
                "proc/net/snmp",
                "Udp: InDatagrams NoPorts InErrors RcvbufErrors\nUdp: 5000000 0 0 0\n",
            )
            .file("proc/1/comm", "init\n")
            .file("proc/interrupts", "           CPU0\n")
            .file("sys/devices/system/cpu/online", &all)
            .file(
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
                "tsc",
            )
            .file(
                "sys/kernel/mm/transparent_hugepage/enabled",
                "always [madvise] never",
            )
            .file("probes", "io_uring yes\nebpf yes\n");
        for core in 0..cores {
            let at = format!("sys/devices/system/cpu/cpu{core}");
            tree = tree
                .file(&format!("{at}/cpufreq/scaling_governor"), "performance")
                .file(
                    &format!("{at}/cpufreq/scaling_available_governors"),
                    "performance powersave\n",
                )
                .file(
                    &format!("{at}/topology/thread_siblings_list"),
                    &core.to_string(),
                );
        }
        for node in 0..nodes {
            let each = cores / nodes;
            let list = format!("{}-{}", node * each, node * each + each - 1);
            tree = tree.file(
                &format!("sys/devices/system/node/node{node}/cpulist"),
                &list,
            );
        }
        for (name, value) in [
            ("net.core.rmem_max", "212992"),
            ("net.core.wmem_max", "212992"),
            ("net.core.netdev_max_backlog", "1000"),
            ("net.core.netdev_budget", "300"),
            ("net.core.somaxconn", "4096"),
            ("net.ipv4.tcp_max_syn_backlog", "4096"),
            ("net.core.bpf_jit_enable", "1"),
            ("kernel.io_uring_disabled", "0"),
            ("kernel.numa_balancing", "1"),
            ("vm.swappiness", "60"),
            ("fs.file-max", "9223372036854775807"),
            ("fs.nr_open", "1048576"),
        ] {
            tree = tree.sysctl(name, value);
        }
        tree
    }

    /// A network device whose queues have an interrupt each, all of them free to go anywhere.
    fn device(mut self, name: &str, queues: usize, node: usize) -> Tree {
        let at = format!("sys/class/net/{name}");
        let online = std::fs::read_to_string(self.0.join("sys/devices/system/cpu/online")).unwrap();
        self = self
            .file(&format!("{at}/operstate"), "up")
            .file(&format!("{at}/speed"), "25000")
            .file(&format!("{at}/device/uevent"), "DRIVER=ice\n")
            .file(&format!("{at}/device/numa_node"), &node.to_string());
        let mut names = String::from("           CPU0\n");
        for queue in 0..queues {
            let interrupt = 100 + queue;
            names.push_str(&format!(
                " {interrupt}:   7   IR-PCI-MSI 0-edge   {name}-TxRx-{queue}\n"
            ));
            self = self
                .file(
                    &format!("{at}/queues/rx-{queue}/rps_cpus"),
                    "00000000,00000000",
                )
                .file(
                    &format!("{at}/queues/tx-{queue}/xps_cpus"),
                    "00000000,00000000",
                )
                .file(&format!("{at}/device/msi_irqs/{interrupt}"), "msix")
                .file(&format!("proc/irq/{interrupt}/smp_affinity_list"), &online);
        }
        self.file("proc/interrupts", &names)
    }

    fn read(&self) -> Machine {
        Machine::read(Root::at(&self.0))
    }

    /// All files with what is in them.
    fn snapshot(&self) -> BTreeMap<String, String> {
        fn walk(root: &Path, at: &Path, all: &mut BTreeMap<String, String>) {
            for entry in std::fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(root, &path, all);
                } else {
                    let name = path.strip_prefix(root).unwrap().display().to_string();
                    all.insert(name, std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        let mut all = BTreeMap::new();
        walk(&self.0, &self.0, &mut all);
        all
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A profile as it is in `tuning/`.
fn sample(name: &str) -> Profile {
    let path = format!("{}/../tuning/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    Profile::read(name, &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn profile(text: &str) -> Profile {
    Profile::read("my.toml", text).unwrap()
}

/// What `tandem tune check --only-faults` says.
fn faults(profile: &Profile, tree: &Tree) -> String {
    let machine = tree.read();
    as_text(&machine.summary(), &check(profile, &machine), true)
}

/// What it says of one group, or of one line, and the rest left out.
fn part(profile: &Profile, tree: &Tree, wanted: &[&str]) -> String {
    let machine = tree.read();
    let mut found = check(profile, &machine);
    found.retain(|one| wanted.contains(&one.group) || wanted.contains(&one.what.as_str()));
    let text = as_text("", &found, false);
    let (text, _) = text.trim_start().rsplit_once("\n\n").unwrap();
    format!("{text}\n")
}
