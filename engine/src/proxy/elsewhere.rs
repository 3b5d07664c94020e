//! Replies to a request that is not in hand: `t_reply_by_callid`, and the management command `t_reply`.

use super::context::ResponseContext;
use super::{ContextId, ending, reply};
use crate::core::Core;
use crate::outbox::Outbox;
use crate::run::Scene;

/// A reply to a transaction by its name.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnReply<'a> {
    /// The status code, 100 to 699.
    pub code: u16,
    /// The reason phrase; empty is the usual one.
    pub reason: &'a [u8],
    /// The To-tag; empty is ours.
    pub to_tag: &'a [u8],
    /// Further header lines, each with its CRLF.
    pub headers: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl Core {
    /// The INVITE of this Call-ID and CSeq number that has no final response yet. With the caller's From tag it is
    /// looked up; without it all transactions of this shard are gone through, which is for operators.
    pub fn find_invite(
        &self,
        call_id: &[u8],
        cseq: u32,
        from_tag: Option<&[u8]>,
    ) -> Option<ContextId> {
        if let Some(tag) = from_tag {
            let server = self.servers.invite_of(call_id, tag, cseq)?;
            return self.servers.context(server);
        }
        let is_it = |context: &&ResponseContext| {
            context.is_invite
                && !context.is_answered()
                && context.scene.as_ref().is_some_and(|scene| {
                    let message = &scene.message;
                    message.call_id() == call_id && message.cseq().number == cseq
                })
        };
        self.contexts.iter().find(is_it).map(|context| context.id)
    }

    /// Answers a transaction. False: it is gone, answered, or a script works on it at this moment.
    pub fn reply_to(&mut self, id: ContextId, own: &OwnReply<'_>, outbox: &mut Outbox) -> bool {
        let Some(mut context) = self.contexts.take(id) else {
            return false;
        };
        let held = context.failing || !(100..700).contains(&own.code);
        let scene = if held { None } else { context.scene.take() };
        let Some(mut scene) = scene else {
            self.contexts.put(context);
            return false;
        };
        let Scene {
            message, attached, ..
        } = &mut *scene;
        let proxy = &mut attached.proxy;
        let given = proxy.reply_headers.len();
        proxy.reply_headers.extend_from_slice(own.headers);
        proxy.reply_body.clear();
        proxy.reply_body.extend_from_slice(own.body);
        if !own.to_tag.is_empty() {
            proxy.local_tag.clear();
            proxy.local_tag.extend_from_slice(own.to_tag);
        }
        let is_sent = reply::in_context(
            self,
            &mut context,
            message,
            attached,
            own.code,
            own.reason,
            outbox,
        );
        // Of this reply only: a provisional one is not the last.
        scene.proxy.reply_headers.truncate(given);
        scene.proxy.reply_body.clear();
        context.scene = Some(scene);
        ending::finish(self, context);
        is_sent
    }
}
