//! Where a URI leads: RFC 3263.
//!
//! A walk over what is known: numeric hosts, the text of `/etc/hosts`, and a cache of DNS records
//! with their lifetimes. Where a record is missing, the question leaves as a `Query::Dns`, and whoever
//! asked walks again when the answer is there. No I/O here, and no callback: waiters are woken by jobs.
//!
//! Copied: every shard keeps a cache of its own.

mod hosts;

pub use hosts::Hosts;
