//! The bounds of reading and writing, and the arithmetic between them.

/// Bytes of one message: what a `u16` offset reaches, and what a UDP datagram holds.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// Bytes of start line and headers together. Reading stops here, `Peek` as well.
pub const HEAD_BYTES_MAX: usize = 32_768;

/// Header lines of one message. RFC 4475 §3.1.1.7 has 40; an index entry is a `u8`.
pub const HEADERS_MAX: usize = 250;

/// Elements of one list in all its lines: Via, Route, Record-Route, Path, Contact. RFC 4475 §3.1.1.7
/// has 34 Vias. More is refused by `check`, so that work on a list may cost the square of it.
pub const LIST_MAX: usize = 256;

/// Parameters that one comparison of two URIs or one check of a value looks at.
pub const PARAMS_MAX: usize = 64;

/// Edits of one draft. More are refused, counted by the caller.
pub const EDITS_MAX: usize = 512;

/// Bytes of the texts of one draft, those of edits that later ones replaced included.
pub const DRAFT_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;

/// Lines of one session description. The longest of browsers have some 2,000.
pub const SDP_LINES_MAX: usize = 4_096;

/// Formats of one media stream: RTP knows no more payload types.
pub const FORMATS_MAX: usize = 128;

/// Media streams of one session description.
pub const MEDIA_MAX: usize = 64;

/// Parts of one multipart body.
pub const PARTS_MAX: usize = 32;

/// Sizes a frame comes in. A call's messages fit the first, a long TCP message the second.
pub const FRAME_CLASSES: [usize; 3] = [2_048, 8_192, 65_536];

/// Frames of each class that a thread keeps for reuse: 8 MiB, 2 MiB and 4 MiB.
pub const FRAMES_POOLED: [usize; 3] = [4_096, 256, 64];

/// Index tables that a thread keeps for reuse.
pub const INDEXES_POOLED: usize = 4_096;

const _: () = assert!(
    HEADERS_MAX < u8::MAX as usize,
    "a line's number is a u8, 255 means none"
);
const _: () = assert!(
    FORMATS_MAX <= u128::BITS as usize,
    "a choice of formats is a bit each"
);
const _: () = assert!(MESSAGE_BYTES_MAX <= u16::MAX as usize, "offsets are u16");
const _: () = assert!(
    FRAME_CLASSES[2] > MESSAGE_BYTES_MAX,
    "every message fits a frame"
);
