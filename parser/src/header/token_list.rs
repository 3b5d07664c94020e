//! token_list
