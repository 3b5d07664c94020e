//! The explanation for a person: one screen a group, what is missing first.

use std::fmt::Write;

use super::{Explained, Standing, Used};

/// Places of a name that are shown.
const PLACES_SHOWN: usize = 6;

impl Explained {
    pub(super) fn page(&self) -> String {
        let mut out = String::new();
        let all = self.groups.iter().flat_map(|(_, used)| used);
        let missing = all.filter(|one| matches!(one.standing, Standing::NotOffered(_)));
        let _ = writeln!(
            out,
            "{}: {}, {}, {}; {} of the names it uses not offered",
            self.file,
            many(self.lines, "line"),
            many(self.errors, "error"),
            many(self.warnings, "warning"),
            missing.count()
        );
        for (group, used) in &self.groups {
            if !used.is_empty() {
                write_group(group, used, &mut out);
            }
        }
        self.write_routes(&mut out);
        if !self.differences.is_empty() {
            out.push_str("\nOtherwise than in OpenSIPS, or with bounds of its own\n");
            for (module, sentences) in &self.differences {
                for sentence in sentences {
                    let _ = writeln!(out, "  {module}: {sentence}");
                }
            }
        }
        out
    }

    fn write_routes(&self, out: &mut String) {
        if self.routes.is_empty() {
            return;
        }
        out.push_str("\nRoutes\n");
        for one in &self.routes {
            let mut line = format!("  {} (line {})", one.route, one.place);
            if !one.to.is_empty() {
                let _ = write!(line, " -> {}", one.to.join(", "));
            }
            if one.is_unreached {
                line.push_str("; nothing leads here by a literal name");
            }
            let _ = writeln!(out, "{line}");
        }
    }
}

fn write_group(group: &str, used: &[Used], out: &mut String) {
    let mut title = group.to_owned();
    title[..1].make_ascii_uppercase();
    let _ = writeln!(out, "\n{title}");
    let width = used
        .iter()
        .map(|one| one.name.len())
        .max()
        .unwrap_or(0)
        .min(40);
    let mut sorted: Vec<&Used> = used.iter().collect();
    // What needs a look comes first; else they stand in the order of the script.
    sorted.sort_by_key(|one| match one.standing {
        Standing::NotOffered(_) => 0,
        Standing::NoEffect(_) => 1,
        Standing::Offered => 2,
    });
    for one in sorted {
        let standing = match &one.standing {
            Standing::Offered => "offered".to_owned(),
            Standing::NoEffect(why) => format!("no effect here: {why}"),
            Standing::NotOffered(why) => format!("NOT OFFERED: {why}"),
        };
        let _ = writeln!(
            out,
            "  {:<width$}  {standing}; {}",
            one.name,
            places(&one.places)
        );
    }
}

fn places(places: &[String]) -> String {
    let shown = &places[..places.len().min(PLACES_SHOWN)];
    let word = if places.len() == 1 { "line" } else { "lines" };
    let more = match places.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{word} {}{more}", shown.join(", "))
}

fn many(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
