//! The routing script: which one, read, compiled.

use std::fs::FileType;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use script::limits::SOURCE_BYTES_MAX;
use script::program::Constant;
use script::{Compiled, Diagnostics, InMemory, Loader, Options, Program, Survey};

use crate::arguments::Arguments;
use crate::effects::EFFECTS;
use crate::preprocessor;

/// Where a package puts its script.
const INSTALLED: &str = "/etc/tandem/tandem.cfg";

/// A script that compiled.
pub(crate) struct Script {
    pub(crate) program: Program,
    pub(crate) origin: Origin,
}

/// Where a script is, and what it goes through.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    place: Place,
    preprocessor: Option<String>,
    /// Where relative names began when the server started: it may work elsewhere by now.
    directory: PathBuf,
    /// `-d`: so many levels of the log above what the script says.
    debug: u8,
}

#[derive(Clone, Debug)]
enum Place {
    BuiltIn,
    File(PathBuf),
    StandardInput,
}

impl Script {
    /// Finds and compiles the script. The error holds all diagnostics; warnings are said at once.
    pub(crate) fn read(arguments: &Arguments) -> Result<Script, String> {
        let origin = Origin::find(arguments)?;
        let compiled = origin.compile()?;
        if !compiled.warnings.is_empty() {
            eprint!("{}", compiled.warnings);
        }
        for option in &arguments.ignored {
            eprintln!("tandem: -{option} has no effect: memory and workers are not fixed here");
        }
        Ok(Script {
            program: compiled.program,
            origin,
        })
    }

    /// As a person would name it.
    pub(crate) fn name(&self) -> String {
        self.origin.name()
    }

    pub(crate) fn is_built_in(&self) -> bool {
        matches!(self.origin.place, Place::BuiltIn)
    }
}

impl Origin {
    /// Which script the command line means.
    pub(crate) fn find(arguments: &Arguments) -> Result<Origin, String> {
        let installed = Path::new(INSTALLED);
        let place = match &arguments.script {
            Some(path) if path.as_os_str() == "-" => Place::StandardInput,
            Some(path) => Place::File(path.clone()),
            None if installed.exists() => Place::File(installed.to_owned()),
            None => Place::BuiltIn,
        };
        if matches!(place, Place::BuiltIn) && arguments.preprocessor.is_some() {
            return Err("-p has nothing to preprocess: there is no -f FILE.".to_owned());
        }
        Ok(Origin {
            place,
            preprocessor: arguments.preprocessor.clone(),
            directory: std::env::current_dir().unwrap_or_else(|_| ".".into()),
            debug: arguments.debug,
        })
    }

    /// As a person would name it.
    pub(crate) fn name(&self) -> String {
        match &self.place {
            Place::BuiltIn => "built-in.cfg".to_owned(),
            Place::File(path) => path.display().to_string(),
            Place::StandardInput => "<stdin>".to_owned(),
        }
    }

    /// Compiles the script as it is now. The error holds all diagnostics.
    pub(crate) fn compile(&self) -> Result<Compiled, String> {
        let compile = |path: &Path, loader: &mut dyn Loader, options: &Options| {
            modules::registry().compile(path, loader, options)
        };
        let mut compiled = self
            .load(compile)?
            .map_err(|diagnostics| diagnostics.to_string())?;
        if self.debug > 0 {
            log_in_detail(&mut compiled.program, self.debug);
        }
        Ok(compiled)
    }

    /// The same, and says what the script names, whether it compiles or not.
    pub(crate) fn examine(&self) -> Result<(Survey, Result<Compiled, Diagnostics>), String> {
        self.load(|path, loader, options| modules::registry().examine(path, loader, options))
    }

    /// Does something with the script as it is now.
    fn load<T>(
        &self,
        then: impl FnOnce(&Path, &mut dyn Loader, &Options) -> T,
    ) -> Result<T, String> {
        let options = Options {
            effects: Some(EFFECTS),
        };
        let mut files = Files {
            preprocessor: self.preprocessor.clone(),
            directory: self.directory.clone(),
        };
        let path = PathBuf::from(self.name());
        Ok(match &self.place {
            Place::StandardInput => {
                let mut text = Vec::new();
                bounded(io::stdin())
                    .read_to_end(&mut text)
                    .map_err(|error| format!("standard input: {error}."))?;
                let first = InMemory::new(path.clone(), text);
                then(&path, &mut Beside { first, files }, &options)
            }
            Place::File(path) => then(path, &mut files, &options),
            Place::BuiltIn => {
                let mut text = InMemory::new(path.clone(), crate::BUILT_IN);
                then(&path, &mut text, &options)
            }
        })
    }

    /// Whether the script can be read another time.
    pub(crate) fn can_be_read_again(&self) -> Result<(), &'static str> {
        match self.place {
            Place::File(_) => Ok(()),
            Place::BuiltIn => Err("this server runs its built-in script, which never changes"),
            Place::StandardInput => {
                Err("this server read its script from standard input, which cannot be read again")
            }
        }
    }
}

/// Raises the levels of the log.
fn log_in_detail(program: &mut Program, by: u8) {
    let values = &mut program.globals.values;
    let said = values.get("log_level").and_then(|(level, _)| level.int());
    let level = Constant::Int((said.unwrap_or(2) + i32::from(by)).min(4));
    for name in ["log_level", "xlog_level"] {
        let at = values.get(name).map(|(_, at)| *at).unwrap_or_default();
        values.insert(name, (level.clone(), at));
    }
}

/// As much as is needed to see that it is too much.
fn bounded(from: impl Read) -> impl Read {
    from.take(SOURCE_BYTES_MAX as u64 + 1)
}

/// The bytes of a file, those beyond the bound of a script left out. What is not a file is refused before it is
/// opened: that may wait for somebody who writes, and reading may never end. What is open already, standard input or
/// the `<(...)` of a shell, is whatever it is.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let is_open = ["/dev/stdin", "/dev/fd", "/proc/self/fd"]
        .iter()
        .any(|place| path.starts_with(place));
    if !is_open && let Some(what) = not_a_file(std::fs::metadata(path)?.file_type()) {
        let why = format!("it is {what}, not a file");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let mut text = Vec::new();
    bounded(std::fs::File::open(path)?).read_to_end(&mut text)?;
    Ok(text)
}

/// What it is, if it is no regular file.
fn not_a_file(kind: FileType) -> Option<&'static str> {
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("a directory"),
        () if kind.is_fifo() => Some("a FIFO"),
        () if kind.is_socket() => Some("a socket"),
        () => Some("a device"),
    }
}

/// Files of this machine, and the operator's preprocessor.
struct Files {
    preprocessor: Option<String>,
    directory: PathBuf,
}

impl Loader for Files {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        read_file(&self.directory.join(path))
    }

    fn has_preprocessor(&self) -> bool {
        self.preprocessor.is_some()
    }

    fn preprocess(&mut self, flattened: Vec<u8>) -> Result<Vec<u8>, String> {
        match &self.preprocessor {
            Some(command) => preprocessor::run(command, &self.directory, flattened),
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
