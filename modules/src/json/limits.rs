//! Bounds of documents. What a peer or a web server sends ends up in them.

/// Documents that a run has at a time.
pub(super) const DOCUMENTS_MAX: usize = 256;

/// Bytes of a text that is parsed, and of one that is rendered.
pub(super) const TEXT_MAX: usize = 1 << 20;

/// Objects and arrays within each other. The parser stops at 128.
pub(super) const DEPTH_MAX: usize = 127;

/// Values in all documents of a run, each as often as a list or an object has it.
pub(super) const VALUES_MAX: usize = 1 << 17;

/// Bytes of keys and strings in all documents of a run.
pub(super) const BYTES_MAX: usize = 4 << 20;

/// Steps of a path.
pub(super) const STEPS_MAX: usize = DEPTH_MAX;

const _: () = assert!(
    TEXT_MAX <= BYTES_MAX,
    "what may be parsed has room when it is the only one"
);
