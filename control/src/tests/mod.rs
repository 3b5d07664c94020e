mod fifo;
mod files;
mod merge;
mod reload;
mod rpc;
