//! Loading: `bpf(2)` by its number, since libc has no function for it.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::classic;
use super::ebpf::{Code, Instruction, LOAD_CONSTANT, PSEUDO_MAP};
use crate::{DatagramSocket, option};

/// A program that the kernel has checked and keeps as long as this lives or a socket uses it.
#[derive(Debug)]
pub struct Program {
    fd: OwnedFd,
    /// The program's scratch memory is the kernel's as long as the program is.
    _maps: Vec<OwnedFd>,
}

/// Scratch memory of a program: one value of so many bytes for each core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Bytes of the value.
    pub bytes: u32,
}

/// Why the kernel does not take a program.
#[derive(Debug)]
pub struct Refusal {
    /// What was asked of it.
    pub what: &'static str,
    /// Its error.
    pub error: io::Error,
    /// The last words of its verifier; empty where it said nothing.
    pub says: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) if self.says.is_empty() => {
                f.write_str("not permitted; it needs root or CAP_BPF, and CAP_PERFMON")
            }
            Some(libc::ENOSYS) => f.write_str("the kernel has no bpf(2)"),
            Some(libc::ENOMEM | libc::ENOBUFS) => write!(
                f,
                "{} failed ({}): raise net.core.optmem_max, or the locked memory with `ulimit -l`",
                self.what, self.error
            ),
            _ if self.says.is_empty() => write!(f, "{} failed ({})", self.what, self.error),
            _ => write!(f, "{} failed ({}): {}", self.what, self.error, self.says),
        }
    }
}

const MAP_CREATE: libc::c_long = 0;
const PROG_LOAD: libc::c_long = 5;
const PROG_TEST_RUN: libc::c_long = 10;
const BTF_LOAD: libc::c_long = 18;

const MAP_PERCPU_ARRAY: u32 = 6;
const PROG_SOCKET_FILTER: u32 = 1;

/// Bytes of what the verifier says that are kept: enough for its last words.
const LOG_BYTES: usize = 1 << 20;

/// How often a command is tried: the verifier stops (EAGAIN) when anything wants the thread's attention meanwhile, as
/// io_uring does when a ring has been closed.
const ATTEMPTS: u32 = 16;

/// None of the helpers is for GPL programs only.
const LICENSE: &CStr = c"Apache-2.0 OR MIT";

/// What the first two words of `PROG_LOAD` and on are, in <linux/bpf.h>.
#[derive(Default)]
#[repr(C)]
struct LoadAttributes {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    padding: u32,
}

#[derive(Default)]
#[repr(C)]
struct MapAttributes {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    padding: u32,
}

#[derive(Default)]
#[repr(C)]
struct BtfAttributes {
    btf: u64,
    log_buf: u64,
    btf_size: u32,
    log_size: u32,
    log_level: u32,
    padding: u32,
}

#[derive(Default)]
#[repr(C)]
struct RunAttributes {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
}

/// Where a function begins, and which type it has.
#[repr(C)]
struct FunctionInfo {
    insn_off: u32,
    type_id: u32,
}

/// One call of `bpf(2)`.
///
/// # Safety
///
/// `A` is the C structure of this command, at most as long as the kernel's, and what its fields point at is valid for
/// the length of the call.
unsafe fn bpf<A>(command: libc::c_long, attributes: &mut A) -> io::Result<i64> {
    let mut attempts = ATTEMPTS;
    loop {
        // SAFETY: the caller's promise; the length is that of the structure.
        let done = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                command,
                std::ptr::from_mut(attributes),
                mem::size_of::<A>(),
            )
        };
        if done >= 0 {
            return Ok(done);
        }
        let error = io::Error::last_os_error();
        attempts -= 1;
        if error.kind() != io::ErrorKind::WouldBlock || attempts == 0 {
            return Err(error);
        }
    }
}

fn owned(fd: i64) -> OwnedFd {
    // SAFETY: the kernel just made it for us, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

/// Has the kernel check and compile a program that chooses a socket. Its maps are made and are its own.
pub fn load(code: &Code, maps: &[Map]) -> Result<Program, Refusal> {
    let refused = |what| {
        move |error| Refusal {
            what,
            error,
            says: String::new(),
        }
    };
    if cfg!(target_endian = "big") {
        let error = io::ErrorKind::Unsupported.into();
        return Err(refused("steering on a big-endian machine")(error));
    }
    let maps = maps.iter().map(make_map).collect::<io::Result<Vec<_>>>();
    let maps = maps.map_err(refused("making a map"))?;
    let types = load_types(code).map_err(refused("loading types"))?;
    let resolved: Vec<[u8; 8]> = code
        .instructions
        .iter()
        .map(|&one| resolve(one, &maps).bytes())
        .collect();
    let functions: Vec<FunctionInfo> = (FIRST_FUNCTION..)
        .zip(&code.functions)
        .map(|(type_id, &(at, _))| FunctionInfo {
            insn_off: at as u32,
            type_id,
        })
        .collect();
    let mut attributes = LoadAttributes {
        prog_type: PROG_SOCKET_FILTER,
        insn_cnt: resolved.len() as u32,
        insns: resolved.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        prog_name: *b"tandem_steering\0",
        prog_btf_fd: types.as_raw_fd() as u32,
        func_info_rec_size: mem::size_of::<FunctionInfo>() as u32,
        func_info: functions.as_ptr() as u64,
        func_info_cnt: functions.len() as u32,
        ..LoadAttributes::default()
    };
    // SAFETY: instructions, license and function infos are locals or constants that outlive the call, with their
    // lengths. Asked for by: three handovers a call between two shards without steering.
    match unsafe { bpf(PROG_LOAD, &mut attributes) } {
        Ok(fd) => Ok(Program {
            fd: owned(fd),
            _maps: maps,
        }),
        Err(error) => {
            let mut log = vec![0u8; LOG_BYTES];
            attributes.log_level = 1;
            attributes.log_size = LOG_BYTES as u32;
            attributes.log_buf = log.as_mut_ptr() as u64;
            // SAFETY: as before; the log is a local of the length that is told, written by the kernel.
            let again = unsafe { bpf(PROG_LOAD, &mut attributes) };
            drop(again.map(owned));
            Err(Refusal {
                what: "checking the program",
                error,
                says: last_words(&log),
            })
        }
    }
}

/// The last line of the verifier that says why; what follows it are statistics.
fn last_words(log: &[u8]) -> String {
    let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
    let text = String::from_utf8_lossy(&log[..end]);
    let words = text
        .lines()
        .rfind(|line| !line.is_empty() && !line.starts_with("processed "));
    words.unwrap_or_default().to_owned()
}

fn resolve(mut one: Instruction, maps: &[OwnedFd]) -> Instruction {
    if one.code == LOAD_CONSTANT
        && one.src == PSEUDO_MAP
        && let Some(map) = maps.get(one.imm as usize)
    {
        one.imm = map.as_raw_fd();
    }
    one
}

fn make_map(map: &Map) -> io::Result<OwnedFd> {
    let mut attributes = MapAttributes {
        map_type: MAP_PERCPU_ARRAY,
        key_size: 4,
        value_size: map.bytes,
        max_entries: 1,
        ..MapAttributes::default()
    };
    // SAFETY: no pointers.
    unsafe { bpf(MAP_CREATE, &mut attributes) }.map(owned)
}

/// The number of the type of the first function in what `types_of` writes; the others follow.
const FIRST_FUNCTION: u32 = 3;

/// A function that a helper calls must have a type: Documentation/bpf/btf.rst.
fn load_types(code: &Code) -> io::Result<OwnedFd> {
    let bytes = types_of(code);
    let mut attributes = BtfAttributes {
        btf: bytes.as_ptr() as u64,
        btf_size: bytes.len() as u32,
        ..BtfAttributes::default()
    };
    // SAFETY: the bytes are a local that outlives the call, with their length.
    unsafe { bpf(BTF_LOAD, &mut attributes) }.map(owned)
}

/// `int`, `int (*)(void)`, and a static function of that type for each of the program's.
fn types_of(code: &Code) -> Vec<u8> {
    const MAGIC: u16 = 0xeb9f;
    const HEADER: u32 = 24;
    const INT: u32 = 1 << 24;
    const FUNCTION: u32 = 12 << 24;
    const PROTOTYPE: u32 = 13 << 24;
    const SIGNED_32_BITS: u32 = 1 << 24 | 32;
    let mut names = b"\0int\0".to_vec();
    let mut types = vec![1, INT, 4, SIGNED_32_BITS, 0, PROTOTYPE, 1];
    for (_, name) in &code.functions {
        types.extend([names.len() as u32, FUNCTION, 2]);
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    let length = types.len() as u32 * 4;
    let mut bytes = Vec::new();
    bytes.extend(MAGIC.to_le_bytes());
    bytes.extend([1, 0]);
    for word in [HEADER, 0, length, length, names.len() as u32] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(types.iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend(names);
    bytes
}

/// A link-layer header stands before what a run is given; programs of this kind begin behind it.
const LINK_HEADER: [u8; 14] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5];

impl Program {
    /// Runs it on this payload without a socket, so many times: its answer, and how long one run took. The kernel
    /// takes at most a page.
    pub fn run(&self, payload: &[u8], times: u32) -> io::Result<(u32, Duration)> {
        let data = [&LINK_HEADER[..], payload].concat();
        let mut attributes = RunAttributes {
            prog_fd: self.fd.as_raw_fd() as u32,
            data_size_in: data.len() as u32,
            data_in: data.as_ptr() as u64,
            repeat: times.max(1),
            ..RunAttributes::default()
        };
        // SAFETY: the data are a local that outlives the call, with their length; nothing is written back but the
        // structure.
        unsafe { bpf(PROG_TEST_RUN, &mut attributes) }?;
        Ok((
            attributes.retval,
            Duration::from_nanos(attributes.duration.into()),
        ))
    }
}

impl DatagramSocket {
    /// From now on the program chooses among the sockets that share this one's address.
    pub fn steer(&self, program: &Program) -> io::Result<()> {
        let fd = program.fd.as_raw_fd();
        option::set(self, libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_EBPF, fd)
    }

    /// The same with a classic program, which needs no permission.
    pub fn steer_classic(&self, code: &classic::Code) -> io::Result<()> {
        let mut filters: Vec<libc::sock_filter> = code
            .instructions
            .iter()
            .map(|one| libc::sock_filter {
                code: one.code,
                jt: one.jt,
                jf: one.jf,
                k: one.k,
            })
            .collect();
        let program = libc::sock_fprog {
            len: filters.len() as u16,
            filter: filters.as_mut_ptr(),
        };
        // SAFETY: the program points at a local that outlives the call, with its length; the kernel copies both.
        let done = unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_REUSEPORT_CBPF,
                (&raw const program).cast(),
                mem::size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        };
        if done < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }
}
