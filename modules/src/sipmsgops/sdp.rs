//! Codecs and streams of a session description.
//!
//! Questions read the body as it was received. Edits read it as it stands by then, so that one edit
//! builds on the other, and write the whole body anew.

use engine::module::{Args, Context, Verdict};
use parser::sdp::{self, Media, Sdp};
use parser::{Draft, Message, multipart};
use regex::bytes::Regex;

use super::SipMsgOps;
use super::body::{is_type, written};

const SDP: &[u8] = b"application/sdp";

/// Which codecs a function means.
enum Codecs<'a> {
    Named(&'a [u8], Option<&'a [u8]>),
    Matching(&'a Regex),
    NotMatching(&'a Regex),
}

impl<'a> Codecs<'a> {
    /// A name, and a clock rate when one is given.
    fn named(args: Args<'a>) -> Self {
        Codecs::Named(args.str(0), args.maybe_str(1))
    }

    /// Whether they include this format of a stream.
    fn include(&self, codecs: &sdp::Codecs<'_>, format: &[u8]) -> bool {
        let Some(name) = codecs.name(format) else {
            return false;
        };
        match self {
            Codecs::Named(wanted, clock) => {
                name.eq_ignore_ascii_case(wanted)
                    && clock.is_none_or(|clock| codecs.clock(format) == clock)
            }
            Codecs::Matching(regex) => regex.is_match(name),
            Codecs::NotMatching(regex) => !regex.is_match(name),
        }
    }
}

/// What becomes of the codecs.
#[derive(Clone, Copy)]
enum Change {
    Delete,
    Up,
    Down,
}

impl SipMsgOps {
    pub(super) fn codec_exists(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        exists(cx, &Codecs::named(args))
    }

    pub(super) fn codec_exists_re(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        args.regex(0)
            .map_or(Verdict::FAIL, |regex| exists(cx, &Codecs::Matching(regex)))
    }

    pub(super) fn codec_delete(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        change(cx, &Codecs::named(args), Change::Delete)
    }

    pub(super) fn codec_delete_re(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        args.regex(0).map_or(Verdict::FAIL, |regex| {
            change(cx, &Codecs::Matching(regex), Change::Delete)
        })
    }

    pub(super) fn codec_delete_except_re(
        &mut self,
        cx: &mut Context<'_>,
        args: Args<'_>,
    ) -> Verdict {
        args.regex(0).map_or(Verdict::FAIL, |regex| {
            change(cx, &Codecs::NotMatching(regex), Change::Delete)
        })
    }

    pub(super) fn codec_move_up(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        change(cx, &Codecs::named(args), Change::Up)
    }

    pub(super) fn codec_move_up_re(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        args.regex(0).map_or(Verdict::FAIL, |regex| {
            change(cx, &Codecs::Matching(regex), Change::Up)
        })
    }

    pub(super) fn codec_move_down(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        change(cx, &Codecs::named(args), Change::Down)
    }

    pub(super) fn codec_move_down_re(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        args.regex(0).map_or(Verdict::FAIL, |regex| {
            change(cx, &Codecs::Matching(regex), Change::Down)
        })
    }

    /// Streams by their media, and their protocol when one is given.
    pub(super) fn stream_exists(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        Verdict::of(
            read(cx.message).is_some_and(|sdp| sdp.media().any(|media| is_stream(&media, args))),
        )
    }

    pub(super) fn stream_delete(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        edit(cx, |sdp, draft| {
            let found = sdp.media().any(|media| is_stream(&media, args));
            sdp.delete_streams(draft, |media| is_stream(media, args));
            found
        })
    }

    /// RFC 3264 §8.4, and the null address of RFC 2543.
    pub(super) fn is_audio_on_hold(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        let Some(sdp) = read(cx.message) else {
            return Verdict::FAIL;
        };
        let session = |name: &[u8]| sdp.attributes().any(|attribute| attribute.name == name);
        let (session_holds, connection) = (
            session(b"sendonly") || session(b"inactive"),
            sdp.connection(),
        );
        let held = sdp
            .media()
            .filter(|media| media.kind == b"audio" && media.port != 0)
            .any(|media| {
                let own = |name: &[u8]| media.attribute(name).is_some();
                let says = own(b"sendrecv") || own(b"recvonly");
                let is_null = media
                    .connection()
                    .or(connection)
                    .is_some_and(|connection| connection.address == b"0.0.0.0");
                is_null || own(b"sendonly") || own(b"inactive") || (!says && session_holds)
            });
        Verdict::of(held)
    }
}

fn is_stream(media: &Media<'_>, args: Args<'_>) -> bool {
    args.regex(0)
        .is_some_and(|regex| regex.is_match(media.kind))
        && args
            .regex(1)
            .is_none_or(|regex| regex.is_match(media.protocol))
}

/// The description in a message: its body, or the part of it that is one.
fn read(message: &Message) -> Option<Sdp<'_>> {
    let content_type = message.content_type()?;
    let body = if is_type(content_type, SDP) {
        message.body()
    } else {
        multipart::parts(content_type, message.body())
            .ok()?
            .find(|part| part.content_type.is_some_and(|kind| is_type(kind, SDP)))?
            .body
    };
    Sdp::parse(body, message.span_of(body)?.start).ok()
}

fn exists(cx: &mut Context<'_>, codecs: &Codecs<'_>) -> Verdict {
    let found = |media: Media<'_>| {
        let known = media.codecs();
        media
            .format_list()
            .any(|format| codecs.include(&known, format))
    };
    Verdict::of(read(cx.message).is_some_and(|sdp| sdp.media().any(found)))
}

fn change(cx: &mut Context<'_>, codecs: &Codecs<'_>, change: Change) -> Verdict {
    edit(cx, |sdp, draft| {
        let mut found = false;
        for media in sdp.media() {
            let known = media.codecs();
            let means = |format: &[u8]| codecs.include(&known, format);
            if !media.format_list().any(means) {
                continue;
            }
            found = true;
            match change {
                // RFC 3264 §6: a stream that has nothing left is refused, not removed.
                Change::Delete if !media.remove_formats(draft, means) => {
                    media.replace_port(0, draft)
                }
                Change::Delete => {}
                Change::Up => media.prefer_formats(draft, means),
                Change::Down => media.prefer_formats(draft, |format| !means(format)),
            }
        }
        found
    })
}

/// Edits the description as it stands by now, and makes the result the body.
fn edit(cx: &mut Context<'_>, edit: impl FnOnce(&Sdp<'_>, &mut Draft) -> bool) -> Verdict {
    let Some(current) = written(cx.draft, cx.message) else {
        return Verdict::FAIL;
    };
    let mut draft = Draft::new();
    let Some(true) = read(&current).map(|sdp| edit(&sdp, &mut draft)) else {
        return Verdict::FAIL;
    };
    let Some(changed) = written(&draft, &current) else {
        return Verdict::FAIL;
    };
    cx.draft
        .set_body(changed.content_type().unwrap_or_default(), changed.body());
    Verdict::OK
}
