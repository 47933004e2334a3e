//! Why epochs refuse.

use zk::tree::{LEAVES_MAX, TreeError};

/// Why there is no such epoch, root or path, or leaves could not be kept.
///
/// A refusal is shown to the caller as written. [`Self::Damaged`] and [`Self::Storage`] are our fault.
#[derive(Debug, thiserror::Error)]
pub enum EpochsError {
    /// Nothing was ever committed in it.
    #[error("there is no epoch {epoch}; they count from 0, and the last is the open one")]
    UnknownEpoch {
        /// The epoch asked for.
        epoch: u32,
    },
    /// Its first root is still to come.
    #[error("no root of epoch {epoch} is published yet; ask again in a minute")]
    NoRoot {
        /// The epoch.
        epoch: u32,
    },
    /// Paths lead to published roots only.
    #[error("epoch {epoch} had no published root at {size} leaves; ask for the newest root first")]
    Unpublished {
        /// The epoch.
        epoch: u32,
        /// The size asked for.
        size: u32,
    },
    /// Beyond the leaves that were there.
    #[error("epoch {epoch} had no leaf in bucket {bucket} when it had {size}")]
    NoBucket {
        /// The epoch.
        epoch: u32,
        /// The size asked for.
        size: u32,
        /// The bucket asked for.
        bucket: u32,
    },
    /// More epochs or leaves than there are numbers.
    #[error("there is no place for more leaves: epochs have {LEAVES_MAX} each")]
    Full,
    /// Rows that no longer are a tree.
    #[error("the tree of epoch {epoch} is damaged: {what}")]
    Damaged {
        /// The epoch.
        epoch: u32,
        /// What is wrong with it.
        what: String,
    },
    /// The database failed.
    #[error("cannot read or store leaves")]
    Storage(#[from] diesel::result::Error),
}

impl EpochsError {
    /// What the tree of `epoch` says when its own rows should have been enough.
    pub(super) fn of_tree(epoch: u32, error: TreeError<Self>) -> Self {
        match error {
            TreeError::Lookup(error) => error,
            other => Self::Damaged { epoch, what: other.to_string() },
        }
    }
}
