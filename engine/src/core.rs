//! (room under construction)

/// What modules and the proxy may touch at once.
#[derive(Debug, Default)]
pub struct Core {
    /// The time of this input.
    pub now: crate::input::Now,
    /// What runs share.
    pub machine: crate::run::Machine,
}
