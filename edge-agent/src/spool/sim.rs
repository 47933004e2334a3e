//! A disk in memory that loses power: what was not synced may be there, gone, or torn.
//!
//! One disk holds the segments of the log and the file of the database. At a power cut each of them keeps
//! what was synced, and a random part of what was not: bytes behind the last sync up to a random length,
//! some of them garbage; segments made or removed since the folder's last sync or not; of the
//! database's writes a random choice, each whole or cut at a sector.
//!
//! **Not here:** what is expected of the spool ([`super::power_cut`]).

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::log::{Storage, frame};

const SECTOR: usize = 512;

/// What this disk does wrong, so that the tests are seen to notice.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each planted bug, all independent")]
pub(super) struct Faults {
    /// Says that segments are synced, and syncs nothing.
    pub(super) ignores_sync: bool,
    /// Says that the folder is synced, and syncs nothing.
    pub(super) ignores_folder_sync: bool,
    /// Says that the database is synced, and syncs nothing.
    pub(super) ignores_database_sync: bool,
    /// Gives torn records a checksum that is right, as if there were none.
    pub(super) believes_checksums: bool,
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

#[derive(Clone, Debug)]
struct Content {
    rng: SmallRng,
    faults: Faults,
    is_full: bool,
    /// Writes left before the power goes; then every call fails.
    power: Option<u64>,
    files: BTreeMap<u64, File>,
    /// The folder as it was synced.
    names: Vec<u64>,
    removed: BTreeMap<u64, File>,
    last: u64,
    database: Vec<u8>,
    database_synced: Vec<u8>,
    writes: Vec<Write>,
}

#[derive(Clone, Debug)]
enum Write {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

/// A disk.
#[derive(Clone, Debug)]
pub(super) struct SimDisk(Arc<Mutex<Content>>);

impl SimDisk {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self(Arc::new(Mutex::new(Content {
            rng: SmallRng::seed_from_u64(seed),
            faults,
            is_full: false,
            power: None,
            files: BTreeMap::new(),
            names: Vec::new(),
            removed: BTreeMap::new(),
            last: 0,
            database: Vec::new(),
            database_synced: Vec::new(),
            writes: Vec::new(),
        })))
    }

    /// Another disk with the same on it.
    pub(super) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.content().clone())))
    }

    pub(super) fn segments(&self) -> Segments {
        Segments(self.clone())
    }

    pub(super) fn database(&self) -> DatabaseFile {
        DatabaseFile(self.clone())
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    /// Makes every write fail with ENOSPC, or succeed again.
    pub(super) fn fill(&self, is_full: bool) {
        self.content().is_full = is_full;
    }

    /// Cuts the power before the write or sync number `writes` from now.
    pub(super) fn cut_power_after(&self, writes: u64) {
        self.content().power = Some(writes);
    }

    pub(super) fn has_power(&self) -> bool {
        self.content().power != Some(0)
    }

    /// What is on the disk when the power comes back.
    pub(super) fn restart(&self) {
        self.content().restart();
    }

    /// Puts a database there that is whole.
    pub(super) fn settle_database(&self) {
        drop(redb::Database::builder().create_with_backend(self.database()).unwrap());
        let mut content = self.content();
        content.writes.clear();
        content.database_synced = content.database.clone();
    }

    /// Every bit of every segment: their number.
    pub(super) fn bits(&self) -> usize {
        self.content().files.values().map(|file| file.bytes.len() * 8).sum()
    }

    /// Flips a bit of the segments.
    pub(super) fn flip(&self, mut bit: usize) {
        for file in self.content().files.values_mut() {
            if bit < file.bytes.len() * 8 {
                file.bytes[bit / 8] ^= 1 << (bit % 8);
                return;
            }
            bit -= file.bytes.len() * 8;
        }
    }
}

impl Content {
    /// Counts a change, and fails it when there is no power or no room.
    fn change(&mut self) -> io::Result<()> {
        if self.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match &mut self.power {
            Some(0) => Err(io::Error::other("no power")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn restart(&mut self) {
        self.power = None;
        self.restart_folder();
        let Self { rng, files, faults, .. } = self;
        for file in files.values_mut() {
            let kept = rng.random_range(file.synced..=file.bytes.len());
            file.bytes.truncate(kept);
            // A sector that was on its way may hold anything.
            if kept > file.synced && rng.random_bool(0.3) {
                let from = rng.random_range(file.synced..kept);
                file.bytes[from..].fill_with(|| rng.random());
            }
            if faults.believes_checksums {
                frame::believe(&mut file.bytes, file.synced);
            }
            file.synced = file.bytes.len();
        }
        self.restart_database();
    }

    fn restart_folder(&mut self) {
        let Self { rng, files, names, removed, .. } = self;
        files.retain(|number, _| names.contains(number) || rng.random_bool(0.5));
        for (number, file) in std::mem::take(removed) {
            if rng.random_bool(0.5) {
                files.insert(number, file);
            }
        }
        *names = files.keys().copied().collect();
    }

    fn restart_database(&mut self) {
        let mut bytes = std::mem::take(&mut self.database_synced);
        for write in std::mem::take(&mut self.writes) {
            match write {
                Write::Length(length) if self.rng.random_bool(0.5) => {
                    let longest = length.max(bytes.len());
                    bytes.resize(longest, 0);
                }
                Write::Bytes(at, data) if self.rng.random_bool(0.5) => {
                    let sectors = data.len().div_ceil(SECTOR);
                    let whole = self.rng.random_range(0..=sectors * 2).min(sectors) * SECTOR;
                    let data = &data[..whole.min(data.len())];
                    bytes.resize(bytes.len().max(at + data.len()), 0);
                    bytes[at..at + data.len()].copy_from_slice(data);
                }
                Write::Length(_) | Write::Bytes(..) => {}
            }
        }
        self.database.clone_from(&bytes);
        self.database_synced = bytes;
    }
}

/// The folder of segments.
pub(super) struct Segments(SimDisk);

impl Storage for Segments {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.0.content().files.keys().copied().collect())
    }

    fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        let content = self.0.content();
        Ok(content.files.get(&segment).ok_or(io::ErrorKind::NotFound)?.bytes.clone())
    }

    fn read_at(&self, segment: u64, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read(segment)?;
        let offset = usize::try_from(offset).unwrap();
        let part = bytes.get(offset..offset + length);
        Ok(part.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec())
    }

    fn create(&mut self, segment: u64) -> io::Result<()> {
        let mut content = self.0.content();
        content.change()?;
        content.last = segment;
        match content.files.insert(segment, File::default()) {
            None => Ok(()),
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.0.content();
        let outcome = content.change();
        let last = content.last;
        // Some of it may reach the disk although it failed.
        content.files.get_mut(&last).ok_or(io::ErrorKind::NotFound)?.bytes.extend(bytes);
        outcome
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut content = self.0.content();
        content.change()?;
        if !content.faults.ignores_sync {
            let last = content.last;
            let file = content.files.get_mut(&last).ok_or(io::ErrorKind::NotFound)?;
            file.synced = file.bytes.len();
        }
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        let mut content = self.0.content();
        content.change()?;
        if !content.faults.ignores_folder_sync {
            content.names = content.files.keys().copied().collect();
            content.removed.clear();
        }
        Ok(())
    }

    fn remove(&mut self, segment: u64) -> io::Result<()> {
        let mut content = self.0.content();
        content.change()?;
        let file = content.files.remove(&segment).ok_or(io::ErrorKind::NotFound)?;
        if content.names.contains(&segment) {
            content.removed.insert(segment, file);
        }
        Ok(())
    }
}

/// The file of the database.
#[derive(Debug)]
pub(super) struct DatabaseFile(SimDisk);

impl redb::StorageBackend for DatabaseFile {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.0.content().database.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.0.content().database[start..start + out.len()]);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut content = self.0.content();
        content.change()?;
        let length = usize::try_from(length).unwrap();
        content.database.resize(length, 0);
        content.writes.push(Write::Length(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut content = self.0.content();
        content.change()?;
        if !content.faults.ignores_database_sync {
            content.writes.clear();
            content.database_synced = content.database.clone();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut content = self.0.content();
        content.change()?;
        let start = usize::try_from(offset).unwrap();
        content.database[start..start + data.len()].copy_from_slice(data);
        content.writes.push(Write::Bytes(start, data.to_vec()));
        Ok(())
    }
}
