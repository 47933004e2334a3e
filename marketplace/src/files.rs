//! Files that hold secrets.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes `file` whole or not at all, readable by its owner only.
///
/// # Errors
/// What the file system says. The file is then as it was before.
pub fn write_secret(file: &Path, text: &str) -> io::Result<()> {
    let partial = file.with_extension("partial");
    let mut options = OpenOptions::new();
    let mut handle = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    handle.write_all(text.as_bytes())?;
    handle.sync_all()?;
    fs::rename(partial, file)
}
