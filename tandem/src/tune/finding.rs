//! One line of `tandem tune check`, and all of them as text or JSON.

use serde_json::{Value, json};

use super::words::{count, wrapped};

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    /// As wanted.
    Ok,
    /// Worth knowing; nothing is wrong.
    Note,
    /// Works, and costs something.
    Warn,
    /// Does not work, or not as the profile says.
    Bad,
}

impl Grade {
    fn as_str(self) -> &'static str {
        match self {
            Grade::Ok => "ok",
            Grade::Note => "note",
            Grade::Warn => "warn",
            Grade::Bad => "bad",
        }
    }
}

/// What was compared, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) grade: Grade,
    pub(crate) group: &'static str,
    pub(crate) what: String,
    pub(crate) have: String,
    /// Empty if there is nothing to want.
    pub(crate) want: String,
    pub(crate) why: String,
    /// What it costs to leave it so.
    pub(crate) ignored: String,
    /// What to do.
    pub(crate) remedy: String,
    /// Whether `apply` does it.
    pub(crate) is_settable: bool,
}

impl Finding {
    /// One that is as it should be, until something is found.
    pub(super) fn new(
        group: &'static str,
        what: impl Into<String>,
        have: impl Into<String>,
    ) -> Finding {
        Finding {
            grade: Grade::Ok,
            group,
            what: what.into(),
            have: have.into(),
            want: String::new(),
            why: String::new(),
            ignored: String::new(),
            remedy: String::new(),
            is_settable: false,
        }
    }

    pub(super) fn want(mut self, want: impl Into<String>) -> Finding {
        self.want = want.into();
        self
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Finding {
        self.why = why.into();
        self
    }

    /// One that `apply` mends.
    pub(super) fn settable(mut self) -> Finding {
        self.is_settable = true;
        self
    }

    pub(super) fn is_fault(&self) -> bool {
        matches!(self.grade, Grade::Warn | Grade::Bad)
    }

    pub(super) fn graded(mut self, grade: Grade) -> Finding {
        self.grade = grade;
        self
    }

    /// `grade`, what it costs and what to do, unless all is well.
    pub(super) fn unless(
        self,
        is_well: bool,
        grade: Grade,
        ignored: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        if is_well {
            return self;
        }
        Finding {
            grade,
            ignored: ignored.into(),
            remedy: remedy.into(),
            ..self
        }
    }
}

/// Columns of a line.
const WIDTH: usize = 110;

/// Where explanations begin.
const INDENT: &str = "          ";

/// Where what there is begins.
const SECOND: usize = 42;

/// All findings for a person; `only_faults` leaves out what is well.
pub(crate) fn as_text(title: &str, findings: &[Finding], only_faults: bool) -> String {
    let mut out = wrapped("", "  ", title, WIDTH);
    let mut group = "";
    for one in findings {
        if only_faults && !one.is_fault() {
            continue;
        }
        if one.group != group {
            group = one.group;
            out.push_str(&format!("\n{group}\n"));
        }
        let says = match one.want.is_empty() {
            true => one.have.clone(),
            false => format!("{}; wanted: {}", one.have, one.want),
        };
        let head = format!("  {:<8}{:<31} ", one.grade.as_str(), one.what);
        let indent = " ".repeat(SECOND.max(head.chars().count()));
        out.push_str(&wrapped(&head, &indent, &says, WIDTH));
        let mut explain = |word: &str, text: &str| {
            if !text.is_empty() {
                let first = format!("{INDENT}{word:<9}");
                out.push_str(&wrapped(&first, &" ".repeat(first.len()), text, WIDTH));
            }
        };
        explain("why", &one.why);
        explain("ignored", &one.ignored);
        explain("remedy", &one.remedy);
    }
    let number = |grade| findings.iter().filter(|one| one.grade == grade).count();
    let (bad, warn, note) = (number(Grade::Bad), number(Grade::Warn), number(Grade::Note));
    let verdict = match (bad, warn) {
        (0, 0) => "this machine is as the profile wants it",
        (0, _) => "this machine can serve, and would serve better",
        _ => "this machine is not what the profile is for",
    };
    out.push_str(&format!(
        "\n{verdict}: {bad} bad, {}, {}, {} ok\n",
        count(warn, "warning"),
        count(note, "note"),
        number(Grade::Ok)
    ));
    out
}

/// All findings for a program.
pub(crate) fn as_json(profile: &str, machine: &str, findings: &[Finding]) -> Value {
    let number = |grade| findings.iter().filter(|one| one.grade == grade).count();
    json!({
        "profile": profile,
        "machine": machine,
        "ok": number(Grade::Bad) == 0,
        "bad": number(Grade::Bad),
        "warnings": number(Grade::Warn),
        "findings": findings.iter().map(|one| json!({
            "grade": one.grade.as_str(),
            "group": one.group,
            "what": one.what,
            "have": one.have,
            "want": one.want,
            "why": one.why,
            "ignored": one.ignored,
            "remedy": one.remedy,
            "settable": one.is_settable,
        })).collect::<Vec<_>>(),
    })
}
