//! Modules through the engine: a script, messages in, what is sent out.

mod acc;
mod cfgutils;
mod language;
mod load;
mod maxfwd;
mod options_path;
mod registrar;
mod reload;
mod residential;
mod rr;
mod sipmsg;
mod sipmsgops;
mod statistics;
mod stock;
mod textops;
mod tm;
