mod datagram;
mod host;
mod readiness;
mod stream;
