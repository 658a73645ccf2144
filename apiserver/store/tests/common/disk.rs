//! A disk that can lose power, run full and fail.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    sync::{Arc, Mutex},
};

use redb::StorageBackend;

/// SplitMix64: the same numbers for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap() % length
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

const SECTOR: usize = 512;
const BLOCK: u64 = 4_096;

#[derive(Clone, Debug)]
enum Operation {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Default)]
struct Contents {
    /// What is there after a loss of power.
    durable: Vec<u8>,
    /// What the system shows.
    current: Vec<u8>,
    /// What was done since the last sync and is not on the disk for certain.
    pending: Vec<Operation>,
    operations: u64,
    power_ends_at: Option<u64>,
    fails_at: Option<(u64, u64)>,
    blocks: BTreeSet<u64>,
    block_limit: Option<usize>,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Contents>>);

impl Disk {
    /// The power ends before the operation that is `operations` from now.
    pub(crate) fn end_power_in(&self, operations: u64) {
        let mut contents = self.0.lock().unwrap();
        contents.power_ends_at = Some(contents.operations + operations);
    }

    /// Operations fail: `count` of them, from the one on that is `operations` from now. A failed sync forgets what it
    /// should have written.
    pub(crate) fn fail_in(&self, operations: u64, count: u64) {
        let mut contents = self.0.lock().unwrap();
        let start = contents.operations + operations;
        contents.fails_at = Some((start, start + count));
    }

    /// The disk has room for `blocks` more blocks of 4 KiB; none means any number.
    pub(crate) fn leave_room_for(&self, blocks: Option<usize>) {
        let mut contents = self.0.lock().unwrap();
        contents.block_limit = blocks.map(|blocks| contents.blocks.len() + blocks);
    }

    /// Loses power and comes back: of what was not synced, a part is there.
    pub(crate) fn lose_power(&self, random: &mut Random) {
        let mut contents = self.0.lock().unwrap();
        let pending = std::mem::take(&mut contents.pending);
        let mut disk = std::mem::take(&mut contents.durable);
        let (mode, length) = (random.below(4), pending.len() as u64);
        let prefix = random.below(length + 1);
        for (place, operation) in (0..).zip(&pending) {
            let kept = match mode {
                0 => place < prefix,
                1 => random.chance(50),
                2 => random.chance(90),
                _ => random.chance(10),
            };
            let torn = mode != 0 || place == prefix;
            apply(&mut disk, operation, |_| {
                if torn && random.chance(30) { random.chance(50) } else { kept }
            });
        }
        *contents = Contents { current: disk.clone(), durable: disk, ..Contents::default() };
    }
}

/// Does `operation`, each sector of it that is `kept`.
fn apply(disk: &mut Vec<u8>, operation: &Operation, mut kept: impl FnMut(usize) -> bool) {
    match operation {
        Operation::Length(length) => {
            if kept(0) {
                disk.resize(usize::try_from(*length).unwrap(), 0);
            }
        }
        Operation::Write(offset, data) => {
            for (sector, data) in data.chunks(SECTOR).enumerate() {
                let start = usize::try_from(*offset).unwrap() + sector * SECTOR;
                if kept(sector) {
                    let end = start + data.len();
                    disk.resize(disk.len().max(end), 0);
                    disk[start..end].copy_from_slice(data);
                }
            }
        }
    }
}

impl Contents {
    fn operation(&mut self) -> Result<(), io::Error> {
        self.operations += 1;
        if self.power_ends_at.is_some_and(|end| self.operations > end) {
            return Err(io::Error::other("the power is off"));
        }
        if self.fails_at.is_some_and(|(start, end)| (start..end).contains(&self.operations)) {
            return Err(io::Error::other("the disk fails"));
        }
        Ok(())
    }

    fn change(&mut self, operation: Operation) {
        apply(&mut self.current, &operation, |_| true);
        self.pending.push(operation);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().unwrap().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let mut contents = self.0.lock().unwrap();
        contents.operation()?;
        let start = usize::try_from(offset).unwrap();
        let bytes =
            contents.current.get(start..start + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut contents = self.0.lock().unwrap();
        contents.operation()?;
        contents.blocks.retain(|block| block * BLOCK < len);
        contents.change(Operation::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut contents = self.0.lock().unwrap();
        let result = contents.operation();
        let powered = contents.power_ends_at.is_none_or(|end| contents.operations <= end);
        if powered {
            let pending = std::mem::take(&mut contents.pending);
            if result.is_ok() {
                let disk = &mut contents.durable;
                for operation in &pending {
                    apply(disk, operation, |_| true);
                }
            }
        }
        result
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut contents = self.0.lock().unwrap();
        contents.operation()?;
        let blocks = (offset / BLOCK)..(offset + data.len() as u64).div_ceil(BLOCK);
        let new = blocks.clone().filter(|block| !contents.blocks.contains(block)).count();
        if contents.block_limit.is_some_and(|limit| contents.blocks.len() + new > limit) {
            return Err(ErrorKind::StorageFull.into());
        }
        contents.blocks.extend(blocks);
        contents.change(Operation::Write(offset, data.to_vec()));
        Ok(())
    }
}
