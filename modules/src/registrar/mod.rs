//! `registrar`: the registrar of RFC 3261 §10.3 and the lookup of §16.5.
//!
//! Reads a REGISTER, has the location service change the bindings, and answers; turns the bindings
//! of a Request-URI into targets. Where bindings live is `usrloc`'s work.
//!
//! Keeps no state but its counters, which are summed.

mod answer;
mod aor;
mod contacts;
mod flags;
mod lookup;
mod questions;
mod save;

use engine::module::{Context, Exports, Kind, Module, ParamValue, Routes};
use engine::run::NameId;

use aor::AorRules;
use contacts::ContactRules;
use flags::{LookupFlags, SaveFlags};

/// The module.
#[derive(Debug)]
pub(crate) struct Registrar {
    aor: AorRules,
    contacts: ContactRules,
    contacts_max: u32,
    is_first_shard: bool,
    /// Seconds by which a granted expiry varies at random.
    expires_max_deviation: u32,
    /// Seconds for Retry-After in a 503; zero leaves it out.
    retry_after: u32,
    equal_cseq: bool,
    received_parameter: String,
    sock_hdr_name: String,
    received_avp: Option<String>,
    attr_avp: Option<String>,
    tcp_persistent_flag: String,
    /// What `start` made of the names above.
    received_name: Option<NameId>,
    attr_name: Option<NameId>,
    tcp_persistent_mask: Option<u32>,
    accepted: u64,
    rejected: u64,
    /// Buffers that keep their memory from call to call.
    key: Vec<u8>,
    answer: Vec<u8>,
    written: Vec<u8>,
}

impl Module for Registrar {
    const NAME: &'static str = "registrar";

    fn new() -> Self {
        Registrar {
            aor: AorRules {
                use_domain: false,
                case_sensitive: true,
                realm_prefix: Vec::new(),
                aor_max: 256,
                username_max: 64,
                domain_max: 64,
            },
            contacts: ContactRules {
                expires_default: 3600,
                expires_min: 60,
                expires_max: 0,
                q_default: None,
                contact_max: 255,
            },
            contacts_max: 0,
            is_first_shard: false,
            expires_max_deviation: 0,
            retry_after: 0,
            equal_cseq: false,
            received_parameter: "received".into(),
            sock_hdr_name: String::new(),
            received_avp: None,
            attr_avp: None,
            tcp_persistent_flag: String::new(),
            received_name: None,
            attr_name: None,
            tcp_persistent_mask: None,
            accepted: 0,
            rejected: 0,
            key: Vec::new(),
            answer: Vec::new(),
            written: Vec::new(),
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.needs(&["usrloc", "signaling"]);
        params(exports);
        let table = Kind::Str.literal();
        let text = Kind::Str.optional();
        let anywhere =
            Routes::REQUEST | Routes::FAILURE | Routes::REPLY | Routes::BRANCH | Routes::LOCAL;
        exports.function(
            "save",
            &[
                table,
                text.check(|flags| SaveFlags::parse(flags).map(drop).map_err(unknown)),
                text,
            ],
            Routes::REQUEST,
            Self::save,
        );
        exports.function(
            "lookup",
            &[
                table,
                text.check(|flags| LookupFlags::parse(flags).map(drop).map_err(unknown)),
                text,
            ],
            Routes::REQUEST | Routes::FAILURE,
            Self::lookup,
        );
        exports.function(
            "is_registered",
            &[table, text],
            anywhere,
            Self::is_registered,
        );
        exports.function(
            "is_contact_registered",
            &[table, text, text, text],
            anywhere,
            Self::is_contact_registered,
        );
        exports.function(
            "is_ip_registered",
            &[table, text, Kind::Variable, Kind::Variable.optional()],
            anywhere,
            Self::is_ip_registered,
        );
        exports.function(
            "remove",
            &[table, Kind::Str, text, text, text],
            Routes::REQUEST | Routes::REPLY,
            Self::remove,
        );
        exports.function("add_sock_hdr", &[Kind::Str], anywhere, Self::add_sock_hdr);
        exports.statistic("accepted_regs", |registrar| registrar.accepted);
        exports.statistic("rejected_regs", |registrar| registrar.rejected);
        exports.statistic("default_expire", |registrar| {
            registrar.setting(registrar.contacts.expires_default)
        });
        exports.statistic("max_expires", |registrar| {
            registrar.setting(registrar.contacts.expires_max)
        });
        exports.statistic("max_contacts", |registrar| {
            registrar.setting(registrar.contacts_max)
        });
        exports.difference(
            "`save` in `onreply_route`, GRUU and push (RFC 8599) are not offered. `disable_gruu` only 1, \
             `pn_enable` only 0.",
        );
        exports.difference(
            "An expiry below `min_expires` (and an hour) is refused with 423 (RFC 3261 §10.3); OpenSIPS raises \
             it.",
        );
        exports.difference(
            "A refused REGISTER that was answered ends the script (0), as in OpenSIPS; with `no-reply` it is -1.",
        );
        exports.difference(
            "`lookup` knows `method-filtering`, `no-branches` and `to-branches-only`; what needs a cluster, pings \
             or a filter by user agent is refused at load.",
        );
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        self.is_first_shard = cx.shard().0 == 0;
        if let Some(usrloc) = cx.module::<crate::usrloc::Usrloc>() {
            self.aor.use_domain = usrloc.use_domain();
        }
        if let Some(text) = &self.received_avp {
            self.received_name = Some(cx.avp_name(text)?);
        }
        if let Some(text) = &self.attr_avp {
            self.attr_name = Some(cx.avp_name(text)?);
        }
        if !self.tcp_persistent_flag.is_empty() {
            let mask = cx.name_message_flag(self.tcp_persistent_flag.as_bytes());
            self.tcp_persistent_mask =
                Some(mask.ok_or_else(|| {
                    format!("`{}` is one flag too many", self.tcp_persistent_flag)
                })?);
        }
        Ok(())
    }
}

fn unknown(word: &[u8]) -> String {
    format!("`{}` is not a flag that is offered", word.escape_ascii())
}

fn params(exports: &mut Exports<Registrar>) {
    exports.param("default_expires", Kind::Int, |r, v| {
        number(&mut r.contacts.expires_default, v)
    });
    exports.param("min_expires", Kind::Int, |r, v| {
        number(&mut r.contacts.expires_min, v)
    });
    exports.param("max_expires", Kind::Int, |r, v| {
        number(&mut r.contacts.expires_max, v)
    });
    exports.param("expires_max_deviation", Kind::Int, |r, v| {
        number(&mut r.expires_max_deviation, v)
    });
    exports.param("max_contacts", Kind::Int, |r, v| {
        number(&mut r.contacts_max, v)
    });
    exports.param("retry_after", Kind::Int, |r, v| {
        number(&mut r.retry_after, v)
    });
    exports.param("max_contact_len", Kind::Int, |r, v| {
        length(&mut r.contacts.contact_max, v)
    });
    exports.param("max_aor_len", Kind::Int, |r, v| {
        length(&mut r.aor.aor_max, v)
    });
    exports.param("max_username_len", Kind::Int, |r, v| {
        length(&mut r.aor.username_max, v)
    });
    exports.param("max_domain_len", Kind::Int, |r, v| {
        length(&mut r.aor.domain_max, v)
    });
    exports.param("default_q", Kind::Int, |r, v| {
        r.contacts.q_default = match v.int() {
            -1 => None,
            q @ 0..=1000 => Some(q as u16),
            other => {
                return Err(format!(
                    "{other} is not between 0 and 1000 (thousandths), or -1"
                ));
            }
        };
        Ok(())
    });
    exports.param("case_sensitive", Kind::Int, |r, v| {
        flag(&mut r.aor.case_sensitive, v)
    });
    exports.param("allow_dup_cseq", Kind::Int, |r, v| {
        flag(&mut r.equal_cseq, v)
    });
    exports.param("realm_prefix", Kind::Str, |r, v| {
        r.aor.realm_prefix = v.text().into();
        Ok(())
    });
    exports.param("received_param", Kind::Str, |r, v| {
        text(&mut r.received_parameter, v)
    });
    exports.param("sock_hdr_name", Kind::Str, |r, v| {
        text(&mut r.sock_hdr_name, v)
    });
    exports.param("tcp_persistent_flag", Kind::Str, |r, v| {
        text(&mut r.tcp_persistent_flag, v)
    });
    exports.param("received_avp", Kind::Str, |r, v| {
        v.avp()?;
        r.received_avp = Some(v.text().into());
        Ok(())
    });
    exports.param("attr_avp", Kind::Str, |r, v| {
        v.avp()?;
        r.attr_avp = Some(v.text().into());
        Ok(())
    });
    // GRUU and push are not built: only the values that leave them off are accepted.
    exports.param("disable_gruu", Kind::Int, |_, v| off(v.int() == 1, "GRUU"));
    exports.param("pn_enable", Kind::Int, |_, v| {
        off(v.int() == 0, "push notification (RFC 8599)")
    });
}

fn off(is_off: bool, what: &str) -> Result<(), String> {
    if is_off {
        Ok(())
    } else {
        Err(format!("{what} is not offered yet"))
    }
}

impl Registrar {
    /// A parameter as a statistic. Statistics are summed, so one shard says it for all.
    fn setting(&self, value: u32) -> u64 {
        if self.is_first_shard { value.into() } else { 0 }
    }
}

fn number(field: &mut u32, value: ParamValue<'_>) -> Result<(), String> {
    *field = u32::try_from(value.int()).map_err(|_| format!("{} is negative", value.int()))?;
    Ok(())
}

fn length(field: &mut usize, value: ParamValue<'_>) -> Result<(), String> {
    match value.int() {
        length @ 1..=4096 => {
            *field = length as usize;
            Ok(())
        }
        other => Err(format!("{other} is not between 1 and 4096 bytes")),
    }
}

fn flag(field: &mut bool, value: ParamValue<'_>) -> Result<(), String> {
    *field = value.int() != 0;
    Ok(())
}

fn text(field: &mut String, value: ParamValue<'_>) -> Result<(), String> {
    value.text().clone_into(field);
    Ok(())
}

#[cfg(test)]
mod tests;
