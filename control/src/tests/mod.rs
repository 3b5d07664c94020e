mod fifo;
mod merge;
mod rpc;
