//! `permissions`: who may call and register whom, by rules in files, and which group an address belongs to.
//!
//! Copied: every shard has read the same files at start. `address_reload` reads the addresses again on every shard.

mod addresses;
mod functions;
mod rules;

use std::path::Path;

use engine::files::FileError;
use engine::input::ShardId;
use engine::module::{
    CommandArgs, CommandResult, Context, Exports, Kind, Module, ParamValue, Routes,
};
use hashbrown::HashMap;

use crate::json;
use addresses::{Addresses, Row};
use rules::Rules;

/// Base names whose files are kept. What peers write may end up in base names: those that the script does not write
/// down make room when there is none.
const BASES_MAX: usize = 256;

/// Partitions of addresses.
const PARTITIONS_MAX: usize = 64;

/// The partition of a call that names none.
const DEFAULT: &str = "default";

/// The module.
#[derive(Debug)]
pub(crate) struct Permissions {
    default_allow: String,
    default_deny: String,
    allow_suffix: String,
    deny_suffix: String,
    checks_all_branches: bool,
    /// By base name; the default files by an empty one.
    pairs: HashMap<Box<[u8]>, Pair, ahash::RandomState>,
    partitions: Vec<Partition>,
}

/// An allow file and a deny file.
#[derive(Debug)]
struct Pair {
    allow: Rules,
    deny: Rules,
    /// Whether the script writes the name down, so that the files were read before anything ran.
    is_written: bool,
}

#[derive(Debug)]
struct Partition {
    name: String,
    path: String,
    addresses: Addresses,
}

impl Module for Permissions {
    const NAME: &'static str = "permissions";

    fn new() -> Self {
        Permissions {
            default_allow: "permissions.allow".into(),
            default_deny: "permissions.deny".into(),
            allow_suffix: ".allow".into(),
            deny_suffix: ".deny".into(),
            checks_all_branches: true,
            pairs: HashMap::with_hasher(ahash::RandomState::with_seeds(9, 9, 7, 3)),
            partitions: Vec::new(),
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.param("default_allow_file", Kind::Str, |own, value| {
            own.default_allow = value.text().to_owned();
            Ok(())
        });
        exports.param("default_deny_file", Kind::Str, |own, value| {
            own.default_deny = value.text().to_owned();
            Ok(())
        });
        exports.param("allow_suffix", Kind::Str, |own, value| {
            own.allow_suffix = value.text().to_owned();
            Ok(())
        });
        exports.param("deny_suffix", Kind::Str, |own, value| {
            own.deny_suffix = value.text().to_owned();
            Ok(())
        });
        exports.param("check_all_branches", Kind::Int, |own, value| {
            own.checks_all_branches = value.int() != 0;
            Ok(())
        });
        exports.param_list("address_file", Kind::Str, Self::add_file);
        exports.param("db_url", Kind::Str, |_, value| refuse_sql(value, "db_url"));
        exports.param_list("partition", Kind::Str, |_, value| {
            refuse_sql(value, "partition")
        });

        let calls = Routes::REQUEST | Routes::FAILURE | Routes::LOCAL;
        let source = calls | Routes::BRANCH;
        let anywhere = source | Routes::STARTUP | Routes::TIMER | Routes::EVENT;
        let text = Kind::Str.optional();
        let info = Kind::Output.optional();
        exports.function("allow_routing", &[text], calls, Self::allow_routing);
        exports.function("allow_register", &[Kind::Str], calls, Self::allow_register);
        exports.function(
            "allow_uri",
            &[Kind::Str, Kind::Str],
            anywhere,
            Self::allow_uri,
        );
        exports.function(
            "check_address",
            &[Kind::Int, Kind::Str, Kind::Int, Kind::Str, info, text, text],
            anywhere,
            Self::check_address,
        );
        exports.function(
            "check_source_address",
            &[Kind::Int, info, text, text],
            source,
            Self::check_source,
        );
        exports.function(
            "get_source_group",
            &[Kind::Output, text],
            source,
            Self::source_group,
        );

        exports.command(
            "allow_uri",
            &[&["basename", "uri", "contact"]],
            allow_command,
        );
        exports.command("address_reload", &[&[], &["partition"]], reload);
        exports.command(
            "address_dump",
            &[&[], &["partition"]],
            |own, cx, args, out| own.dump(cx, args, out, false),
        );
        exports.command(
            "subnet_dump",
            &[&[], &["partition"]],
            |own, cx, args, out| own.dump(cx, args, out, true),
        );
        exports.difference(
            "Addresses come from a file: `address_file` is Tandem's own parameter, `path` or `partition=path`, with a \
             row a line: group, address[/mask], port, proto, pattern, info; `-` leaves one out. `db_url` and `partition` \
             are refused at load: SQL is not built yet.",
        );
        exports.difference(
            "Of several rows that fit, the longest prefix wins. Rules are read at start or, of a base name made at \
             run time, when it is used first: such a name with `..` in it gives -1. A line that is no rule is an error. Rules ignore case, and see URIs as \
             `scheme:user@host`.",
        );
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        self.read_default(cx)?;
        for base in bases(cx) {
            self.read_pair(cx, &base, true)
                .map_err(|why| why.to_string())?;
        }
        if self.partitions.is_empty() && asks_addresses(cx) {
            return Err("the script asks for addresses, and no `address_file` names any".into());
        }
        for partition in &mut self.partitions {
            partition.addresses =
                read_addresses(cx, &partition.path).map_err(|why| why.to_string())?;
        }
        Ok(())
    }
}

fn refuse_sql(value: ParamValue<'_>, name: &str) -> Result<(), String> {
    match value.text().trim() {
        "" => Ok(()),
        _ => Err(format!(
            "`{name}` needs SQL, which is not built yet; `address_file` names a file with the rows"
        )),
    }
}

/// The base names that the script writes down: their files are read before anything runs.
fn bases(cx: &Context<'_>) -> Vec<Vec<u8>> {
    use script::program::Arg;
    let program = &cx.program.program;
    let is_ours = |name: &str| ["allow_routing", "allow_register", "allow_uri"].contains(&name);
    let calls = program
        .calls
        .iter()
        .filter(|call| is_ours(&cx.program.catalog.function(call.function).name));
    let first = calls.filter_map(|call| match program.args(call).first() {
        Some(Arg::Str(id)) => program.constant(*id).text().map(<[u8]>::to_vec),
        _ => None,
    });
    first.collect()
}

/// Whether the script asks without a base name.
fn asks_default(cx: &Context<'_>) -> bool {
    use script::program::Arg;
    let program = &cx.program.program;
    let mut calls = program.calls.iter();
    calls.any(|call| {
        cx.program.catalog.function(call.function).name == "allow_routing"
            && matches!(program.args(call).first(), None | Some(Arg::Omitted))
    })
}

fn asks_addresses(cx: &Context<'_>) -> bool {
    let names = ["check_address", "check_source_address", "get_source_group"];
    let calls = &cx.program.program.calls;
    calls
        .iter()
        .any(|call| names.contains(&cx.program.catalog.function(call.function).name.as_str()))
}

/// Whether a base name leads out of the folder it seems to name.
fn leads_elsewhere(base: &[u8]) -> bool {
    base.contains(&0) || base.windows(2).any(|two| two == b"..")
}

/// Beside the script, unless it says where.
fn beside_script(cx: &Context<'_>, path: &str) -> String {
    let script = cx.program.program.files.first().map_or("", String::as_str);
    match Path::new(script).parent() {
        // Joining keeps an absolute path as it is.
        Some(folder) => folder.join(path).to_string_lossy().into_owned(),
        None => path.to_owned(),
    }
}

fn failed(path: &str, why: &str) -> FileError {
    FileError::Failed(format!("`{path}`: {why}").into())
}

/// `None` of a file that is not there.
fn read_rules(cx: &mut Context<'_>, path: &str) -> Result<Option<Rules>, FileError> {
    let path = beside_script(cx, path);
    match cx.read_file(&path) {
        Ok(bytes) => match Rules::parse(&bytes) {
            Ok(rules) => Ok(Some(rules)),
            Err(why) => Err(failed(&path, &why)),
        },
        Err(FileError::Failed(why)) if why.to_ascii_lowercase().contains("no such file") => {
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// An allow file and a deny file; one that is not there is empty. Of a name that the script writes down, one should be.
fn read_files(
    cx: &mut Context<'_>,
    [allow, deny]: [String; 2],
    is_written: bool,
) -> Result<Pair, FileError> {
    let pair = (read_rules(cx, &allow)?, read_rules(cx, &deny)?);
    if is_written && matches!(pair, (None, None)) && cx.shard() == ShardId(0) {
        const WARNING: i8 = 1;
        cx.log(WARNING, |out| {
            let line = format!(
                "permissions: there is no `{allow}` and no `{deny}`: everything is allowed\n"
            );
            out.extend_from_slice(line.as_bytes());
        });
    }
    Ok(Pair {
        allow: pair.0.unwrap_or_default(),
        deny: pair.1.unwrap_or_default(),
        is_written,
    })
}

fn read_addresses(cx: &mut Context<'_>, path: &str) -> Result<Addresses, FileError> {
    let path = beside_script(cx, path);
    let bytes = cx.read_file(&path)?;
    Addresses::parse(&bytes).map_err(|why| failed(&path, &why))
}

impl Permissions {
    /// `path`, or `partition=path`.
    fn add_file(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        let text = value.text().trim();
        let (name, path) = match text.split_once('=') {
            Some((name, path)) if !name.contains('/') => (name.trim(), path.trim()),
            _ => (DEFAULT, text),
        };
        if path.is_empty() || name.is_empty() {
            return Err(format!("`{text}` is not a path, or partition=path"));
        }
        if self.partitions.len() >= PARTITIONS_MAX {
            return Err(format!("more than {PARTITIONS_MAX} partitions"));
        }
        if self.partitions.iter().any(|one| one.name == name) {
            return Err(format!("there are two files for the partition `{name}`"));
        }
        self.partitions.push(Partition {
            name: name.to_owned(),
            path: path.to_owned(),
            addresses: Addresses::default(),
        });
        Ok(())
    }

    fn read_default(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        let paths = [self.default_allow.clone(), self.default_deny.clone()];
        let pair = read_files(cx, paths, asks_default(cx)).map_err(|why| why.to_string())?;
        let pair = Pair {
            is_written: true,
            ..pair
        };
        self.pairs.insert(Box::default(), pair);
        Ok(())
    }

    /// The files of a base name, unless they are known. One that the script does not write down may be a peer's word:
    /// it names files, and no folder to look for them in.
    fn read_pair(
        &mut self,
        cx: &mut Context<'_>,
        base: &[u8],
        is_written: bool,
    ) -> Result<(), FileError> {
        if self.pairs.contains_key(base) {
            return Ok(());
        }
        let name = String::from_utf8_lossy(base);
        if !is_written && leads_elsewhere(base) {
            return Err(failed(&name, "a base name out of a variable has no `..`"));
        }
        let paths = [&self.allow_suffix, &self.deny_suffix].map(|suffix| format!("{name}{suffix}"));
        let pair = read_files(cx, paths, is_written)?;
        if self.pairs.len() >= BASES_MAX {
            self.pairs.retain(|_, pair| pair.is_written);
        }
        if self.pairs.len() >= BASES_MAX {
            return Err(failed(&name, &format!("more than {BASES_MAX} base names")));
        }
        self.pairs.insert(base.into(), pair);
        Ok(())
    }

    fn partition(&self, name: &str) -> Option<&Partition> {
        let name = if name.is_empty() { DEFAULT } else { name };
        self.partitions.iter().find(|one| one.name == name)
    }

    fn dump(
        &mut self,
        cx: &mut Context<'_>,
        args: CommandArgs<'_>,
        out: &mut Vec<u8>,
        networks: bool,
    ) -> CommandResult {
        let wanted = args.get("partition");
        if wanted.is_some_and(|name| self.partition(name).is_none()) {
            return Err((404, "No such partition".into()));
        }
        // Every shard has the same: one says it.
        if cx.shard() != ShardId(0) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        out.extend_from_slice(b"{\"Partitions\":[");
        let shown = self
            .partitions
            .iter()
            .filter(|one| wanted.is_none_or(|name| one.name == name));
        for (place, partition) in shown.enumerate() {
            out.extend_from_slice(if place > 0 {
                b",{\"name\":"
            } else {
                b"{\"name\":"
            });
            json::text(partition.name.as_bytes(), out);
            out.extend_from_slice(b",\"Destinations\":[");
            for (place, row) in partition.addresses.rows(networks).enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_row(row, out);
            }
            out.extend_from_slice(b"]}");
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }
}

fn write_row(row: &Row, out: &mut Vec<u8>) {
    let head = format!(
        "{{\"grp\":{},\"ip\":\"{}\",\"mask\":{},\"port\":{},\"proto\":\"{}\",\"pattern\":",
        row.group,
        row.address,
        row.mask,
        row.port,
        row.transport.as_str()
    );
    out.extend_from_slice(head.as_bytes());
    json::text(row.pattern.as_deref().unwrap_or_default().as_bytes(), out);
    out.extend_from_slice(b",\"context_info\":");
    json::text(row.info.as_deref().unwrap_or_default().as_bytes(), out);
    out.push(b'}');
}

fn reload(
    own: &mut Permissions,
    cx: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let wanted = args.get("partition");
    if wanted.is_some_and(|name| own.partition(name).is_none()) {
        return Err((404, "No such partition".into()));
    }
    let mut read = Vec::new();
    for (place, partition) in own.partitions.iter().enumerate() {
        if wanted.is_none_or(|name| partition.name == name) {
            read.push((place, read_addresses(cx, &partition.path)?));
        }
    }
    // All or none.
    for (place, addresses) in read {
        own.partitions[place].addresses = addresses;
    }
    out.extend_from_slice(b"\"OK\"");
    Ok(())
}

fn allow_command(
    own: &mut Permissions,
    cx: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let base = args.text("basename").as_bytes();
    own.read_pair(cx, base, false)?;
    let (from, to) = (args.text("uri").as_bytes(), args.text("contact").as_bytes());
    if !own.allows(base, &[(from.to_vec(), to.to_vec())]) {
        return Err((403, "Forbidden".into()));
    }
    out.extend_from_slice(b"\"OK\"");
    Ok(())
}

#[cfg(test)]
mod tests;
