//! Scenarios that need no file: `-sn NAME`. Written for Tandem; they talk to SIPp's of the same name.

/// Names and files.
pub(crate) const SCENARIOS: [(&str, &str); 3] = [
    ("uac", include_str!("builtin/uac.xml")),
    ("uas", include_str!("builtin/uas.xml")),
    ("regexp", include_str!("builtin/regexp.xml")),
];

/// The text of a scenario.
pub(crate) fn scenario(name: &str) -> Option<&'static str> {
    let found = SCENARIOS.iter().find(|(known, _)| *known == name)?;
    Some(found.1)
}
