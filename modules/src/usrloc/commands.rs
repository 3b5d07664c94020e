//! Management of contacts: what operators and the Control Panel ask.
//!
//! An address lives on one shard, and a command reaches every shard: each answers for the addresses
//! it owns, and whoever carried the command joins the answers.

use engine::module::{CommandArgs, CommandResult, Context, Exports};

use script::program::Arg;

use super::Usrloc;
use super::binding::Binding;
use super::letter::{self, Ask, Question};
use crate::json;

/// Addresses that one shard lists at once; more would hold up its calls.
const DUMP_USERS_MAX: u64 = 10_000;

pub(super) fn export(exports: &mut Exports<Usrloc>) {
    exports.command_as("ul_dump", "dump", &[&[], &["brief"]], dump);
    exports.command_as(
        "ul_show_contact",
        "show_contact",
        &[&["table_name", "aor"]],
        show,
    );
    exports.command_as("ul_rm", "rm", &[&["table_name", "aor"]], remove);
    exports.command_as(
        "ul_rm_contact",
        "rm_contact",
        &[&["table_name", "aor", "contact"]],
        remove,
    );
    exports.command_as(
        "ul_add",
        "add",
        &[&[
            "table_name",
            "aor",
            "contact",
            "expires",
            "q",
            "flags",
            "cflags",
            "methods",
        ]],
        add,
    );
}

fn dump(
    usrloc: &mut Usrloc,
    cx: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let now = cx.now.unix_s() as u32;
    let users: u64 = usrloc.sum(super::table::Table::users);
    if users > DUMP_USERS_MAX {
        let text =
            format!("{users} addresses are too many to list; ask for one by ul_show_contact");
        return Err((500, text));
    }
    let brief = args.get("brief").is_some_and(|brief| brief != "0");
    out.extend_from_slice(b"{\"Domains\":[");
    for (place, (name, table)) in usrloc.tables.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"name\":");
        json::text(name, out);
        out.extend_from_slice(b",\"AORs\":[");
        let mut first = true;
        for (aor, bindings) in (0..table.slots()).filter_map(|slot| table.record(slot)) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(b"{\"AOR\":");
            json::text(aor, out);
            if !brief {
                out.extend_from_slice(b",\"Contacts\":[");
                contacts(bindings, now, out);
                out.push(b']');
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

fn show(
    usrloc: &mut Usrloc,
    cx: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let now = cx.now.unix_s() as u32;
    let aor = key(usrloc, args);
    let Some(table) = known(usrloc, cx, args)? else {
        return Err((404, "AOR not found".into()));
    };
    let bindings = table.bindings(aor);
    if !bindings.clone().any(|binding| !binding.is_expired(now)) {
        return Err((404, "AOR not found".into()));
    }
    out.extend_from_slice(b"{\"AOR\":");
    json::text(aor, out);
    out.extend_from_slice(b",\"Contacts\":[");
    contacts(bindings, now, out);
    out.extend_from_slice(b"]}");
    Ok(())
}

fn remove(
    usrloc: &mut Usrloc,
    cx: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let now = cx.now.unix_s() as u32;
    let aor = key(usrloc, args);
    let Some(table) = known(usrloc, cx, args)? else {
        return Err((404, "AOR not found".into()));
    };
    let before = table.contacts();
    let question = Question {
        table: b"",
        aor,
        ask: Ask::Remove {
            contact: args.text("contact").as_bytes(),
            next_hop: b"",
            instance: b"",
        },
    };
    letter::answer(table, &question, now, &mut Vec::new());
    if table.contacts() == before {
        return Err((404, "AOR not found".into()));
    }
    out.extend_from_slice(b"\"OK\"");
    Ok(())
}

fn add(
    usrloc: &mut Usrloc,
    cx: &mut Context<'_>,
    args: CommandArgs<'_>,
    out: &mut Vec<u8>,
) -> CommandResult {
    let now = cx.now.unix_s() as u32;
    let number = |name: &str| {
        args.text(name)
            .parse::<u32>()
            .map_err(|_| (400, format!("`{name}` is not a number")))
    };
    let q = args
        .text("q")
        .parse::<f32>()
        .map_err(|_| (400, "`q` is not a number".to_owned()))?;
    let expires = number("expires")?;
    let binding = Binding {
        contact: args.text("contact").as_bytes(),
        call_id: b"dfjrewr12386fd6-343@tandem.mi",
        user_agent: b"Tandem MI Server",
        cseq: 1,
        // Zero is OpenSIPS's word for a contact that stays.
        expires: if expires == 0 {
            u32::MAX - 1
        } else {
            now.saturating_add(expires)
        },
        modified: now,
        q: Some((q.clamp(0.0, 1.0) * 1000.0) as u16),
        branch_flags: number("cflags")?,
        methods: number("methods")?,
        ..Binding::default()
    };
    known(usrloc, cx, args)?;
    let aor = key(usrloc, args);
    if cx.owner_of(aor) == cx.shard() {
        let mut bytes = Vec::new();
        binding.write(&mut bytes);
        let Some(table) = usrloc.table(args.text("table_name").as_bytes(), cx) else {
            return Err((500, "too many tables".into()));
        };
        letter::answer(
            table,
            &Question {
                table: b"",
                aor,
                ask: Ask::Put(&bytes),
            },
            now,
            &mut Vec::new(),
        );
    }
    out.extend_from_slice(b"\"OK\"");
    Ok(())
}

/// The key of the address that a command names: without its domain, where domains do not count.
fn key<'a>(usrloc: &Usrloc, args: CommandArgs<'a>) -> &'a [u8] {
    let aor = args.text("aor");
    match aor.split_once('@') {
        Some((user, _)) if !usrloc.use_domain => user.as_bytes(),
        _ => aor.as_bytes(),
    }
}

/// The table that a command names. `None`: the script uses it, and this shard holds nothing in it yet.
fn known<'u>(
    usrloc: &'u mut Usrloc,
    cx: &Context<'_>,
    args: CommandArgs<'_>,
) -> Result<Option<&'u mut super::table::Table>, (i32, String)> {
    let name = args.text("table_name").as_bytes();
    let table = usrloc.tables.iter_mut().find(|(known, _)| known == name);
    match table {
        Some((_, table)) => Ok(Some(table)),
        None if is_used(cx, name) => Ok(None),
        None => Err((404, "Table not found".into())),
    }
}

/// Whether the script names this table. `location` is there in any case.
fn is_used(cx: &Context<'_>, table: &[u8]) -> bool {
    let program = &cx.program.program;
    table == b"location" || program.calls.iter().any(|call| {
        let first = program.args.get(call.args.start as usize);
        cx.program.catalog.function(call.function).module == "registrar"
            && !call.args.is_empty()
            && matches!(first, Some(Arg::Str(id)) if program.constant(*id).text() == Some(table))
    })
}

fn contacts(bindings: super::binding::Bindings<'_>, now: u32, out: &mut Vec<u8>) {
    let mut first = true;
    for binding in bindings.filter(|binding| !binding.is_expired(now)) {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"Contact\":");
        json::text(binding.contact, out);
        let numbers = [
            ("Expires", u64::from(binding.expires - now)),
            ("CSeq", u64::from(binding.cseq)),
            ("Cflags", u64::from(binding.branch_flags)),
            ("Methods", u64::from(binding.methods)),
            ("Latency", 0),
        ];
        let texts = [
            ("Callid", binding.call_id),
            ("User-agent", binding.user_agent),
            ("Received", binding.received),
            ("Path", binding.path),
            ("Attr", binding.attr),
            ("SIP_instance", binding.instance),
        ];
        if let Some(q) = binding.q {
            out.extend_from_slice(format!(",\"Q\":\"{}.{:03}\"", q / 1000, q % 1000).as_bytes());
        }
        for (name, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            json::text(value, out);
        }
        for (name, value) in numbers {
            out.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
        }
        out.push(b'}');
    }
}
