mod allocations;
mod connections;
mod datagrams;
mod dns;
mod mesh;
mod profile;
mod quarantine;
mod statistics;
