//! Either figure of a client, either of a server: what both can be asked.

use super::client::Client;
use super::clock::{LATE_US, Times};
use super::invite_client::InviteClient;
use super::invite_server::InviteServer;
use super::server::Server;
use super::{Cause, Event, Owes};

#[derive(Clone, Copy, Debug)]
pub(super) enum ClientFigure {
    Invite(InviteClient),
    Other(Client),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ServerFigure {
    Invite(InviteServer),
    Other(Server),
}

impl ClientFigure {
    /// Its time is over. A ringing INVITE's never is: with timer C it has to be cancelled.
    pub(super) fn expire(&mut self, at_us: u64) {
        if !self.is_ringing() && self.ends_us().is_some_and(|ends_us| ends_us <= at_us) {
            match self {
                ClientFigure::Invite(figure) => figure.end(),
                ClientFigure::Other(figure) => figure.end(),
            }
        }
    }

    /// Something was sent for it or came for it.
    pub(super) fn on_event(
        &mut self,
        event: Event,
        at_us: u64,
        times: &Times,
    ) -> Result<Owes, String> {
        match self {
            ClientFigure::Invite(figure) => figure.on_event(event, at_us, times),
            ClientFigure::Other(figure) => figure.on_event(event, at_us, times),
        }
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, at_us: u64) -> Result<(), String> {
        match self {
            ClientFigure::Invite(figure) => figure.pass(at_us),
            ClientFigure::Other(figure) => figure.pass(at_us),
        }
    }

    fn is_ringing(&self) -> bool {
        matches!(self, ClientFigure::Invite(figure) if figure.is_ringing())
    }

    pub(super) fn wakes_us(&self) -> Option<u64> {
        match self {
            ClientFigure::Invite(figure) => figure.wakes_us(),
            ClientFigure::Other(figure) => figure.wakes_us(),
        }
    }

    pub(super) fn ends_us(&self) -> Option<u64> {
        match self {
            ClientFigure::Invite(figure) => figure.ends_us(),
            ClientFigure::Other(figure) => figure.ends_us(),
        }
    }

    pub(super) fn is_open(&self, at_us: u64) -> bool {
        match self {
            ClientFigure::Invite(figure) => figure.is_open(at_us),
            ClientFigure::Other(figure) => figure.is_open(at_us),
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        match self {
            ClientFigure::Invite(figure) => figure.is_waiting(),
            ClientFigure::Other(figure) => figure.is_waiting(),
        }
    }

    pub(super) fn must_be(&self, at_us: u64) -> bool {
        self.is_ringing() || self.ends_us().is_some_and(|ends_us| at_us < ends_us)
    }

    pub(super) fn may_be(&self, at_us: u64) -> bool {
        self.ends_us()
            .is_some_and(|ends_us| at_us <= ends_us + LATE_US)
    }
}

impl ServerFigure {
    /// Its time is over.
    pub(super) fn expire(&mut self, at_us: u64) {
        if self.ends_us().is_some_and(|ends_us| ends_us <= at_us) {
            match self {
                ServerFigure::Invite(figure) => figure.end(),
                ServerFigure::Other(figure) => figure.end(),
            }
        }
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, at_us: u64) -> Result<(), String> {
        match self {
            ServerFigure::Invite(figure) => figure.pass(at_us),
            ServerFigure::Other(figure) => {
                figure.pass(at_us);
                Ok(())
            }
        }
    }

    pub(super) fn request_again(&self) -> Owes {
        match self {
            ServerFigure::Invite(figure) => figure.request_again(),
            ServerFigure::Other(figure) => figure.request_again(),
        }
    }

    pub(super) fn responded(
        &mut self,
        status: u16,
        cause: Cause,
        at_us: u64,
        times: &Times,
    ) -> Result<(), String> {
        match self {
            ServerFigure::Invite(figure) => figure.responded(status, cause, at_us, times),
            ServerFigure::Other(figure) => figure.responded(status, cause, at_us, times),
        }
    }

    pub(super) fn wakes_us(&self) -> Option<u64> {
        match self {
            ServerFigure::Invite(figure) => figure.wakes_us(),
            ServerFigure::Other(figure) => figure.ends_us().map(|ends_us| ends_us + LATE_US + 1),
        }
    }

    pub(super) fn ends_us(&self) -> Option<u64> {
        match self {
            ServerFigure::Invite(figure) => figure.ends_us(),
            ServerFigure::Other(figure) => figure.ends_us(),
        }
    }

    pub(super) fn is_heard_only(&self) -> bool {
        match self {
            ServerFigure::Invite(figure) => figure.is_heard_only(),
            ServerFigure::Other(figure) => figure.is_heard_only(),
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        match self {
            ServerFigure::Invite(figure) => figure.is_answered(),
            ServerFigure::Other(figure) => figure.is_answered(),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        match self {
            ServerFigure::Invite(figure) => figure.has_ended(),
            ServerFigure::Other(figure) => figure.has_ended(),
        }
    }
}
