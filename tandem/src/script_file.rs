//! The routing script: which one, read, compiled.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use script::program::Constant;
use script::{InMemory, Loader, Program};

use crate::arguments::Arguments;
use crate::effects::EFFECTS;
use crate::preprocessor;

/// Where a package puts its script.
const INSTALLED: &str = "/etc/tandem/tandem.cfg";

/// A script that compiled.
pub(crate) struct Script {
    pub(crate) program: Program,
    /// As a person would name it.
    pub(crate) name: String,
    pub(crate) is_built_in: bool,
}

impl Script {
    /// Finds and compiles the script. The error holds all diagnostics; warnings are said at once.
    pub(crate) fn read(arguments: &Arguments) -> Result<Script, String> {
        let installed = Path::new(INSTALLED);
        let path = match &arguments.script {
            Some(path) => Some(path.clone()),
            None => installed.exists().then(|| installed.to_owned()),
        };
        if path.is_none() && arguments.preprocessor.is_some() {
            return Err("-p has nothing to preprocess: there is no -f FILE.".to_owned());
        }
        let registry = modules::registry();
        let options = script::Options {
            effects: Some(EFFECTS),
        };
        let (name, is_built_in) = match &path {
            Some(path) => (path.display().to_string(), false),
            None => ("built-in.cfg".to_owned(), true),
        };
        let mut files = Files {
            preprocessor: arguments.preprocessor.clone(),
        };
        let compiled = match path {
            Some(path) if path.as_os_str() == "-" => {
                let mut text = Vec::new();
                io::stdin()
                    .read_to_end(&mut text)
                    .map_err(|error| format!("standard input: {error}."))?;
                let name = PathBuf::from("<stdin>");
                let mut loader = Beside {
                    first: InMemory::new(name.clone(), text),
                    files,
                };
                registry.compile(&name, &mut loader, &options)
            }
            Some(path) => registry.compile(&path, &mut files, &options),
            None => {
                let path = PathBuf::from(&name);
                registry.compile(
                    &path,
                    &mut InMemory::new(path.clone(), crate::BUILT_IN),
                    &options,
                )
            }
        };
        let compiled = compiled.map_err(|diagnostics| diagnostics.to_string())?;
        if !compiled.warnings.is_empty() {
            eprint!("{}", compiled.warnings);
        }
        for option in &arguments.ignored {
            eprintln!("tandem: -{option} has no effect: memory and workers are not fixed here");
        }
        Ok(Script {
            program: compiled.program,
            name,
            is_built_in,
        })
    }

    /// `-d`: raises the level of the log above what the script says.
    pub(crate) fn log_in_detail(&mut self, by: u8) {
        let said = self.program.globals.int("log_level").unwrap_or(3);
        let level = Constant::Int((said + i32::from(by)).min(4));
        for name in ["log_level", "xlog_level"] {
            let at = self
                .program
                .globals
                .values
                .get(name)
                .map(|(_, at)| *at)
                .unwrap_or_default();
            self.program
                .globals
                .values
                .insert(name, (level.clone(), at));
        }
    }
}

/// Files of this machine, and the operator's preprocessor.
struct Files {
    preprocessor: Option<String>,
}

impl Loader for Files {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn has_preprocessor(&self) -> bool {
        self.preprocessor.is_some()
    }

    fn preprocess(&mut self, flattened: Vec<u8>) -> Result<Vec<u8>, String> {
        match &self.preprocessor {
            Some(command) => preprocessor::run(command, flattened),
            None => Ok(flattened),
        }
    }
}

/// A script from standard input; what it includes are files.
struct Beside {
    first: InMemory,
    files: Files,
}

impl Loader for Beside {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.first.read(path).or_else(|_| self.files.read(path))
    }

    fn has_preprocessor(&self) -> bool {
        self.files.has_preprocessor()
    }

    fn preprocess(&mut self, flattened: Vec<u8>) -> Result<Vec<u8>, String> {
        self.files.preprocess(flattened)
    }
}
