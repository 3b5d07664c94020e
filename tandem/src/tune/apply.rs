//! Sets what a profile wants of the machine, and takes it back.
//!
//! The values of before are written to a file, and synced, before the first is changed: whatever happens in between, `undo`
//! finds them. A later `apply` adds to that file and keeps what stands in it, so that `undo` goes back to the very first.
//! Nothing of it outlives the machine's next start, and neither does the file's meaning: it names the start it belongs to.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shards::Profile;

use super::check;
use super::finding::Grade;
use super::machine::{Machine, Root};
use super::settings::{Kind, Setting, is_same, settings};
use super::words::{count, wrapped};

/// What was done, for a person.
pub(crate) struct Applied {
    pub(crate) text: String,
    /// Whether everything that was to be done is done.
    pub(crate) is_whole: bool,
}

/// Where and how.
pub(crate) struct Order<'a> {
    /// The profile's file.
    pub(crate) profile: &'a str,
    pub(crate) undo_file: &'a Path,
    /// The command line that does it again, wherever it runs.
    pub(crate) again: &'a str,
    /// Say it, change nothing.
    pub(crate) is_dry: bool,
}

/// Columns of a line.
const WIDTH: usize = 110;

/// Of a dry run.
const DRY: &str = "--dry-run: nothing is written.\n";

/// What the file of before is.
const FORMAT: &str = "tandem-tune-undo-1";

/// A change that was, or is about to be, made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    path: String,
    was: String,
    set: String,
}

/// Sets what differs. The error is for a person: nothing was changed then.
pub(crate) fn apply(
    profile: &Profile,
    machine: &Machine,
    order: &Order<'_>,
) -> Result<Applied, String> {
    let all = settings(profile, machine);
    let differ: Vec<&Setting> = all.iter().filter(|one| !one.is_met()).collect();
    let root = &machine.root;
    let mut notes = String::new();
    let mut kept = match read_undo(order.undo_file)? {
        Some(undo) if undo.boot == machine.boot => undo.changes,
        Some(_) => {
            notes.push_str(&format!(
                "{} is of before the last start of this machine: its changes are gone, and it is begun anew.\n",
                order.undo_file.display()
            ));
            Vec::new()
        }
        None => Vec::new(),
    };
    let mut text = heading(order, machine, all.len(), differ.len());
    text.push_str(&notes);
    if !order.is_dry {
        for one in &differ {
            if let Some(was) = &one.have {
                add(&mut kept, &one.path, was, &one.want);
            }
        }
        if !differ.is_empty() {
            write_undo(order, machine, &kept)?;
        }
    }
    let mut failed = Vec::new();
    text.push_str(if differ.is_empty() { "" } else { "\n" });
    for one in &differ {
        let (name, have) = (name_of(one), one.have.as_deref().unwrap_or("unreadable"));
        let outcome = match order.is_dry {
            true => Ok(one.want.clone()),
            false => set(root, one),
        };
        match outcome {
            Ok(now) => {
                text.push_str(&format!("  {name:<38} {have} -> {now}\n"));
                if let Some(change) = kept.iter_mut().find(|change| change.path == one.path) {
                    change.set = now;
                }
            }
            Err(why) => {
                let line = format!("{have}, not {}: {why}. By hand: {}", one.want, by_hand(one));
                text.push_str(&wrapped(
                    &format!("  {name:<38} FAILED "),
                    "    ",
                    &line,
                    WIDTH,
                ));
                failed.push(one.path.clone());
            }
        }
    }
    if !order.is_dry && !differ.is_empty() {
        // What could not be set needs no way back, unless an earlier apply has set it.
        kept.retain(|change| {
            let now = root.chosen(&change.path);
            !failed.contains(&change.path)
                || now.is_none_or(|now| !is_same(&change.path, &now, &change.was))
        });
        if kept.is_empty() {
            remove(order.undo_file)?;
        } else {
            write_undo(order, machine, &kept)?;
        }
    }
    if order.is_dry && !differ.is_empty() {
        let line = format!(
            "Old values would be kept in {} (`tandem tune undo`).",
            order.undo_file.display()
        );
        text.push_str(&format!("\n{line}\n"));
    } else if !kept.is_empty() {
        text.push_str(&format!(
            "\nOld values are in {}; `tandem tune undo` puts them back.\n",
            order.undo_file.display()
        ));
    }
    if !failed.is_empty() {
        text.push_str(&format!(
            "{} could not be set. It takes root, and the machine itself: a container shows files that only the host may write.\n",
            count(failed.len(), "value")
        ));
    }
    text.push_str(&left(profile, machine));
    text.push_str(&permanence(order, &all, &kept, &differ));
    Ok(Applied {
        text,
        is_whole: failed.is_empty(),
    })
}

fn heading(order: &Order<'_>, machine: &Machine, all: usize, differ: usize) -> String {
    let differ = match differ {
        0 => "nothing to set".to_owned(),
        _ => format!("{differ} of {} to set", count(all, "value")),
    };
    let line = format!("{} on {}: {differ}", order.profile, machine.summary());
    let mut text = wrapped("", "  ", &line, WIDTH);
    text.push_str(if order.is_dry { DRY } else { "" });
    text
}

/// How a person calls it.
fn name_of(one: &Setting) -> String {
    let end = |from: usize| {
        one.path
            .rsplit('/')
            .nth(from)
            .unwrap_or_default()
            .to_owned()
    };
    match one.kind {
        Kind::Sysctl(_) => one.whose.clone(),
        Kind::Governor => format!("{} governor", one.whose),
        Kind::HugePages => "transparent_hugepage/enabled".to_owned(),
        Kind::Rps | Kind::Xps => format!("{} {} {}", one.whose, end(1), end(0)),
        Kind::Interrupt => format!("{} interrupt {} cores", one.whose, end(1)),
    }
}

fn by_hand(one: &Setting) -> String {
    match one.kind {
        Kind::Sysctl(_) => format!("sysctl -w {}={}", one.whose, one.want),
        _ => format!("echo {} > {}", one.want, one.path),
    }
}

/// Sets it and reads it back; the error says why not.
fn set(root: &Root, one: &Setting) -> Result<String, String> {
    root.write(&one.path, &one.want)
        .map_err(|error| error.to_string())?;
    let now = root.chosen(&one.path).ok_or("it cannot be read back")?;
    let set = Setting {
        have: Some(now.clone()),
        ..one.clone()
    };
    match set.is_met() {
        true => Ok(now),
        false => Err(format!("the kernel took it and has {now}")),
    }
}

/// Faults that no file mends.
fn left(profile: &Profile, machine: &Machine) -> String {
    let faults = check(profile, machine);
    let mut faults = faults
        .iter()
        .filter(|one| one.is_fault() && !one.is_settable && one.group != "since boot")
        .peekable();
    if faults.peek().is_none() {
        return String::new();
    }
    let mut text = "\nNot a matter of apply:\n".to_owned();
    for one in faults {
        let word = if one.grade == Grade::Bad {
            "bad"
        } else {
            "warn"
        };
        let head = format!("  {word:<5}{:<20} ", one.what);
        let wanted = match one.want.is_empty() {
            true => String::new(),
            false => format!(" (wanted: {})", one.want),
        };
        let line = format!("{}{wanted}: {}", one.have, one.remedy);
        text.push_str(&wrapped(&head, "         ", &line, WIDTH));
    }
    text
}

/// How to keep it.
fn permanence(order: &Order<'_>, all: &[Setting], kept: &[Change], differ: &[&Setting]) -> String {
    let is_ours = |one: &&Setting| {
        kept.iter().any(|change| change.path == one.path)
            || differ.iter().any(|other| other.path == one.path)
    };
    let ours: Vec<&Setting> = all.iter().filter(is_ours).collect();
    if ours.is_empty() {
        return String::new();
    }
    let (kernel, others): (Vec<&Setting>, Vec<&Setting>) = ours
        .iter()
        .partition(|one| matches!(one.kind, Kind::Sysctl(_)));
    let mut text = "\nThe next start of the machine forgets all of it.".to_owned();
    if !kernel.is_empty() {
        text.push_str(" To keep the kernel settings, /etc/sysctl.d/60-tandem.conf:\n\n");
        for one in kernel {
            text.push_str(&format!("    {} = {}\n", one.whose, one.want));
        }
    }
    if !others.is_empty() {
        let line = format!("\n    ExecStartPre=-+{}\n", order.again);
        text.push_str("\nQueues, interrupts, governor and huge pages are set again by a line in the server's unit:\n");
        text.push_str(&line);
    }
    text
}

/// Puts everything back. The error is for a person: nothing was changed then.
pub(crate) fn undo(root: &Root, undo_file: &Path, is_dry: bool) -> Result<Applied, String> {
    let name = undo_file.display();
    let Some(undo) = read_undo(undo_file)? else {
        return Err(format!("there is nothing to undo: {name} is not there."));
    };
    if undo.boot != root.read("/proc/sys/kernel/random/boot_id") {
        if !is_dry {
            remove(undo_file)?;
        }
        let rest = if is_dry { "" } else { " The file is removed." };
        return Ok(Applied {
            text: format!(
                "{name} is of before the last start of this machine, which has forgotten those changes: nothing to undo.{rest}\n"
            ),
            is_whole: true,
        });
    }
    let dry = if is_dry { DRY } else { "" };
    let mut text = format!("{name}: {}\n{dry}\n", count(undo.changes.len(), "change"));
    let mut stays = Vec::new();
    for change in undo.changes.iter().rev() {
        let Change { path, was, set } = change;
        let now = root.chosen(path).unwrap_or_default();
        let failed = if is_same(path, &now, was) {
            text.push_str(&format!("  {path}  is {was} already\n"));
            continue;
        } else if !is_same(path, &now, set) {
            Some(format!(
                "is {now}, which is not the {set} that was set: left as it is; it was {was}"
            ))
        } else if is_dry {
            None
        } else {
            let written = root.write(path, was).err();
            written.map(|error| format!("stays {now}: {error}. By hand: echo {was} > {path}"))
        };
        match failed {
            None => text.push_str(&format!("  {path}  {now} -> {was}\n")),
            Some(why) => {
                text.push_str(&wrapped(&format!("  {path}  "), "    ", &why, WIDTH));
                stays.insert(0, change.clone());
            }
        }
    }
    let is_whole = stays.is_empty();
    if !is_dry {
        if is_whole {
            remove(undo_file)?;
            text.push_str("\nWhat was written to /etc/sysctl.d or into a unit to keep it stays: remove it there.\n");
        } else {
            text.push_str(&format!(
                "\n{name} keeps what could not be put back; remove it if that is right.\n"
            ));
            save(
                undo_file,
                &document(undo.boot.as_deref(), &undo.profile, &stays),
            )?;
        }
    }
    Ok(Applied { text, is_whole })
}

/// The first value of before stays.
fn add(changes: &mut Vec<Change>, path: &str, was: &str, set: &str) {
    match changes.iter_mut().find(|change| change.path == path) {
        Some(change) => set.clone_into(&mut change.set),
        None => changes.push(Change {
            path: path.to_owned(),
            was: was.to_owned(),
            set: set.to_owned(),
        }),
    }
}

/// What such a file says.
struct Undo {
    boot: Option<String>,
    profile: String,
    changes: Vec<Change>,
}

fn document(boot: Option<&str>, profile: &str, changes: &[Change]) -> Value {
    let changes = changes
        .iter()
        .map(|change| json!({ "path": change.path, "was": change.was, "set": change.set }));
    json!({
        "format": FORMAT,
        "boot": boot,
        "profile": profile,
        "changes": changes.collect::<Vec<_>>(),
    })
}

fn read_undo(path: &Path) -> Result<Option<Undo>, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(format!("{}: {error}.", path.display())),
    };
    let broken = |why: &str| {
        format!(
            "{}: {why}. Nothing was changed; put the file aside if its old values do not matter.",
            path.display()
        )
    };
    let read: Value = serde_json::from_str(&text).map_err(|error| broken(&error.to_string()))?;
    if read["format"] != FORMAT {
        return Err(broken("this is no file of `tandem tune apply`"));
    }
    let text_of = |value: &Value| value.as_str().map(str::to_owned);
    let changes = read["changes"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let changes = changes.iter().map(|one| {
        let path = text_of(&one["path"]).filter(|path| is_setting(path))?;
        Some(Change {
            path,
            was: text_of(&one["was"])?,
            set: text_of(&one["set"])?,
        })
    });
    Ok(Some(Undo {
        boot: text_of(&read["boot"]),
        profile: text_of(&read["profile"]).unwrap_or_default(),
        changes: changes
            .collect::<Option<_>>()
            .ok_or_else(|| broken("a change in it is none of ours"))?,
    }))
}

/// Nothing else is ever written by undo, whoever wrote the file.
fn is_setting(path: &str) -> bool {
    let places = [
        "/proc/sys/",
        "/proc/irq/",
        "/sys/class/net/",
        "/sys/devices/system/cpu/",
        "/sys/kernel/mm/",
    ];
    places.iter().any(|place| path.starts_with(place)) && !path.split('/').any(|part| part == "..")
}

fn write_undo(order: &Order<'_>, machine: &Machine, changes: &[Change]) -> Result<(), String> {
    save(
        order.undo_file,
        &document(machine.boot.as_deref(), order.profile, changes),
    )
}

/// Whole or not at all, and on the disk when this returns.
fn save(path: &Path, document: &Value) -> Result<(), String> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let write = || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        let beside = path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(format!("{document:#}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(&folder)?.sync_all()
    };
    write().map_err(|error| {
        let root = match error.kind() {
            io::ErrorKind::PermissionDenied => " Setting what belongs to the machine takes root.",
            _ => "",
        };
        format!(
            "{}: {error}. The old values have to be kept there before anything is changed; --undo-file names another \
             place.{root}",
            path.display()
        )
    })
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{}: {error}.", path.display()))
        }
        _ => Ok(()),
    }
}
