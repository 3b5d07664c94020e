//! What a machine has beside what a profile wants of it, a [`Finding`] each.
//!
//! Bad is what keeps the server from starting or makes it another than the profile describes; a warning costs something
//! and says what.

mod cores;
mod kernel;
mod network;

use shards::Profile;

use super::finding::Finding;
use super::machine::Machine;
use super::settings::{Setting, settings};

/// What `apply` mends, and by hand.
const APPLY: &str = "`tandem tune apply` sets it";

/// Everything, in the order of a report.
pub(crate) fn check(profile: &Profile, machine: &Machine) -> Vec<Finding> {
    let settings = settings(profile, machine);
    let mut found = Vec::new();
    cores::check(profile, machine, &settings, &mut found);
    kernel::check(profile, machine, &settings, &mut found);
    network::check(profile, machine, &settings, &mut found);
    kernel::since_boot(machine, &mut found);
    found
}

/// Several settings of one kind as one finding: how many are met, and the first that are not.
fn together(
    group: &'static str,
    what: &str,
    settings: &[&Setting],
    describe: impl Fn(&Setting) -> String,
) -> Finding {
    const SHOWN: usize = 2;
    let unmet: Vec<&&Setting> = settings.iter().filter(|one| !one.is_met()).collect();
    let all = settings.len();
    let have = match (unmet.len(), all) {
        (0, 1) => "as wanted".to_owned(),
        (0, _) => format!("all {all} as wanted"),
        (1, 1) => describe(unmet[0]),
        (count, _) => {
            let mut parts = vec![match all - count {
                0 => format!("none of {all} as wanted"),
                met => format!("{met} of {all} as wanted"),
            }];
            parts.extend(unmet.iter().take(SHOWN).map(|one| describe(one)));
            if count > SHOWN {
                parts.push(format!("{} more", count - SHOWN));
            }
            parts.join("; ")
        }
    };
    Finding::new(group, what, have).settable()
}
