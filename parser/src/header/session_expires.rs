//! session_expires
