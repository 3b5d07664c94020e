mod sweep;
mod update;
