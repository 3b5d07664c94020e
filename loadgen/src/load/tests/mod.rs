//! The generator's own parts, and the whole of it against itself on loopback.

mod account;
mod command_line;
mod documents;
mod keeping;
mod live;
mod loopback;
mod metrics;
mod mixing;
mod people;
mod searching;
mod seconds;
mod sides;
mod spreads;
mod sums;
mod when;
