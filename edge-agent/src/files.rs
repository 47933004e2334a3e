//! Files that must be whole or not there: written beside their place, synced, then renamed. And files of
//! an owner, read without trusting them.
//!
//! **Invariant:** whatever is killed when, a reader finds the old content or the new one. Of no file is
//! more read than it may have, and nothing is waited for: a pipe or a device is refused at once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Bytes of the largest text that is read: settings, a mapping, an identity. The largest of a real car has
/// some fifty thousand.
pub const TEXT_BYTES_MAX: u64 = 1 << 20;
/// Bytes of the longest line that a person writes.
const LINE_BYTES_MAX: usize = 1_000;

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
/// When it is absent, unreadable, no text, or larger than [`TEXT_BYTES_MAX`].
pub fn read(path: &Path) -> Result<String, FileError> {
    let refuse = |source| FileError { verb: "read", path: path.to_owned(), source };
    read_text(path).map_err(refuse)
}

/// As [`read`], for who has words of his own for a file that can not be read.
///
/// # Errors
/// As [`read`].
pub fn read_text(path: &Path) -> io::Result<String> {
    let not_text = |error: std::string::FromUtf8Error| {
        let at = error.utf8_error().valid_up_to();
        let text = format!("it is not text in UTF-8 (from byte {at} on); save it as UTF-8");
        io::Error::new(io::ErrorKind::InvalidData, text)
    };
    String::from_utf8(read_bytes(path, TEXT_BYTES_MAX)?).map_err(not_text)
}

/// Reads a file that a person wrote: [`read_text`] in lines that an eye can follow. Whoever refuses one of them
/// quotes it, and a parser goes only as deep as a line is long.
///
/// # Errors
/// As [`read_text`], and when a line is longer than that or holds a NUL.
pub fn read_lines(path: &Path) -> io::Result<String> {
    let text = read_text(path)?;
    for (number, line) in (1..).zip(text.lines()) {
        let why = if line.len() > LINE_BYTES_MAX {
            format!("is longer than {LINE_BYTES_MAX} bytes")
        } else if line.contains('\0') {
            "holds a NUL".to_owned()
        } else {
            continue;
        };
        let text = format!("line {number} {why}; is it the right file?");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(text)
}

/// Reads a whole file of at most `bytes_max` bytes.
///
/// # Errors
/// When it is absent, unreadable, or larger.
pub fn read_bytes(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read > bytes_max) {
        let text = format!("it is larger than {bytes_max} bytes; is it the right file?");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// Opens what is a file and nothing else. A pipe that nobody writes to would stop the agent for ever, and
/// a device may have no end.
///
/// # Errors
/// When it is absent, unreadable, or no file.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        let text = "it is a folder, a pipe or a device; name a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(file)
}

#[cfg(test)]
pub(crate) mod tests {
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

    #[test]
    fn what_is_no_small_text_is_refused_at_once_and_told_why() {
        let folder = tempfile::tempdir().unwrap();
        let [large, bytes, pipe] = ["large", "bytes", "pipe"].map(|name| folder.path().join(name));
        // Sparse: it takes no room, and reading all of it would take ten gigabytes of memory.
        File::create(&large).unwrap().set_len(10 << 30).unwrap();
        fs::write(&bytes, b"ab\xff").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (large.as_path(),            "larger than 1048576 bytes"),
            (&bytes,                     "from byte 2 on"),
            (&pipe,                      "a pipe or a device"),
            (folder.path(),              "a folder"),
            (Path::new("/dev/zero"),     "a device"),
        ];
        for (path, expected) in cases {
            let text = crate::status::chain_text(&read(path).unwrap_err());
            assert!(text.contains(expected), "{text}");
            assert!(text.contains(&path.display().to_string()), "{text}");
        }
    }

    /// Gives what no reader of TOML may take in, or overflow its stack with, to one that reads a file, and
    /// panics unless it names the file in few words.
    pub(crate) fn check_hostile_toml<T>(refuse: impl Fn(&Path) -> Result<T, String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hostile.toml");
        for (name, text) in hostile_toml() {
            fs::write(&path, text).unwrap();
            let error = refuse(&path).err().unwrap_or_else(|| panic!("{name} was taken"));
            assert!(error.contains("hostile.toml"), "{name}: {error}");
            assert!(error.len() < 3_000, "{name}: {} bytes", error.len());
        }
    }

    fn hostile_toml() -> Vec<(&'static str, String)> {
        let full = usize::try_from(TEXT_BYTES_MAX).unwrap();
        let deep = full / 2 - 100;
        vec![
            ("nothing but NUL", "\0".repeat(full)),
            ("a list in a list", "x = ".to_owned() + &"[".repeat(full - 100)),
            ("a list in a list, closed", format!("x = {}{}", "[".repeat(deep), "]".repeat(deep))),
            ("a table in a table", format!("x = {}", "{x=".repeat(full / 3 - 100))),
            ("a path without end", format!("[{}x]", "x.".repeat(deep))),
            ("a key without end", format!("{}x = 1", "x.".repeat(deep))),
            ("a line without end", format!("x = \"{}", "x".repeat(full - 100))),
            ("a word without end", "x".repeat(full)),
            ("a list in a list, line by line", "x = ".to_owned() + &"[\n".repeat(deep)),
            (
                "a table in a table, line by line",
                "x = ".to_owned() + &"{x=\n".repeat(full / 4 - 10),
            ),
            ("a path as long as a line", format!("[{}x]\n", "x.".repeat(490))),
            ("a key as long as a line", format!("{}x = 1\n", "x.".repeat(490))),
            ("one byte too many", "#\n".repeat(full / 2 + 1)),
        ]
    }

    #[test]
    fn a_file_of_the_greatest_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full");
        fs::write(&path, [b'x'; 10]).unwrap();

        assert_eq!(read_bytes(&path, 10).unwrap(), [b'x'; 10]);
        assert_eq!(read_bytes(&path, 9).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
