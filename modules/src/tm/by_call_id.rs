//! `t_reply_by_callid`: answers an INVITE that waits, from the run of another request.
//!
//! The INVITE is owned by the shard of its Call-ID; another shard is asked by letter.

use engine::input::{Answer, Letter};
use engine::module::{Args, Context, Verdict};
use engine::proxy::OwnReply;

use super::Tm;
use crate::sl::status_code;

impl Tm {
    /// The Call-ID and CSeq number of the message in hand, unless others are given. With its own Call-ID the message
    /// has to come from the same caller; another one is looked for among all transactions.
    pub(super) fn reply_by_call_id(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        if let Some(answer) = cx.answer() {
            return Verdict::of(matches!(answer, Answer::Letter(letter) if letter[..] == *b"1"));
        }
        let Some(code) = status_code(cx, args.int(0)) else {
            return Verdict::FAIL;
        };
        let cseq = match args.maybe_str(3).map(number) {
            Some(Some(cseq)) => cseq,
            Some(None) => return Verdict::FAIL,
            None => cx.message.cseq().number,
        };
        let own = cx.message.call_id();
        let call_id = args.maybe_str(2).unwrap_or(own);
        let owner = cx.core.owner.shard(cx.core.owner.hash_of_call(call_id));
        let question = Question {
            code,
            cseq,
            reason: args.str(1),
            call_id,
        };
        if owner != cx.shard() {
            return cx.ask(owner, &question.write());
        }
        let from_tag = (call_id == own).then(|| cx.message.from_tag().unwrap_or_default());
        Verdict::of(question.answer(cx, from_tag))
    }
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// A question of another shard.
pub(super) fn answer(cx: &mut Context<'_>, letter: &Letter) {
    let Some(question) = Question::read(&letter.payload) else {
        return;
    };
    let is_sent = question.answer(cx, None);
    cx.answer_letter(letter, if is_sent { b"1" } else { b"0" });
}

struct Question<'a> {
    code: u16,
    cseq: u32,
    reason: &'a [u8],
    call_id: &'a [u8],
}

impl<'a> Question<'a> {
    fn answer(&self, cx: &mut Context<'_>, from_tag: Option<&[u8]>) -> bool {
        let reply = OwnReply {
            code: self.code,
            reason: self.reason,
            ..OwnReply::default()
        };
        match cx.core.find_invite(self.call_id, self.cseq, from_tag) {
            Some(context) => cx.core.reply_to(context, &reply, cx.outbox),
            None => false,
        }
    }

    /// Code, CSeq, the length of the reason, the reason, the Call-ID.
    fn write(&self) -> Vec<u8> {
        let reason = &self.reason[..self.reason.len().min(usize::from(u16::MAX))];
        [
            &self.code.to_be_bytes()[..],
            &self.cseq.to_be_bytes(),
            &(reason.len() as u16).to_be_bytes(),
            reason,
            self.call_id,
        ]
        .concat()
    }

    fn read(bytes: &'a [u8]) -> Option<Question<'a>> {
        let (code, rest) = bytes.split_first_chunk()?;
        let (cseq, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (reason, call_id) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        Some(Question {
            code: u16::from_be_bytes(*code),
            cseq: u32::from_be_bytes(*cseq),
            reason,
            call_id,
        })
    }
}
