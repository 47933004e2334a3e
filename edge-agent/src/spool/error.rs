//! Why the spool could not do what it was asked.
//!
//! **Invariant:** a message about a full disk says so, names the file, and says that nothing sealed is
//! lost: the owner has to free space, not to fear for his data.

use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Why the spool could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk has no room.
    #[error("the disk is full: cannot write {}; free some space (nothing that was sealed is lost, and the agent tries again)", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: redb::Error,
    },
    /// Unacknowledged batches fill what the owner gave them.
    #[error("the spool {} is full: {pending} of {max} bytes wait for the marketplace; the agent reads on when some are acknowledged, or raise `spool_bytes_max`", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// Bytes that wait.
        pending: u64,
        /// Bytes that may.
        max: NonZeroU64,
    },
    /// Another agent has it open.
    #[error("the spool {} is in use by another agent", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed otherwise.
    #[error("cannot use the spool {}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: redb::Error,
    },
    /// A record does not parse.
    #[error("the spool {} is damaged: {what} can not be read; move it away to start anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The record.
        what: String,
    },
}

impl SpoolError {
    pub(super) fn storage(path: PathBuf, source: redb::Error) -> Self {
        match &source {
            redb::Error::Io(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                ) =>
            {
                Self::DiskFull { path, source }
            }
            redb::Error::DatabaseAlreadyOpen => Self::InUse { path },
            _ => Self::Storage { path, source },
        }
    }
}
