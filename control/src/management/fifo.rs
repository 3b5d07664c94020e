//! `mi_fifo`: commands through a named pipe, `:REPLY:JSON`.
//!
//! REPLY names a FIFO that the client has made in the reply directory; the answer is written there.
//! Empty: no answer is wanted. The pipe is made again if somebody removed it.
//!
//! All clients share the pipe, and where one's write ends cannot be seen in it. So that a broken one costs
//! nobody else a command, it ends at the next line that begins as a command does, `:REPLY:`, which no line
//! of a JSON text can; or when nothing more comes.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, Uid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Arrived, Request, rpc};
use crate::limits::{
    ANSWERS_MAX, COMMAND_BYTES_MAX, COMMAND_REST_WITHIN, COMMAND_SILENCE, FIFO_AGAIN, FIFO_CHECK,
    REPLY_WITHIN,
};

/// Where the FIFO is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FifoSettings {
    /// The pipe.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
    /// Its owner; `None` leaves it with us.
    pub user: Option<u32>,
    /// Its group; `None` leaves it with ours.
    pub group: Option<u32>,
    /// Where clients make theirs.
    pub reply_directory: PathBuf,
    /// Answers are indented, for people.
    pub pretty: bool,
}

impl Default for FifoSettings {
    fn default() -> Self {
        FifoSettings {
            path: "/tmp/opensips_fifo".into(),
            mode: 0o660,
            user: None,
            group: None,
            reply_directory: "/tmp/".into(),
            pretty: false,
        }
    }
}

/// A FIFO that exists.
pub(crate) struct Fifo {
    settings: FifoSettings,
    receiver: pipe::Receiver,
    inode: u64,
}

impl Fifo {
    /// Makes the pipe and checks that it can be used. What is there already is replaced if it is a
    /// pipe, and left alone otherwise.
    pub(crate) fn make(settings: &FifoSettings) -> io::Result<()> {
        match std::fs::symlink_metadata(&settings.path) {
            Ok(there) if there.file_type().is_fifo() => {
                // Somebody reads it: another server, whose pipe it is.
                if open_writing(&settings.path).is_ok() {
                    return Err(io::Error::other("another server uses it"));
                }
                std::fs::remove_file(&settings.path)?;
            }
            Ok(_) => return Err(io::Error::other("it exists and is not a FIFO")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mode = Mode::from_raw_mode(settings.mode & 0o7777);
        rustix::fs::mknodat(CWD, &settings.path, FileType::Fifo, mode, 0)?;
        if settings.user.is_some() || settings.group.is_some() {
            let user = settings.user.map(Uid::from_raw);
            let group = settings.group.map(Gid::from_raw);
            let done =
                rustix::fs::chownat(CWD, &settings.path, user, group, AtFlags::SYMLINK_NOFOLLOW);
            if done.is_err() {
                std::fs::remove_file(&settings.path)?;
            }
            done?;
        }
        // What was asked for, whatever the umask says.
        rustix::fs::chmodat(CWD, &settings.path, mode, AtFlags::empty())?;
        Ok(())
    }

    fn open(settings: FifoSettings) -> io::Result<Fifo> {
        // Also for writing, so that the pipe does not end whenever a client closes it.
        let receiver = pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(&settings.path)?;
        let inode = std::fs::metadata(&settings.path)?.ino();
        Ok(Fifo {
            settings,
            receiver,
            inode,
        })
    }

    fn is_there(&self) -> bool {
        std::fs::metadata(&self.settings.path).is_ok_and(|there| there.ino() == self.inode)
    }

    pub(crate) fn remove(settings: &FifoSettings) {
        let is_fifo =
            std::fs::symlink_metadata(&settings.path).is_ok_and(|one| one.file_type().is_fifo());
        if is_fifo {
            let _ = std::fs::remove_file(&settings.path);
        }
    }
}

/// Serves the FIFO until what arrives has nowhere to go.
pub(crate) async fn serve(
    settings: FifoSettings,
    arrived: mpsc::Sender<Arrived>,
    under_way: UnderWay,
) {
    let answers = Answers {
        settings: settings.clone(),
        under_way,
    };
    loop {
        if let Ok(fifo) = Fifo::open(settings.clone())
            && listen(fifo, &answers, &arrived).await.is_none()
        {
            return;
        }
        if make_again(&settings, &arrived).await.is_none() {
            return;
        }
    }
}

/// Makes the pipe that is gone, as often as that takes: a directory may come back, and a pipe that another server has
/// made there meanwhile is not ours to read. `None` if nobody wants commands any more.
pub(crate) async fn make_again(
    settings: &FifoSettings,
    arrived: &mpsc::Sender<Arrived>,
) -> Option<()> {
    let mut is_told = false;
    while let Err(error) = Fifo::make(settings) {
        if !std::mem::replace(&mut is_told, true) {
            let why = format!("cannot make {} again: {error}", settings.path.display());
            arrived.send(Arrived::Gone(why)).await.ok()?;
        }
        tokio::time::sleep(FIFO_AGAIN).await;
    }
    Some(())
}

/// Reads commands until the pipe is gone (`Some`) or nobody wants them any more (`None`).
async fn listen(mut fifo: Fifo, answers: &Answers, arrived: &mpsc::Sender<Arrived>) -> Option<()> {
    let mut received: Vec<u8> = Vec::new();
    let mut check_at = Instant::now() + FIFO_CHECK;
    let mut rest_until = None;
    loop {
        let silence = Instant::now() + COMMAND_SILENCE;
        let until = rest_until.map_or(check_at, |rest: Instant| rest.min(silence));
        // What was written at once is seen at once.
        received.reserve(READ_BYTES);
        match timeout_at(until, fifo.receiver.read_buf(&mut received)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Some(()),
            // The rest of a command never came.
            Err(_) if !received.is_empty() => {
                if let Cut::Broken(reply, text) = give_up(&mut received) {
                    answers.refuse(reply, text, arrived).await?;
                }
            }
            Err(_) => {}
        }
        loop {
            match cut(&mut received) {
                Cut::Whole(reply, text) => {
                    rest_until = None;
                    // Before it is asked: while too many clients do not fetch their answers, no more
                    // is read.
                    let permit = answers.under_way.permit().await;
                    let (sender, result) = oneshot::channel();
                    let request = Request {
                        text,
                        reply: sender,
                    };
                    arrived.send(Arrived::Request(request)).await.ok()?;
                    let settings = fifo.settings.clone();
                    tokio::task::spawn_local(async move {
                        if let Ok(Some(text)) = result.await {
                            answer(&settings, reply, text).await;
                        }
                        drop(permit);
                    });
                }
                Cut::Broken(reply, text) => {
                    rest_until = None;
                    answers.refuse(reply, text, arrived).await?;
                }
                Cut::Incomplete if received.len() > COMMAND_BYTES_MAX => {
                    if let Cut::Broken(reply, text) = give_up(&mut received) {
                        answers.refuse(reply, text, arrived).await?;
                    }
                }
                Cut::Incomplete => break,
            }
        }
        rest_until = if received.is_empty() {
            None
        } else {
            rest_until.or(Some(Instant::now() + COMMAND_REST_WITHIN))
        };
        if Instant::now() >= check_at {
            check_at = Instant::now() + FIFO_CHECK;
            if !fifo.is_there() {
                return Some(());
            }
        }
    }
}

/// Room for one read; a pipe passes on whole writes up to this size.
const READ_BYTES: usize = 4096;

/// Answers under way: bounded, since a client may never open its pipe.
#[derive(Clone)]
pub(crate) struct UnderWay(Arc<Semaphore>);

impl UnderWay {
    /// None yet.
    pub(crate) fn new() -> UnderWay {
        UnderWay(Arc::new(Semaphore::new(ANSWERS_MAX)))
    }

    /// Room for one answer. `None` cannot be: nobody closes the semaphore.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().acquire_owned().await.ok()
    }

    /// Waits until there are none any more.
    pub(crate) async fn end(&self) {
        let _ = self.0.acquire_many(ANSWERS_MAX as u32).await;
    }
}

/// How clients are answered.
struct Answers {
    settings: FifoSettings,
    under_way: UnderWay,
}

impl Answers {
    /// What came is no command. The client may be slow to hear it; others are served meanwhile. `None` if
    /// nobody wants anything any more.
    async fn refuse(
        &self,
        reply: Option<String>,
        text: Vec<u8>,
        arrived: &mpsc::Sender<Arrived>,
    ) -> Option<()> {
        arrived.send(Arrived::Broken(text)).await.ok()?;
        if reply.is_none() {
            return Some(());
        }
        let permit = self.under_way.permit().await;
        let settings = self.settings.clone();
        tokio::task::spawn_local(async move {
            let failure = rpc::Failure::new(rpc::PARSE_ERROR, "");
            let text = rpc::write(Err(failure), serde_json::Value::Null);
            answer(&settings, reply, text).await;
            drop(permit);
        });
        Some(())
    }
}

/// What stands at the front of the pipe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Reply name and JSON.
    Whole(Option<String>, Vec<u8>),
    /// No command: where to say so, if known, and what it is.
    Broken(Option<String>, Vec<u8>),
    /// More has to come.
    Incomplete,
}

/// Takes a command, or what is none, off the front.
pub(crate) fn cut(received: &mut Vec<u8>) -> Cut {
    let blank = received
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    received.drain(..blank);
    if received.is_empty() {
        return Cut::Incomplete;
    }
    let (reply, start) = match head(received) {
        Head::Whole(reply, start) => (reply, start),
        Head::Incomplete => return Cut::Incomplete,
        Head::Broken => return cut_broken(None, received),
    };
    let mut values =
        serde_json::Deserializer::from_slice(&received[start..]).into_iter::<serde_json::Value>();
    match values.next() {
        Some(Ok(_)) => {
            let end = start + values.byte_offset();
            let text = received[start..end].to_vec();
            received.drain(..end);
            Cut::Whole(reply, text)
        }
        Some(Err(error)) if !error.is_eof() => cut_broken(reply, received),
        // Another command has begun: this one gets no rest.
        Some(Err(_)) | None if next_command(received, false).is_some() => {
            cut_broken(reply, received)
        }
        Some(Err(_)) | None => Cut::Incomplete,
    }
}

/// Takes off what will not become a command any more: everything.
fn give_up(received: &mut Vec<u8>) -> Cut {
    let reply = match head(received) {
        Head::Whole(reply, _) => reply,
        Head::Incomplete | Head::Broken => None,
    };
    Cut::Broken(reply, std::mem::take(received))
}

fn cut_broken(reply: Option<String>, received: &mut Vec<u8>) -> Cut {
    let rest = next_command(received, true).map_or_else(Vec::new, |at| received.split_off(at));
    Cut::Broken(reply, std::mem::replace(received, rest))
}

/// The `:REPLY:` of a command.
enum Head {
    /// The reply's name, if it is one, and where the JSON begins.
    Whole(Option<String>, usize),
    Incomplete,
    Broken,
}

fn head(text: &[u8]) -> Head {
    let Some(behind) = text.strip_prefix(b":") else {
        return Head::Broken;
    };
    match behind
        .iter()
        .position(|byte| matches!(byte, b':' | b'\n' | b'\r'))
    {
        Some(end) if behind[end] == b':' => {
            let name = std::str::from_utf8(&behind[..end]).ok().map(str::trim);
            // A name in the reply directory, never a path.
            let name = name.filter(|name| {
                !name.is_empty() && !name.contains('/') && *name != "." && *name != ".."
            });
            Head::Whole(name.map(str::to_owned), end + 2)
        }
        Some(_) => Head::Broken,
        None => Head::Incomplete,
    }
}

/// Where the next line begins that begins a command: a colon, a name without surprises, a colon. In JSON
/// a text holds no line break, and outside of texts no such line can stand. With `or_part`, what has come
/// of the last line may also become one.
fn next_command(text: &[u8], or_part: bool) -> Option<usize> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let begins = |line: &[u8]| {
        line.strip_prefix(b":").is_some_and(|behind| {
            let after = behind.iter().find(|byte| !is_name(byte));
            after.map_or(or_part, |&byte| byte == b':')
        })
    };
    (1..=text.len())
        .filter(|&start| text[start - 1] == b'\n')
        .find(|&start| begins(&text[start..]))
}

/// Writes an answer to the client's FIFO. The client may open it only after it has asked.
async fn answer(settings: &FifoSettings, reply: Option<String>, text: Vec<u8>) {
    let Some(reply) = reply else { return };
    let text = if settings.pretty {
        indented(text)
    } else {
        text
    };
    let path = settings.reply_directory.join(reply);
    let deadline = Instant::now() + REPLY_WITHIN;
    let mut sender = loop {
        match open_reply(&path) {
            Ok(sender) => break sender,
            Err(error)
                if error.raw_os_error() == Some(libc::ENXIO) && Instant::now() < deadline =>
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Err(_) => return,
        }
    };
    let _ = timeout(REPLY_WITHIN, async {
        sender.write_all(&text).await?;
        sender.flush().await
    })
    .await;
}

fn indented(text: Vec<u8>) -> Vec<u8> {
    serde_json::from_slice::<serde_json::Value>(&text)
        .map_or(text, |value| format!("{value:#}").into_bytes())
}

fn open_reply(path: &Path) -> io::Result<pipe::Sender> {
    // A regular file under that name is refused here.
    pipe::Sender::from_file(open_writing(path)?)
}

/// Opens a FIFO to write; fails if nobody reads it.
fn open_writing(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
}
