//! Steering: the kernel gives a datagram to the shard that owns it.
//!
//! Three levels, best first: `ebpf` decides as [`Owner::of`] does, `classic` finds the token that we put into our Via
//! and Record-Route, with `mesh` the kernel knows nothing of calls. Whatever the kernel chooses is a hint: the engine
//! asks `Owner::of` in any case and hands over what came to the wrong shard, so all levels behave the same and differ
//! in the number of handovers only. What came between binding and attaching, the kernel has spread by itself.
//!
//! The programs are the only place of this crate that knows SIP header names.

mod classic;
mod ebpf;

use std::fmt::Write as _;

use engine::owner::Owner;

use wire::DatagramSocket;
use wire::steering::{Map, Program};

use crate::profile::Steering;

/// What steers, and why it is nothing better.
#[derive(Debug)]
pub struct Steered {
    how: How,
    refused: Vec<String>,
}

#[derive(Debug)]
enum How {
    /// There is one shard only.
    Alone,
    Ebpf,
    Classic,
    Mesh,
}

impl Steered {
    /// Finds out what can be had, with the groups that already share their addresses. The error is one line.
    pub(crate) fn attach(
        asked: Steering,
        owner: &Owner,
        groups: &[&DatagramSocket],
    ) -> Result<Steered, String> {
        let mut steered = Steered {
            how: How::Mesh,
            refused: Vec::new(),
        };
        if owner.shards() < 2 {
            steered.how = How::Alone;
            return Ok(steered);
        }
        if matches!(asked, Steering::Auto | Steering::Ebpf) {
            match steer_by_ebpf(owner, groups) {
                Ok(()) => {
                    steered.how = How::Ebpf;
                    return Ok(steered);
                }
                Err(why) if asked == Steering::Ebpf => return Err(refused("ebpf", &why)),
                Err(why) => steered.refused.push(format!("ebpf: {why}")),
            }
        }
        if matches!(asked, Steering::Auto | Steering::Classic) {
            match classic::attach(owner.shards(), groups) {
                Ok(()) => steered.how = How::Classic,
                Err(why) if asked == Steering::Classic => return Err(refused("classic", &why)),
                Err(why) => steered.refused.push(format!("classic: {why}")),
            }
        }
        Ok(steered)
    }

    /// Which level it is.
    #[must_use]
    pub fn level(&self) -> Steering {
        match self.how {
            How::Ebpf => Steering::Ebpf,
            How::Classic => Steering::Classic,
            How::Alone | How::Mesh => Steering::Mesh,
        }
    }

    /// For the line of the start: which level runs, and why no better one. `None`: there is nothing to steer.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        let mut text = match self.how {
            How::Alone => return None,
            How::Ebpf => "ebpf (the kernel finds the shard by the Call-ID)",
            How::Classic => "classic (the kernel finds the shard by our token)",
            How::Mesh => "mesh (a shard hands over what another owns)",
        }
        .to_owned();
        for why in &self.refused {
            let _ = write!(text, "; no {why}");
        }
        Some(text)
    }
}

fn refused(level: &str, why: &str) -> String {
    format!(
        "the kernel does not steer as steering = \"{level}\" of the tuning profile asks: {why}. \
         With steering = \"auto\" the best that is permitted runs."
    )
}

/// The groups keep the program for as long as they live.
fn steer_by_ebpf(owner: &Owner, groups: &[&DatagramSocket]) -> Result<(), String> {
    let program = load(owner)?;
    for group in groups {
        group
            .steer(&program)
            .map_err(|error| format!("attaching the program failed ({error})"))?;
    }
    Ok(())
}

/// Loads the program that decides as this owner does.
pub(crate) fn load(owner: &Owner) -> Result<Program, String> {
    let code = ebpf::program(&owner.steering_keys(), owner.shards());
    let scratch = Map {
        bytes: ebpf::SCRATCH_BYTES,
    };
    wire::steering::load(&code, &[scratch]).map_err(|refusal| refusal.to_string())
}

/// Whether the kernel takes the eBPF program that steers: it is loaded, and dropped.
pub fn probe_ebpf() -> Result<(), String> {
    load(&Owner::new([0; 16], 2)).map(drop)
}

#[cfg(test)]
mod tests;
