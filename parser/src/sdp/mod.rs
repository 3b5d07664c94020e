//! Session descriptions: RFC 4566, RFC 8866. Reading and editing.
