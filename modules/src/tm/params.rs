//! Parameters of `tm`.
//!
//! Some of OpenSIPS's describe machinery that is not there: those are accepted with the value that
//! says what happens anyway, and refused with any other.

use engine::module::{Context, Exports, Kind, ParamValue};

use super::Tm;

/// What the script set, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Params {
    fr_ms: Option<u32>,
    fr_inv_ms: Option<u32>,
    wt_ms: Option<u32>,
    t1_ms: Option<u32>,
    t2_ms: Option<u32>,
    restart_fr_on_each_reply: Option<bool>,
    auto_100_trying: Option<bool>,
    reply_avps: Option<bool>,
    branches_after_6xx: Option<bool>,
    minor_flag: Option<String>,
}

impl Params {
    /// Puts them where the machines read them.
    pub(super) fn apply(&self, cx: &mut Context<'_>) -> Result<(), String> {
        fn set<T: Copy>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        if let Some(name) = &self.minor_flag {
            let mask = cx.name_branch_flag(name.as_bytes());
            cx.core.proxy.settings.minor_flag = mask.ok_or("there are 32 branch flags already")?;
        }
        let core = &mut *cx.core;
        let settings = &mut core.tm;
        set(&mut settings.fr_ms, self.fr_ms);
        set(&mut settings.fr_inv_ms, self.fr_inv_ms);
        set(&mut settings.t1_ms, self.t1_ms);
        set(&mut settings.t2_ms, self.t2_ms);
        set(
            &mut settings.restart_fr_on_each_reply,
            self.restart_fr_on_each_reply,
        );
        set(&mut settings.auto_100_trying, self.auto_100_trying);
        set(&mut core.proxy.settings.reply_avps, self.reply_avps);
        set(
            &mut core.proxy.settings.branches_after_6xx,
            self.branches_after_6xx,
        );
        let settings = &mut core.tm;
        if self.wt_ms.is_some() {
            settings.wt_ms = self.wt_ms;
        }
        Ok(())
    }
}

pub(super) fn export(exports: &mut Exports<Tm>) {
    exports.param("fr_timeout", Kind::Int, |tm, v| {
        seconds(&mut tm.params.fr_ms, v)
    });
    exports.param("fr_inv_timeout", Kind::Int, |tm, v| {
        seconds(&mut tm.params.fr_inv_ms, v)
    });
    exports.param("wt_timer", Kind::Int, |tm, v| {
        seconds(&mut tm.params.wt_ms, v)
    });
    exports.param("T1_timer", Kind::Int, |tm, v| {
        milliseconds(&mut tm.params.t1_ms, v)
    });
    exports.param("T2_timer", Kind::Int, |tm, v| {
        milliseconds(&mut tm.params.t2_ms, v)
    });
    exports.param("restart_fr_on_each_reply", Kind::Int, |tm, v| {
        tm.params.restart_fr_on_each_reply = Some(v.int() != 0);
        Ok(())
    });
    exports.param("auto_100trying", Kind::Int, |tm, v| {
        tm.params.auto_100_trying = Some(v.int() != 0);
        Ok(())
    });
    exports.param("onreply_avp_mode", Kind::Int, |tm, v| {
        tm.params.reply_avps = Some(v.int() != 0);
        Ok(())
    });
    exports.param("disable_6xx_block", Kind::Int, |tm, v| {
        tm.params.branches_after_6xx = Some(v.int() != 0);
        Ok(())
    });
    exports.param("minor_branch_flag", Kind::Str, |tm, v| {
        if v.text().is_empty() {
            return Err("a branch flag has a name".into());
        }
        tm.params.minor_flag = Some(v.text().to_owned());
        Ok(())
    });
    // A transaction is freed when its last timer has fired, and each shard has its own.
    exports.param("delete_timer", Kind::Int, |_, _| Ok(()));
    exports.param("timer_partitions", Kind::Int, |_, _| Ok(()));
    // Counting costs less than asking whether to count.
    exports.param("enable_stats", Kind::Int, |_, _| Ok(()));
    // Matching is RFC 3261 §17.2.3, with and without a magic cookie; there is no weaker one.
    exports.param("ruri_matching", Kind::Int, |_, v| one_of(v, &[1]));
    exports.param("via1_matching", Kind::Int, |_, v| one_of(v, &[1]));
    // Branches of requests forwarded without state always repeat for retransmissions (§16.11).
    exports.param("syn_branch", Kind::Int, |_, v| one_of(v, &[1]));
    exports.param("pass_provisional_replies", Kind::Int, |_, v| {
        one_of(v, &[0])
    });
}

fn seconds(field: &mut Option<u32>, value: ParamValue<'_>) -> Result<(), String> {
    match value.int() {
        seconds @ 1..=86_400 => {
            *field = Some(seconds as u32 * 1000);
            Ok(())
        }
        other => Err(format!("{other} is not between 1 and 86400 seconds")),
    }
}

fn milliseconds(field: &mut Option<u32>, value: ParamValue<'_>) -> Result<(), String> {
    match value.int() {
        ms @ 10..=60_000 => {
            *field = Some(ms as u32);
            Ok(())
        }
        other => Err(format!("{other} is not between 10 and 60000 milliseconds")),
    }
}

fn one_of(value: ParamValue<'_>, offered: &[i32]) -> Result<(), String> {
    if offered.contains(&value.int()) {
        return Ok(());
    }
    let offered: Vec<String> = offered.iter().map(i32::to_string).collect();
    Err(format!(
        "{} is not offered, only {}",
        value.int(),
        offered.join(" or ")
    ))
}
