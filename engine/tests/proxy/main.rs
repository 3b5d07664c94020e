//! The proxy core, end to end: a script, phones as text, and the ladder that comes out.

mod agent;
mod aliases;
mod blacklists;
mod cancel;
mod failover;
mod fork;
mod harness;
mod late_2xx;
mod overload;
mod phones;
mod px;
mod refuse;
mod reply_routes;
mod route;
mod stateless;
