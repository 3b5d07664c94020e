//! A scene: the message in hand, what will be sent of it, and everything a script attached to it.
//!
//! Boxed and pooled. While a request's script runs, its run holds the scene; afterwards the
//! response context keeps it if there is a transaction, otherwise it returns to the pool.

use std::ops::{Deref, DerefMut};

use parser::{Draft, Message};

use super::avps::Avps;
use super::names::NameId;
use crate::input::Flow;
use crate::limits::SCENES_POOLED;
use crate::proxy::{Attachments, TargetSet};

/// A message and what belongs to it.
#[derive(Debug)]
pub struct Scene {
    /// What we received.
    pub message: Message,
    /// What we will send.
    pub draft: Draft,
    /// The rest; reached by deref as well.
    pub attached: Attached,
}

/// What a script attaches to a message.
#[derive(Debug)]
pub struct Attached {
    /// By which way the message came.
    pub flow: Flow,
    /// Request-URI, next hop and further branches.
    pub targets: TargetSet,
    /// Message flags: 32 bits.
    pub flags: u32,
    /// `$avp`.
    pub avps: Avps,
    /// Routes to run later.
    pub hooks: Hooks,
    /// What the proxy core keeps with a message.
    pub proxy: Attachments,
}

/// Routes that a script asked for, by name: a reload may replace what they mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// `t_on_branch`.
    pub on_branch: Option<NameId>,
    /// `t_on_failure`.
    pub on_failure: Option<NameId>,
    /// `t_on_reply`.
    pub on_reply: Option<NameId>,
}

impl Deref for Scene {
    type Target = Attached;
    fn deref(&self) -> &Attached {
        &self.attached
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut Attached {
        &mut self.attached
    }
}

impl Scene {
    /// Bytes of the message, its edits and its targets: what a function may have to go over.
    pub(super) fn bytes(&self) -> usize {
        self.message.bytes().len() + self.draft.bytes() + self.targets.bytes()
    }

    /// Forgets what a script attached and edited, keeps the message.
    pub fn reset(&mut self) {
        self.draft.clear();
        let Attached {
            flow: _,
            targets,
            flags,
            avps,
            hooks,
            proxy,
        } = &mut self.attached;
        targets.clear();
        *flags = 0;
        avps.clear();
        *hooks = Hooks::default();
        proxy.clear();
    }
}

/// Scenes that nobody uses.
#[derive(Debug, Default)]
pub(crate) struct Scenes {
    #[expect(clippy::vec_box, reason = "a scene is moved by its box")]
    idle: Vec<Box<Scene>>,
}

impl Scenes {
    pub(crate) fn take(&mut self, message: Message, flow: Flow) -> Box<Scene> {
        match self.idle.pop() {
            Some(mut scene) => {
                scene.message = message;
                scene.flow = flow;
                scene
            }
            None => Box::new(Scene {
                message,
                draft: Draft::new(),
                attached: Attached {
                    flow,
                    targets: TargetSet::default(),
                    flags: 0,
                    avps: Avps::default(),
                    hooks: Hooks::default(),
                    proxy: Attachments::default(),
                },
            }),
        }
    }

    /// The message stays with the idle scene until the next one takes its place: an index and a frame
    /// that the pools do without.
    pub(crate) fn give(&mut self, mut scene: Box<Scene>) {
        if self.idle.len() >= SCENES_POOLED {
            return;
        }
        scene.reset();
        self.idle.push(scene);
    }
}
