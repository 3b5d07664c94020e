mod aor;
mod contacts;
mod flags;
