mod fifo;
mod files;
mod merge;
mod rpc;
