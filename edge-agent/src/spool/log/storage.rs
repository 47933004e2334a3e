//! Where segments are: a folder of a disk, or one that a test makes fail.
//!
//! **Invariant:** nothing here is durable before its `sync`: what was appended before [`Storage::sync`],
//! and that a segment exists or is gone before [`Storage::sync_folder`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::files;

/// More than a segment that this program wrote can have: a record more than the bytes at which the next
/// one begins. Bounds the memory that a damaged disk asks for; what is behind is damage like other.
const SEGMENT_BYTES_READ_MAX: u64 = 64 << 20;

/// A folder of segments, each known by its number.
pub(in crate::spool) trait Storage: Send {
    /// The numbers of all segments.
    fn list(&self) -> io::Result<Vec<u64>>;
    /// The whole of a segment, or as much of it as a segment can have.
    fn read(&self, segment: u64) -> io::Result<Vec<u8>>;
    /// A part of a segment.
    fn read_at(&self, segment: u64, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Makes an empty segment that is appended to from then on. Fails when there is one.
    fn create(&mut self, segment: u64) -> io::Result<()>;
    /// Appends to the segment made last.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was appended durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Makes durable which segments there are.
    fn sync_folder(&mut self) -> io::Result<()>;
    /// Removes a segment.
    fn remove(&mut self, segment: u64) -> io::Result<()>;
}

/// A folder on a disk.
#[derive(Debug)]
pub(in crate::spool) struct Disk {
    folder: PathBuf,
    open: Option<File>,
}

impl Disk {
    /// The segments in `folder`, which is made when it is not there.
    pub(in crate::spool) fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            if let Some(parent) = folder.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(Self { folder: folder.to_owned(), open: None })
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.folder.join(format!("{segment:016x}.log"))
    }
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<u64>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".log"));
            segments.extend(number.and_then(|number| u64::from_str_radix(number, 16).ok()));
        }
        Ok(segments)
    }

    fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        let (mut bytes, max) = (Vec::new(), SEGMENT_BYTES_READ_MAX);
        files::open(&self.path(segment))?.take(max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_at(&self, segment: u64, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(segment))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&mut self, segment: u64) -> io::Result<()> {
        let path = self.path(segment);
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        self.open = Some(file);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.open.as_mut().ok_or(io::ErrorKind::NotFound)?.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.open.as_mut().ok_or(io::ErrorKind::NotFound)?.sync_data()
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn remove(&mut self, segment: u64) -> io::Result<()> {
        fs::remove_file(self.path(segment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_files_of_their_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let mut disk = Disk::open(&path).unwrap();
        assert!(disk.append(b"x").is_err(), "nothing is open");
        disk.create(26).unwrap();
        disk.append(b"hello").unwrap();
        disk.append(b" world").unwrap();
        disk.sync().unwrap();
        disk.sync_folder().unwrap();
        std::fs::write(path.join("notes.txt"), "not a segment").unwrap();

        assert_eq!(disk.list().unwrap(), [26]);
        assert!(disk.create(26).is_err());
        assert_eq!(disk.read(26).unwrap(), b"hello world");
        assert_eq!(disk.read_at(26, 6, 5).unwrap(), b"world");
        assert!(disk.read_at(26, 7, 5).is_err());
        // A disk that says it has ten gigabytes: sparse, so it takes no room.
        File::options().write(true).open(disk.path(26)).unwrap().set_len(10 << 30).unwrap();
        assert_eq!(disk.read(26).unwrap().len(), 64 << 20);
        disk.remove(26).unwrap();
        assert!(disk.list().unwrap().is_empty());
    }
}
