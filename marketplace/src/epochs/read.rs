//! Asking for epochs, roots, leaves and paths. All of it is public.

use std::ops::RangeInclusive;

use telematics::{Timestamp, VehicleId};
use zk::tree::{self, BUCKET_LEAVES, BucketPath};
use zk::{Leaf, Root};

use super::nodes::Stored;
use super::{EpochsError, queries};
use crate::db::Conn;

/// Roots that one answer has at most.
pub const ROOTS_MAX: u32 = 1_000;

/// One epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Counted from 0.
    pub number: u32,
    /// Leaves in its tree.
    pub size: u32,
    /// When its first leaf came.
    pub opened_at: Timestamp,
    /// When its last place was taken.
    pub closed_at: Option<Timestamp>,
}

/// A root that is published: proofs against it are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedRoot {
    /// The epoch.
    pub epoch: u32,
    /// Leaves that its tree had.
    pub size: u32,
    /// What fixes them.
    pub root: Root,
    /// Since when.
    pub published_at: Timestamp,
}

/// Leaves side by side, and what their paths share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Those of its 256 places that were taken at that size, from the left.
    pub leaves: Vec<Leaf>,
    /// From the bucket to the root.
    pub path: BucketPath,
}

/// All epochs, oldest first. There is one for each million commitments.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn epochs(conn: &mut Conn) -> Result<Vec<Epoch>, EpochsError> {
    queries::epochs(conn)
}

/// One epoch.
///
/// # Errors
/// An epoch that has not begun is refused.
pub fn epoch(conn: &mut Conn, number: u32) -> Result<Epoch, EpochsError> {
    queries::epoch(conn, number)?.ok_or(EpochsError::UnknownEpoch { epoch: number })
}

/// The newest published root of `epoch`.
///
/// # Errors
/// An epoch that has not begun, or has no root yet, is refused.
pub fn newest_root(conn: &mut Conn, epoch: u32) -> Result<PublishedRoot, EpochsError> {
    self::epoch(conn, epoch)?;
    let newest = queries::roots(conn, epoch, u32::MAX, 1)?.pop();
    newest.ok_or(EpochsError::NoRoot { epoch })
}

/// Published roots of `epoch` of trees smaller than `before`, newest first, at most `limit`.
///
/// # Errors
/// An epoch that has not begun is refused.
pub fn roots(
    conn: &mut Conn,
    epoch: u32,
    before: u32,
    limit: u32,
) -> Result<Vec<PublishedRoot>, EpochsError> {
    self::epoch(conn, epoch)?;
    queries::roots(conn, epoch, before, limit.min(ROOTS_MAX))
}

/// Whether `root` was ever published.
///
/// # Errors
/// Fails when the database does.
pub fn is_published(conn: &mut Conn, root: Root) -> Result<bool, EpochsError> {
    queries::is_root(conn, root)
}

/// How many of `vehicles`, at most some hundreds, committed to anything on one of these days.
///
/// # Errors
/// Fails when the database does.
pub fn committed(
    conn: &mut Conn,
    vehicles: &[VehicleId],
    days: &RangeInclusive<u16>,
) -> Result<u32, EpochsError> {
    Ok(u32::try_from(queries::committed(conn, vehicles, days)?).unwrap_or(0))
}

/// Leaves of `epoch` from position `first` on, in order, at most `limit`.
///
/// # Errors
/// Fails when the database does, or when a leaf is damaged.
pub fn leaves(
    conn: &mut Conn,
    epoch: u32,
    first: u32,
    limit: u32,
) -> Result<Vec<Leaf>, EpochsError> {
    let leaves = queries::leaves(conn, epoch, first, limit)?;
    // A gap would move every leaf behind it to another place.
    let is_gapless =
        leaves.iter().zip(first..).all(|((position, _), expected)| *position == expected);
    if !is_gapless {
        return Err(EpochsError::Damaged { epoch, what: "a leaf is missing".to_owned() });
    }
    Ok(leaves.into_iter().map(|(_, leaf)| leaf).collect())
}

/// The leaves of `bucket` and the path above them, in the tree of `epoch` when it had `size` leaves.
///
/// # Errors
/// Refused unless the root of that size is published, and when no leaf was in the bucket.
pub fn bucket(conn: &mut Conn, epoch: u32, size: u32, bucket: u32) -> Result<Bucket, EpochsError> {
    self::epoch(conn, epoch)?;
    if queries::root_at(conn, epoch, size)?.is_none() {
        return Err(EpochsError::Unpublished { epoch, size });
    }
    let first = bucket.checked_mul(BUCKET_LEAVES).filter(|first| *first < size);
    let first = first.ok_or(EpochsError::NoBucket { epoch, size, bucket })?;
    let leaves = leaves(conn, epoch, first, BUCKET_LEAVES.min(size - first))?;
    let path = tree::bucket_path(&mut Stored { conn, epoch }, size, bucket);
    Ok(Bucket { leaves, path: path.map_err(|error| EpochsError::of_tree(epoch, error))? })
}
