//! Bounds of documents. What a peer or a web server sends ends up in them.

/// Documents that a run has at a time.
pub(super) const DOCUMENTS_MAX: usize = 64;

/// Bytes of a block that is parsed.
pub(super) const TEXT_MAX: usize = 1 << 20;

/// Elements within each other.
pub(super) const DEPTH_MAX: usize = 64;

/// Elements, attributes and pieces of text in all documents of a run.
pub(super) const NODES_MAX: usize = 1 << 16;

/// Bytes of names and text in all documents of a run.
pub(super) const BYTES_MAX: usize = 4 << 20;

const _: () = assert!(
    TEXT_MAX <= BYTES_MAX,
    "what may be parsed has room when it is the only one"
);
