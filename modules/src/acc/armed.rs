//! What accounting of one transaction was asked for.

/// The flags of `do_accounting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Armed {
    /// INVITEs that fail are calls missed.
    pub(super) missed: bool,
    /// Failures are accounted as well.
    pub(super) failed: bool,
}

impl Armed {
    /// Reads `missed|failed`.
    pub(super) fn parse(text: &[u8]) -> Result<Armed, String> {
        let mut armed = Armed::default();
        for word in words(text) {
            match word {
                b"missed" => armed.missed = true,
                b"failed" => armed.failed = true,
                b"cdr" => {
                    return Err("`cdr` needs the dialog module, which is not offered yet".into());
                }
                other => {
                    return Err(format!(
                        "`{}` is not a flag of accounting",
                        other.escape_ascii()
                    ));
                }
            }
        }
        Ok(armed)
    }

    /// Both.
    pub(super) fn with(self, other: Armed) -> Armed {
        Armed {
            missed: self.missed | other.missed,
            failed: self.failed | other.failed,
        }
    }

    /// These, those aside.
    pub(super) fn without(self, other: Armed) -> Armed {
        Armed {
            missed: self.missed & !other.missed,
            failed: self.failed & !other.failed,
        }
    }

    /// As a number.
    pub(super) fn bits(self) -> i32 {
        i32::from(self.missed) | i32::from(self.failed) << 1
    }

    /// Back from a number.
    pub(super) fn from_bits(bits: i32) -> Armed {
        Armed {
            missed: bits & 1 != 0,
            failed: bits & 2 != 0,
        }
    }
}

pub(super) fn check_flags(text: &[u8]) -> Result<(), String> {
    Armed::parse(text).map(drop)
}

/// The types of `do_accounting`: where the record goes.
pub(super) fn check_types(text: &[u8]) -> Result<(), String> {
    for word in words(text) {
        match word {
            b"log" => {}
            b"db" | b"aaa" | b"evi" => {
                let name = word.escape_ascii();
                return Err(format!(
                    "accounting to `{name}` is not offered yet, only `log`"
                ));
            }
            other => {
                return Err(format!(
                    "`{}` is not a type of accounting",
                    other.escape_ascii()
                ));
            }
        }
    }
    Ok(())
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'|')
        .map(|word| word.trim_ascii())
        .filter(|word| !word.is_empty())
}
