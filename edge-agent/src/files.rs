//! Files that must be whole or not there: written beside their place, synced, then renamed.
//!
//! **Invariant:** whatever is killed when, a reader finds the old content or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever the system lets.
    Everyone,
    /// The user that the agent runs as.
    OwnerOnly,
}

/// A file that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}", path.display())]
pub struct FileError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// True when there is no such file.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Replaces the content of `path`, and makes its folder when there is none.
///
/// # Errors
/// When the folder can not be made or written to; the old content is then still there.
pub fn replace(path: &Path, content: &[u8], readers: Readers) -> Result<(), FileError> {
    write(path, content, readers, File::sync_all)?;
    let refuse = |source| FileError { verb: "write", path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(refuse)
}

/// As [`replace`], for what is worth nothing after a power cut: the disk may take its time.
///
/// # Errors
/// As [`replace`].
pub fn publish(path: &Path, content: &[u8], readers: Readers) -> Result<(), FileError> {
    write(path, content, readers, |_| Ok(()))
}

/// Removes `path`, if it is there.
///
/// # Errors
/// When it stays.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => {
            other.map_err(|source| FileError { verb: "remove", path: path.to_owned(), source })
        }
    }
}

fn write(
    path: &Path,
    content: &[u8],
    readers: Readers,
    settle: impl Fn(&File) -> io::Result<()>,
) -> Result<(), FileError> {
    let refuse = |source| FileError { verb: "write", path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(refuse)?;
    let beside = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(match readers {
                Readers::Everyone => 0o644,
                Readers::OwnerOnly => 0o600,
            })
            .open(&beside)?;
        file.write_all(content)?;
        settle(&file)?;
        fs::rename(&beside, path)
    };
    write().map_err(refuse)
}

/// Reads a whole file of text.
///
/// # Errors
/// When it is absent or unreadable.
pub fn read(path: &Path) -> Result<String, FileError> {
    let refuse = |source| FileError { verb: "read", path: path.to_owned(), source };
    fs::read_to_string(path).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/identity.json");

        replace(&path, b"one", Readers::OwnerOnly).unwrap();
        replace(&path, b"two", Readers::OwnerOnly).unwrap();

        assert_eq!(read(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_can_not_be_written_is_named() {
        let error = replace(Path::new("/proc/none/x"), b"", Readers::Everyone).unwrap_err();
        assert_eq!(error.to_string(), "cannot write /proc/none/x");

        assert!(read(Path::new("/nowhere")).unwrap_err().is_absent());
    }
}
