//! Room for packed calls: blocks of whole units in pages, freed blocks used again by their size.

/// Names a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block(u32);

#[derive(Debug, Default)]
pub(crate) struct Store {
    pages: Vec<Box<[u8; PAGE]>>,
    /// The first unit that was never used.
    next: usize,
    /// Freed blocks, by their number of units.
    free: Vec<Vec<u32>>,
}

impl Store {
    /// Keeps a copy; `None` when it is longer than a block may be.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<Block> {
        let units = (LENGTH + bytes.len()).div_ceil(UNIT);
        if units > UNITS_MAX {
            return None;
        }
        let freed = self.free.get_mut(units).and_then(Vec::pop);
        let block = Block(freed.unwrap_or_else(|| self.append(units)));
        let room = self.room(block);
        room[..LENGTH].copy_from_slice(&(bytes.len() as u16).to_le_bytes());
        room[LENGTH..LENGTH + bytes.len()].copy_from_slice(bytes);
        Some(block)
    }

    pub(crate) fn get(&self, block: Block) -> &[u8] {
        let (page, at) = place_of(block);
        let room = &self.pages[page][at..];
        &room[LENGTH..LENGTH + length(room)]
    }

    /// How many bytes it takes.
    pub(crate) fn size(&self, block: Block) -> usize {
        (LENGTH + self.get(block).len()).div_ceil(UNIT) * UNIT
    }

    pub(crate) fn free(&mut self, block: Block) {
        let units = self.size(block) / UNIT;
        if self.free.len() <= units {
            self.free.resize(units + 1, Vec::new());
        }
        self.free[units].push(block.0);
    }

    fn append(&mut self, units: usize) -> u32 {
        // A block stands in one page: what is left of this one is lost, a sixty-fourth at most.
        if PAGE_UNITS - self.next % PAGE_UNITS < units {
            self.next = self.next.next_multiple_of(PAGE_UNITS);
        }
        if self.next == self.pages.len() * PAGE_UNITS {
            self.pages.push(Box::new([0; PAGE]));
        }
        let at = self.next;
        self.next += units;
        at as u32
    }

    fn room(&mut self, block: Block) -> &mut [u8] {
        let (page, at) = place_of(block);
        &mut self.pages[page][at..]
    }
}

fn place_of(block: Block) -> (usize, usize) {
    let unit = block.0 as usize;
    (unit / PAGE_UNITS, unit % PAGE_UNITS * UNIT)
}

fn length(room: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([room[0], room[1]]))
}

/// Bytes in front of a block's content: how long that is.
const LENGTH: usize = 2;
const UNIT: usize = 16;
const PAGE: usize = 64 << 10;
const PAGE_UNITS: usize = PAGE / UNIT;
/// The longest block, 1 KiB: texts of a call that do not pack into it are nobody's common case.
const UNITS_MAX: usize = 64;
const _: () = assert!(
    super::limits::CALLS_MAX * UNITS_MAX < u32::MAX as usize,
    "a block is a u32"
);
