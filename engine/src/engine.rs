//! The engine: the list of calls that one input makes.
