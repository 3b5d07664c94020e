//! The ladder: one line for each message that comes or goes, when somebody asked for it.
//!
//! Off, it costs one test of a boolean. On, lines leave as `Output::Log` at debug level, and sim
//! and people read them: `udp:10.0.0.1:5060 < 10.0.0.9:5060 INVITE sip:bob@example.com`.

/// Whether messages leave a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trace {
    /// On.
    pub on: bool,
}
