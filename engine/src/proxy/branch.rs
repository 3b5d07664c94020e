//! A branch: one target of a request, and how far it has come.

use parser::Draft;

use super::{RecordRoute, Rewrite, TargetParts};
use crate::input::{ConnectionId, Flow, SocketId};
use crate::limits::{BRANCH_VALUE_BYTES_MAX, BRANCH_VALUES_MAX};
use crate::resolve::Addresses;
use crate::run::{Avps, NameId, Scene, ValueRef};
use crate::transaction::ClientId;

/// How far a branch has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BranchState {
    /// Made by `relay`; its branch route has not run yet.
    #[default]
    Pending,
    /// Waits for the addresses of its hop.
    Resolving,
    /// Sent, no response yet.
    Calling,
    /// A provisional response has come.
    Proceeding,
    /// Stands for branches that are yet to come; never sent.
    Waiting,
    /// It has its final response, or failed; `code` says which.
    Completed,
    /// Dropped by its branch route, or never sent: it does not count.
    Discarded,
}

/// One target of a request. Its buffers are reused by the next one in its place.
#[derive(Debug, Default)]
pub struct Branch {
    /// How far it has come.
    pub state: BranchState,
    /// The last status code; 0 before the first.
    pub code: u16,
    /// Whether `code` is ours: nobody answered, or it could not be sent.
    pub local: bool,
    /// Its client transaction, while there is one.
    pub client: Option<ClientId>,
    /// Its Request-URI; empty is the one received.
    pub uri: Vec<u8>,
    /// Its next hop, when that is not the Request-URI.
    pub destination: Vec<u8>,
    /// Route values to put in front.
    pub path: Vec<u8>,
    /// Quality in thousandths.
    pub q: Option<u16>,
    /// Branch flags.
    pub flags: u32,
    /// The socket it has to leave by.
    pub socket: Option<SocketId>,
    /// The connection it has to leave by.
    pub connection: ConnectionId,
    /// By which way it was sent last.
    pub flow: Option<Flow>,
    /// Where it may still go when this fails, next first.
    pub addresses: Addresses,
    /// The reply route of this branch alone.
    pub on_reply: Option<NameId>,
    /// Whether it was asked to stop.
    pub cancelled: bool,
    /// Its final response of 300 or more, kept for the choice of the best.
    pub response: Option<Box<Scene>>,
    /// What the branch route made of the draft; only when one ran.
    pub draft: Draft,
    /// Whether `draft` counts.
    pub has_draft: bool,
    /// The Record-Route of this branch alone, when its route asked for another.
    pub record_route: Option<RecordRoute>,
    /// The parameters that go with it.
    pub record_route_params: Vec<u8>,
    /// What of the request is rewritten on this branch.
    pub rewrite: Rewrite,
    /// A run works on a response of it: what comes meanwhile waits.
    pub replying: bool,
    /// How often it has waited for the resolver.
    pub rounds: u8,
    /// It stands for branches that are yet to come, or stood for them.
    pub is_placeholder: bool,
    /// Its own final-response timers, when a branch route set them, in ms.
    pub fr_ms: Option<u32>,
    /// Its own timer after a provisional response, in ms.
    pub fr_inv_ms: Option<u32>,
    /// What scripts wrote on it (`$tm.branch.attr`), one value a name.
    attributes: Option<Box<Avps>>,
    /// Its own attributes, each a stack of values (`$bavp`).
    avps: Option<Box<Avps>>,
}

impl Branch {
    /// Makes it a branch to this target.
    pub(super) fn begin(&mut self, target: &TargetParts<'_>) {
        let Branch {
            uri,
            destination,
            path,
            draft,
            record_route_params,
            attributes,
            avps,
            rewrite,
            ..
        } = self;
        let mut fresh = Branch {
            uri: std::mem::take(uri),
            destination: std::mem::take(destination),
            path: std::mem::take(path),
            draft: std::mem::take(draft),
            record_route_params: std::mem::take(record_route_params),
            attributes: std::mem::take(attributes),
            avps: std::mem::take(avps),
            rewrite: std::mem::take(rewrite),
            q: target.q,
            flags: target.flags,
            socket: target.socket,
            connection: target.connection,
            ..Branch::default()
        };
        copy(&mut fresh.uri, target.uri);
        copy(&mut fresh.destination, target.destination);
        copy(&mut fresh.path, target.path);
        fresh.draft.clear();
        fresh.record_route_params.clear();
        if let Some(avps) = &mut fresh.avps {
            avps.clear();
        }
        fresh.rewrite.clear();
        if let Some(attributes) = &mut fresh.attributes {
            attributes.clear();
        }
        fresh.take_attributes(target);
        *self = fresh;
    }

    /// It as a target.
    pub fn target(&self) -> TargetParts<'_> {
        TargetParts {
            uri: &self.uri,
            destination: &self.destination,
            path: &self.path,
            q: self.q,
            flags: self.flags,
            socket: self.socket,
            connection: self.connection,
            attributes: self.attributes.as_deref(),
        }
    }

    /// Takes over what a branch route made of its target.
    pub(super) fn update(&mut self, target: &TargetParts<'_>) {
        copy(&mut self.uri, target.uri);
        copy(&mut self.destination, target.destination);
        copy(&mut self.path, target.path);
        self.q = target.q;
        self.flags = target.flags;
        self.socket = target.socket;
        self.connection = target.connection;
        self.take_attributes(target);
    }

    /// Few branches have any: what they have stands apart.
    fn take_attributes(&mut self, target: &TargetParts<'_>) {
        match (target.attributes, &mut self.attributes) {
            (Some(from), Some(own)) => own.copy_from(from),
            (Some(from), None) if !from.is_empty() => {
                self.attributes = Some(Box::new(from.clone()))
            }
            _ => {}
        }
    }

    /// What scripts wrote on it (`$tm.branch.attr`), one value a name.
    pub fn attributes(&self) -> Option<&Avps> {
        self.attributes.as_deref()
    }

    /// The same, to be changed.
    pub fn attributes_mut(&mut self) -> &mut Avps {
        self.attributes.get_or_insert_default()
    }

    /// Its own attributes, each a stack of values (`$bavp`).
    pub fn avps(&self) -> Option<&Avps> {
        self.avps.as_deref()
    }

    /// The same, to be changed.
    pub fn avps_mut(&mut self) -> &mut Avps {
        self.avps.get_or_insert_default()
    }

    /// Whether it may still bring a response that decides something.
    pub fn is_open(&self) -> bool {
        use BranchState::*;
        matches!(
            self.state,
            Pending | Resolving | Calling | Proceeding | Waiting
        )
    }
}

/// Sets an attribute of a branch or of a target, which has one value a name; NULL removes it. `false`: no room.
pub fn set_attribute(attributes: &mut Avps, name: NameId, value: ValueRef<'_>) -> bool {
    attributes.remove_all(name);
    value.is_null()
        || attributes.has_room(value, BRANCH_VALUES_MAX, BRANCH_VALUE_BYTES_MAX)
            && attributes.push(name, value).is_ok()
}

fn copy(to: &mut Vec<u8>, from: &[u8]) {
    to.clear();
    to.extend_from_slice(from);
}

/// Something that came while nobody could take it.
#[derive(Debug)]
pub(super) enum Queued {
    /// A response that no reply route has seen.
    Response {
        branch: u8,
        scene: Box<Scene>,
    },
    /// One that they have.
    Judge {
        branch: u8,
        scene: Box<Scene>,
    },
    Timeout {
        branch: u8,
    },
    TransportError {
        branch: u8,
    },
    Resolved {
        branch: u8,
    },
    /// Branches were added.
    LateBranches,
}

impl Queued {
    /// Whether it ends the search: a 2xx always goes back.
    pub(super) fn is_2xx(&self) -> bool {
        let (Queued::Response { scene, .. } | Queued::Judge { scene, .. }) = self else {
            return false;
        };
        let code = scene.message.status();
        code.is_some_and(|code| (200..300).contains(&code))
    }
}
