//! What a module or the core offers beside the names that scripts know: for `docs/opensips.md` and `tandem explain`.

use script::Catalog;

use crate::module::{Registry, add_core, add_module};
use crate::{engine, statistics};

/// Events that the core raises.
pub(crate) const CORE_EVENTS: &[&str] = &["E_CORE_THRESHOLD"];

/// What the core does otherwise than OpenSIPS, or with bounds of its own, and why.
const CORE_DIFFERENCES: &[&str] = &[
    "`$$` in a text is one `$`.",
    "A global parameter or an option of a socket that is known and has no effect here is a warning at load that names \
     it; one that is not known is an error.",
    "A text that is assigned or compared is taken as it is: `$var(x) = \"$ru\"` is the three characters `$ru`, and a \
     warning at load says so. Put texts together with `+`, or use `pv_printf`. Texts of functions and of `xlog` are format \
     strings as ever.",
    "`$time` and `$Tf` are in UTC, so that they do not depend on the machine; `$ctime` of `cfgutils` is local time.",
    "`reload_routes`, and SIGHUP just so, reads the script again and changes its routes alone: a global parameter, a \
     socket, a module or a `modparam` that changed waits for a restart. All of it is taken or, with the first error, \
     none, and the routes of before go on. A run under way ends in the routes it began in; a route armed by name \
     (`t_on_failure`) is the new one.",
    "`{ip.resolve}`, `{ip.resolve4}` and `{ip.resolve6}` wait for DNS without holding the shard; `{ip.resolve}` prefers \
     IPv4. A name that leads nowhere is NULL.",
    "`{s.eval}` takes a text apart each time and looks names up without remembering them; inside of it nothing waits \
     for DNS and nothing is evaluated again.",
    "`$sdp` and its like see what was changed before. A line or token that is not there cannot be given a value (-1); \
     deleting it is 1.",
    "`$branch(field)[i]` counts without the Request-URI, as in 3.4; `$branch.flag` and `$msg.branch.*` count with it.",
    "`forward(dest)` goes to `dest` also where `$du` is set.",
    "`dns_use_search_list`: a name without a dot is looked for in the domains that `/etc/resolv.conf` names, then as it \
     is; a name with a dot is taken as it is, whatever `ndots` says.",
    "The alias of a connection (`tcp_accept_aliases`, `force_tcp_alias`) is found on every shard. It ends with the \
     connection; a newer alias replaces it, and a connection that really ends at that port keeps its own. A connection has \
     four at most. Without a port, `force_tcp_alias` in a reply route is -1: that Via is ours.",
    "A rule of `add_blacklist_rule` reaches all shards; the call waits for that. One that is there already gets the new \
     end; a list holds 1024. A time to live counts whether or not the list has the flag `expire`. What cannot be a rule, \
     a list that is read-only (as all without flags are) and the removal of a rule that is not there are -1.",
    "`$proxy_protocol` is not offered: nothing here speaks that protocol.",
];

/// What operators can see of a module. What scripts can name of it is in the [`Catalog`].
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Modules that must be loaded as well.
    pub needs: Vec<&'static str>,
    /// Management commands.
    pub commands: Vec<&'static str>,
    /// Statistics of its group.
    pub statistics: Vec<&'static str>,
    /// Events that it raises.
    pub events: Vec<&'static str>,
    /// What is deliberately not as in OpenSIPS, and why.
    pub differences: Vec<&'static str>,
}

impl Registry {
    /// What scripts may name when every module is loaded.
    pub fn catalog(&self) -> Catalog {
        let mut catalog = Catalog::new();
        add_core(&mut catalog);
        for entry in self.entries() {
            add_module(entry.name, &(entry.exports)(), &mut catalog);
        }
        catalog
    }

    /// What operators can see of a module, or of `core`.
    pub fn inventory(&self, module: &str) -> Option<Inventory> {
        let mut inventory = if module == "core" {
            Inventory {
                commands: engine::own_commands().collect(),
                events: CORE_EVENTS.to_vec(),
                differences: CORE_DIFFERENCES.to_vec(),
                ..Inventory::default()
            }
        } else {
            let table = (self.entry(module)?.exports)();
            Inventory {
                needs: table.needs,
                commands: table.commands.iter().map(|row| row.name).collect(),
                statistics: table.statistics.iter().map(|row| row.name).collect(),
                events: table.events,
                differences: table.differences,
            }
        };
        let own = statistics::own().filter(|(group, _)| *group == module);
        inventory.statistics.extend(own.map(|(_, name)| name));
        Some(inventory)
    }
}
