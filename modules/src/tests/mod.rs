//! Modules through the engine: a script, messages in, what is sent out.

mod maxfwd;
