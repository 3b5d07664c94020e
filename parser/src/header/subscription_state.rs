//! subscription_state
