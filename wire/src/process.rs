//! What a daemon does to its own process: signals, identity, background, priorities.
//!
//! All of it happens before the first thread, except where a function says otherwise.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// A signal that was sent to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: stop.
    Stop,
    /// SIGHUP: the terminal is gone, or somebody asks to reload.
    Hangup,
}

/// Signals as something to wait for, instead of something that interrupts.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks the signals for this thread and all that it will start, and takes them in here.
    /// Writing to a pipe nobody reads becomes an error instead of a death.
    pub fn take() -> io::Result<Signals> {
        // SAFETY: the set is a local of plain bits that the calls fill and read; the descriptor is
        // checked and owned by nobody else. Asked for by: stopping within two seconds, which needs
        // a signal to reach a thread that waits.
        unsafe {
            let mut set: libc::sigset_t = mem::zeroed();
            libc::sigemptyset(&mut set);
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
                libc::sigaddset(&mut set, signal);
            }
            if libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
            let fd = libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Signals {
                fd: OwnedFd::from_raw_fd(fd),
            })
        }
    }

    /// The next signal, if one comes within the time.
    pub fn wait(&self, timeout: Duration) -> Option<Signal> {
        let mut poll = libc::pollfd {
            fd: self.fd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let milliseconds = timeout.as_millis().min(i32::MAX as u128) as i32;
        // SAFETY: one pollfd, a local.
        if unsafe { libc::poll(&mut poll, 1, milliseconds) } <= 0 {
            return None;
        }
        // SAFETY: signalfd_siginfo is plain integers; the kernel writes one of exactly that size,
        // or nothing.
        let info = unsafe {
            let mut info: libc::signalfd_siginfo = mem::zeroed();
            let size = mem::size_of::<libc::signalfd_siginfo>();
            let got = libc::read(self.fd.as_raw_fd(), (&raw mut info).cast(), size);
            if got != size as isize {
                return None;
            }
            info
        };
        match info.ssi_signo as i32 {
            libc::SIGTERM | libc::SIGINT => Some(Signal::Stop),
            libc::SIGHUP => Some(Signal::Hangup),
            _ => None,
        }
    }
}

/// Which side of a fork one is on.
pub enum Fork {
    /// The first process: wait for `child`'s word, then leave.
    Parent {
        /// Readable when the child has said something, or is gone.
        word: OwnedFd,
    },
    /// The process that serves: say the word on `tell` when ready.
    Child {
        /// The other end of `word`.
        tell: OwnedFd,
    },
}

/// Forks a child into its own session. Refused once there is a second thread: the child would have
/// that thread's locks and not the thread.
pub fn background() -> io::Result<Fork> {
    let threads = std::fs::read_dir("/proc/self/task")
        .map(Iterator::count)
        .unwrap_or(1);
    if threads != 1 {
        return Err(io::Error::other("the process already has threads"));
    }
    let mut ends = [0i32; 2];
    // SAFETY: two descriptors into a local array of two, owned right away.
    let (word, tell) = unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    };
    // SAFETY: one thread only, checked above, so the child may do anything that the parent could.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: no pointers. A fresh child is no group leader, so this cannot fail.
            unsafe { libc::setsid() };
            Ok(Fork::Child { tell })
        }
        _ => Ok(Fork::Parent { word }),
    }
}

/// Points standard input and output at nothing, and standard error as well unless `keep_error`.
pub fn detach_standard_streams(keep_error: bool) -> io::Result<()> {
    let nothing = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    for stream in if keep_error { 0..2 } else { 0..3 } {
        // SAFETY: two open descriptors; the standard ones are never closed, only replaced.
        if unsafe { libc::dup2(nothing.as_raw_fd(), stream) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Says something on standard error if it takes it right now. A reader that does not read, or is gone,
/// keeps nobody from leaving.
pub fn say(text: &str) {
    let mut poll = libc::pollfd {
        fd: libc::STDERR_FILENO,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one pollfd, a local; then a text with its length. Not through std, whose lock may be held
    // by a thread that is stuck in a write.
    unsafe {
        if libc::poll(&mut poll, 1, 0) > 0 && poll.revents & libc::POLLOUT != 0 {
            libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
        }
    }
}

/// The number of a user, by name or as a number, and the user's own group if known.
pub fn user(name: &str) -> io::Result<(u32, Option<u32>)> {
    if let Ok(uid) = name.parse::<u32>() {
        // SAFETY: a plain number in; out comes null or a pointer into the library's static record,
        // read at once while there is one thread.
        let record = unsafe { libc::getpwuid(uid).as_ref() };
        return Ok((uid, record.map(|record| record.pw_gid)));
    }
    let text = CString::new(name)?;
    // SAFETY: a C string in; out comes null or a pointer into the library's static record, read at
    // once while there is one thread.
    let record = unsafe { libc::getpwnam(text.as_ptr()).as_ref() };
    record
        .map(|record| (record.pw_uid, Some(record.pw_gid)))
        .ok_or_else(|| io::Error::other(format!("there is no user `{name}`")))
}

/// The number of a group, by name or as a number.
pub fn group(name: &str) -> io::Result<u32> {
    if let Ok(gid) = name.parse::<u32>() {
        return Ok(gid);
    }
    let text = CString::new(name)?;
    // SAFETY: as in `user`.
    let record = unsafe { libc::getgrnam(text.as_ptr()).as_ref() };
    record
        .map(|record| record.gr_gid)
        .ok_or_else(|| io::Error::other(format!("there is no group `{name}`")))
}

/// Becomes this user and group, for good. No supplementary group of before is kept.
pub fn become_user(uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    if uid.is_some() || gid.is_some() {
        // SAFETY: an empty list of supplementary groups. Groups go first: a plain user may not change
        // them any more.
        check(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    }
    if let Some(gid) = gid {
        // SAFETY: plain numbers.
        check(unsafe { libc::setresgid(gid, gid, gid) })?;
    }
    if let Some(uid) = uid {
        // SAFETY: plain numbers.
        check(unsafe { libc::setresuid(uid, uid, uid) })?;
    }
    Ok(())
}

/// Makes `path` the root of everything this process will see.
pub fn change_root(path: &Path) -> io::Result<()> {
    let text = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a C string.
    check(unsafe { libc::chroot(text.as_ptr()) })?;
    std::env::set_current_dir("/")
}

/// Raises the limit of open files to `wanted`, or as far as the system lets us; the answer is the
/// limit that holds. With 0: as far as the system lets us.
pub fn raise_open_files(wanted: u64) -> io::Result<u64> {
    // SAFETY: rlimit is two integers, written and read in a local.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
        let target = if wanted == 0 { limit.rlim_max } else { wanted };
        if target > limit.rlim_cur {
            let raised = libc::rlimit {
                rlim_cur: target,
                rlim_max: limit.rlim_max.max(target),
            };
            if libc::setrlimit(libc::RLIMIT_NOFILE, &raised) < 0 {
                limit.rlim_cur = limit.rlim_max;
                check(libc::setrlimit(libc::RLIMIT_NOFILE, &limit))?;
            } else {
                limit = raised;
            }
        }
        Ok(limit.rlim_cur)
    }
}

/// Whether an error says that the process, or the system, has as many files open as it may.
pub fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Raises the limit of locked memory as far as the system lets us; io_uring counts against it. The
/// answer is the limit that holds, in bytes.
pub fn raise_locked_memory() -> io::Result<u64> {
    // SAFETY: rlimit is two integers, written and read in a local.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        check(libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit))?;
        limit.rlim_cur = limit.rlim_max;
        check(libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit))?;
        Ok(limit.rlim_cur)
    }
}

/// Forbids core dumps.
pub fn forbid_core_dump() -> io::Result<()> {
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: two integers in a local.
    check(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) })
}

/// Makes the calling thread yield to others. For a thread without a core of its own.
pub fn be_nice(by: i32) -> io::Result<()> {
    // SAFETY: plain numbers; on Linux a priority belongs to a thread, and 0 is the calling one.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, by) })
}

/// How late the calling thread may be woken from a pause (`PR_SET_TIMERSLACK`); Linux gives 50 us by itself.
pub fn set_timer_slack(slack: Duration) -> io::Result<()> {
    let nanoseconds = slack.as_nanos().clamp(1, 1_000_000_000) as libc::c_ulong;
    // SAFETY: plain numbers. Asked for by: pauses of 100 us.
    check(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanoseconds) })
}

/// Pauses the calling thread.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Ties the calling thread to one core.
pub fn pin_to(core: usize) -> io::Result<()> {
    pin_to_any(&[core])
}

/// Ties the calling thread, and those it starts, to some cores.
pub fn pin_to_any(cores: &[usize]) -> io::Result<()> {
    if cores.iter().any(|&core| core >= libc::CPU_SETSIZE as usize) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the set is plain bits in a local; the cores were checked against its size.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        for &core in cores {
            libc::CPU_SET(core, &mut set);
        }
        check(libc::sched_setaffinity(
            0,
            mem::size_of::<libc::cpu_set_t>(),
            &set,
        ))
    }
}

/// The time that all threads of the process have used, in user and in system mode.
pub fn cpu_time() -> (Duration, Duration) {
    // SAFETY: rusage is plain integers, written into a local.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let time = |value: libc::timeval| {
        Duration::from_secs(value.tv_sec.max(0) as u64)
            + Duration::from_micros(value.tv_usec.max(0) as u64)
    };
    (time(usage.ru_utime), time(usage.ru_stime))
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
