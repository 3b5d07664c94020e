//! `mi_fifo`: management commands by a named pipe.
//!
//! Only the names: the pipe is opened, read and answered by `control`, which finds the parameters in
//! the program. What is checked here fails at load, with its place in the script.
//!
//! Keeps no state.

use engine::module::{Exports, Kind, Module, ParamValue};

/// The module.
#[derive(Debug)]
pub(crate) struct MiFifo;

impl Module for MiFifo {
    const NAME: &'static str = "mi_fifo";

    fn new() -> Self {
        MiFifo
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.param("fifo_name", Kind::Str, Self::path);
        exports.param("fifo_mode", Kind::Int, Self::mode);
        exports.param("fifo_user", Kind::Any, Self::any);
        exports.param("fifo_group", Kind::Any, Self::any);
        exports.param("reply_dir", Kind::Str, Self::path);
        exports.param("pretty_printing", Kind::Int, Self::any);
        exports.difference("The parameters are checked here; `control` opens the pipe.");
    }
}

impl MiFifo {
    fn path(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.text() {
            text if text.starts_with('/') => Ok(()),
            text => Err(format!("`{text}` is not an absolute path")),
        }
    }

    fn mode(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.int() {
            0..=0o777 => Ok(()),
            other => Err(format!(
                "{other:#o} is not a file mode, which has at most three octal digits"
            )),
        }
    }

    fn any(&mut self, _: ParamValue<'_>) -> Result<(), String> {
        Ok(())
    }
}
