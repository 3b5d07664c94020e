//! Offers the features, one room per `loadmodule` name.
//!
//! A room exports functions, parameters and variables to the script and keeps its own state, one
//! instance a shard. What a room does not export does not exist for a script: it is a diagnostic at
//! load. No I/O in here: what needs the world leaves a `Query` and waits for the `Answer`.

mod acc;
mod cfgutils;
mod diversion;
mod event_route;
#[cfg(test)]
mod harness;
mod json;
mod mathops;
mod maxfwd;
mod mi_fifo;
mod options;
mod path;
mod permissions;
mod proto_tcp;
mod proto_udp;
mod recurrence;
mod regex;
mod registrar;
mod rr;
mod script_helper;
mod signaling;
mod sipmsgops;
mod sl;
mod statistics;
mod textops;
mod tm;
mod uac;
mod uac_auth;
mod uac_redirect;
mod usrloc;
mod uuid;
mod xml;

use engine::module::{Context, Registry, Verdict};

/// Every module of this build.
#[must_use]
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry
        .add::<acc::Acc>()
        .add::<cfgutils::CfgUtils>()
        .add::<diversion::Diversion>()
        .add::<event_route::EventRoute>()
        .add::<json::Json>()
        .add::<mathops::MathOps>()
        .add::<maxfwd::MaxFwd>()
        .add::<mi_fifo::MiFifo>()
        .add::<options::Options>()
        .add::<path::Path>()
        .add::<permissions::Permissions>()
        .add::<proto_tcp::ProtoTcp>()
        .add::<proto_udp::ProtoUdp>()
        .add::<regex::Regex>()
        .add::<registrar::Registrar>()
        .add::<rr::Rr>()
        .add::<script_helper::ScriptHelper>()
        .add::<signaling::Signaling>()
        .add::<sipmsgops::SipMsgOps>()
        .add::<sl::Sl>()
        .add::<statistics::Statistics>()
        .add::<textops::TextOps>()
        .add::<tm::Tm>()
        .add::<uac::Uac>()
        .add::<uac_auth::UacAuth>()
        .add::<uac_redirect::UacRedirect>()
        .add::<usrloc::Usrloc>()
        .add::<uuid::Uuid>()
        .add::<xml::Xml>();
    registry
}

/// Puts another Request-URI in the place of the one that would be sent.
fn set_request_uri(cx: &mut Context<'_>, uri: &[u8]) -> Verdict {
    Verdict::of(cx.scene.targets.set_uri(0, uri))
}

#[cfg(test)]
mod tests;
