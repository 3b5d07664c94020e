//! `sipmsgops`: questions about a message and edits of its headers, URI and body.
//!
//! Questions read the message as it was received; edits go to the draft and show when it is sent.
//!
//! Keeps no state.

mod body;
mod headers;
mod lists;
mod parts;
mod ruri;
mod sdp;
mod whole;

use engine::module::{Args, Context, Exports, Kind, Module, Routes, Verdict};

use crate::sl::STATUS;

/// The module.
#[derive(Debug)]
pub(crate) struct SipMsgOps;

impl Module for SipMsgOps {
    const NAME: &'static str = "sipmsgops";

    fn new() -> Self {
        SipMsgOps
    }

    fn exports(exports: &mut Exports<Self>) {
        let anywhere =
            Routes::REQUEST | Routes::FAILURE | Routes::REPLY | Routes::BRANCH | Routes::LOCAL;
        let text = Kind::Str.optional();
        exports.function(
            "is_method",
            &[Kind::Str.check(is_method_list)],
            anywhere,
            Self::is_method,
        );
        exports.function("has_totag", &[], anywhere, Self::has_totag);
        exports.function("has_body", &[text], anywhere, Self::has_body);
        exports.function("has_body_part", &[text], anywhere, Self::has_body_part);
        exports.function("is_present_hf", &[Kind::Str], anywhere, Self::is_present);
        exports.function("is_privacy", &[Kind::Str], anywhere, Self::is_privacy);
        exports.function("append_hf", &[Kind::Str, text], anywhere, Self::append);
        exports.function("insert_hf", &[Kind::Str, text], anywhere, Self::insert);
        exports.function("remove_hf", &[Kind::Str], anywhere, Self::remove);
        exports.function(
            "remove_hf_re",
            &[Kind::Regex],
            anywhere,
            Self::remove_by_regex,
        );
        exports.function(
            "remove_hf_glob",
            &[Kind::Str],
            anywhere,
            Self::remove_by_glob,
        );
        exports.function(
            "list_hdr_has_option",
            &[Kind::Str, Kind::Str],
            anywhere,
            Self::list_has,
        );
        exports.function(
            "list_hdr_add_option",
            &[Kind::Str, Kind::Str],
            anywhere,
            Self::list_add,
        );
        exports.function(
            "list_hdr_remove_option",
            &[Kind::Str, Kind::Str],
            anywhere,
            Self::list_remove,
        );

        exports.function(
            "add_body_part",
            &[Kind::Str, Kind::Str, text],
            anywhere,
            Self::add_body_part,
        );
        exports.function(
            "remove_body_part",
            &[text, Kind::Str.check(body::revert).optional()],
            anywhere,
            Self::remove_body_part,
        );
        exports.function(
            "get_updated_body_part",
            &[text, Kind::Output],
            anywhere,
            Self::updated_body_part,
        );
        exports.function(
            "get_glob_headers_values",
            &[Kind::Str, Kind::Output, Kind::Output],
            anywhere,
            Self::glob_headers,
        );
        exports.function("sip_to_json", &[Kind::Output], anywhere, Self::json_of);
        exports.function(
            "sipmsg_validate",
            &[
                Kind::Str.check(whole::flags).optional(),
                Kind::Output.optional(),
            ],
            Routes::REQUEST | Routes::FAILURE | Routes::REPLY | Routes::BRANCH,
            Self::validate,
        );
        codecs(exports, anywhere);

        let local_reply = Routes::REQUEST | Routes::FAILURE | Routes::BRANCH | Routes::ERROR;
        exports.function(
            "append_body_to_reply",
            &[Kind::Str],
            local_reply,
            Self::append_body_to_reply,
        );
        exports.function(
            "append_to_reply",
            &[Kind::Str],
            local_reply,
            Self::append_to_reply,
        );
        exports.function(
            "append_time",
            &[],
            Routes::REQUEST | Routes::FAILURE | Routes::BRANCH | Routes::LOCAL,
            Self::append_time,
        );
        exports.function(
            "change_reply_status",
            &[STATUS, Kind::Str],
            Routes::REPLY,
            Self::change_reply_status,
        );

        let uri = Routes::REQUEST | Routes::FAILURE | Routes::BRANCH | Routes::LOCAL;
        exports.function(
            "append_urihf",
            &[Kind::Str, Kind::Str],
            Routes::REQUEST | Routes::FAILURE | Routes::BRANCH,
            Self::append_with_uri,
        );
        exports.function(
            "ruri_has_param",
            &[Kind::Str, text],
            uri,
            Self::uri_has_param,
        );
        exports.function("ruri_add_param", &[Kind::Str], uri, Self::uri_add_param);
        exports.function("ruri_del_param", &[Kind::Str], uri, Self::uri_remove_param);
        exports.function("ruri_tel2sip", &[], uri, Self::tel_to_sip);
        exports.function(
            "is_uri_user_e164",
            &[Kind::Str],
            Routes::REQUEST | Routes::FAILURE | Routes::LOCAL,
            Self::is_e164,
        );
        exports.difference(
            "`sip_to_json` gives each header a list of its values. `sipmsg_validate` never says -1 or -255: what is no SIP \
             message does not reach a script.",
        );
        exports.difference(
            "The first part that `add_body_part` adds to a message without a body is the body, unless it has headers of its \
             own. A body that becomes a part takes its `Content-` headers with it. -1 if the type or a header is none, or \
             a multipart has 32 parts.",
        );
        exports.difference(
            "Codec and stream edits build on each other and write the body anew; a stream that loses its last \
             codec gets port 0 (RFC 3264 §6).",
        );
    }
}

fn codecs(exports: &mut Exports<SipMsgOps>, routes: Routes) {
    let named = &[Kind::Str, Kind::Str.optional()];
    let matching = &[Kind::Regex];
    let stream = &[Kind::Regex, Kind::Regex.optional()];
    exports.function("codec_exists", named, routes, SipMsgOps::codec_exists);
    exports.function(
        "codec_exists_re",
        matching,
        routes,
        SipMsgOps::codec_exists_re,
    );
    exports.function("codec_delete", named, routes, SipMsgOps::codec_delete);
    exports.function(
        "codec_delete_re",
        matching,
        routes,
        SipMsgOps::codec_delete_re,
    );
    exports.function(
        "codec_delete_except_re",
        matching,
        routes,
        SipMsgOps::codec_delete_except_re,
    );
    exports.function("codec_move_up", named, routes, SipMsgOps::codec_move_up);
    exports.function(
        "codec_move_up_re",
        matching,
        routes,
        SipMsgOps::codec_move_up_re,
    );
    exports.function("codec_move_down", named, routes, SipMsgOps::codec_move_down);
    exports.function(
        "codec_move_down_re",
        matching,
        routes,
        SipMsgOps::codec_move_down_re,
    );
    exports.function("stream_exists", stream, routes, SipMsgOps::stream_exists);
    exports.function("stream_delete", stream, routes, SipMsgOps::stream_delete);
    exports.function("is_audio_on_hold", &[], routes, SipMsgOps::is_audio_on_hold);
}

/// `INVITE|ACK`: tokens between bars.
fn is_method_list(list: &[u8]) -> Result<(), String> {
    match list
        .split(|byte| *byte == b'|')
        .find(|method| method.trim_ascii().is_empty())
    {
        Some(_) => Err("a method is missing between `|`".into()),
        None => Ok(()),
    }
}

impl SipMsgOps {
    fn is_method(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let method = cx.message.method();
        let method = method.as_bytes();
        Verdict::of(
            args.str(0)
                .split(|byte| *byte == b'|')
                .any(|one| one.trim_ascii() == method),
        )
    }

    fn has_totag(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        Verdict::of(cx.message.to_tag().is_some_and(|tag| !tag.is_empty()))
    }
}

pub(crate) use headers::write_date;

#[cfg(test)]
mod tests;
