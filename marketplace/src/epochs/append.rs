//! Appending leaves and publishing roots.

use telematics::{LeavesAt, Timestamp, VehicleId};
use zk::Leaf;
use zk::tree::{self, LEAVES_MAX};

use super::nodes::Stored;
use super::read::{Epoch, PublishedRoot};
use super::{EpochsError, queries};
use crate::db::Conn;

/// Appends the `leaves` of batch `seq` of `vehicle`, which were made for `day`, and says where the first
/// of them is. `None` when there are none.
///
/// When the tree is full in between, it is closed under its last root, and the rest are the first of
/// the next epoch. Must run in the transaction that keeps the batch, once for each batch.
///
/// # Errors
/// Fails when the database does, or when the tree is damaged.
pub fn append(
    conn: &mut Conn,
    (vehicle, seq): (VehicleId, u64),
    leaves: &[Leaf],
    day: u16,
    now: Timestamp,
) -> Result<Option<LeavesAt>, EpochsError> {
    let mut rest = leaves;
    let mut first = None;
    while !rest.is_empty() {
        let open = open_epoch(conn, now)?;
        let (fitting, later) = fit(rest, open.size);
        let at = LeavesAt { epoch: open.number, position: open.size, day };
        first.get_or_insert(at);
        append_within(conn, &open, fitting, now)?;
        rest = later;
    }
    if let Some(at) = first {
        queries::insert_batch_leaves(conn, (vehicle, seq), at, leaves.len())?;
    }
    Ok(first)
}

/// Where [`append`] put the leaves of batch `seq` of `vehicle`; `None` when it had none.
///
/// # Errors
/// Fails when the database does, or when the row is damaged.
pub fn leaves_of(
    conn: &mut Conn,
    vehicle: VehicleId,
    seq: u64,
) -> Result<Option<LeavesAt>, EpochsError> {
    queries::batch_leaves(conn, vehicle, seq)
}

/// Publishes the root of the open epoch, when it has grown since its last one.
///
/// # Errors
/// Fails when the database does, or when the tree is damaged.
pub fn publish(conn: &mut Conn, now: Timestamp) -> Result<Option<PublishedRoot>, EpochsError> {
    let Some(last) = queries::last_epoch(conn)? else { return Ok(None) };
    if last.size == 0 || queries::root_at(conn, last.number, last.size)?.is_some() {
        return Ok(None);
    }
    publish_at(conn, last.number, last.size, now).map(Some)
}

/// The epoch that takes leaves: the last one, or the one after it when that is closed.
fn open_epoch(conn: &mut Conn, now: Timestamp) -> Result<Epoch, EpochsError> {
    let number = match queries::last_epoch(conn)? {
        Some(epoch) if epoch.closed_at.is_none() => return Ok(epoch),
        Some(closed) => closed.number.checked_add(1).ok_or(EpochsError::Full)?,
        None => 0,
    };
    let epoch = Epoch { number, size: 0, opened_at: now, closed_at: None };
    queries::insert_epoch(conn, &epoch)?;
    Ok(epoch)
}

/// The leaves that a tree of `size` still has places for, and the others.
fn fit(leaves: &[Leaf], size: u32) -> (&[Leaf], &[Leaf]) {
    let places = usize::try_from(LEAVES_MAX.saturating_sub(size)).unwrap_or(usize::MAX);
    leaves.split_at_checked(places).unwrap_or((leaves, &[]))
}

fn append_within(
    conn: &mut Conn,
    open: &Epoch,
    leaves: &[Leaf],
    now: Timestamp,
) -> Result<(), EpochsError> {
    let epoch = open.number;
    let mut nodes = Stored { conn: &mut *conn, epoch };
    let added = tree::append(&mut nodes, open.size, leaves);
    for (at, node) in added.map_err(|error| EpochsError::of_tree(epoch, error))? {
        queries::insert_node(conn, epoch, at, node)?;
    }
    let count = u32::try_from(leaves.len()).or(Err(EpochsError::Full))?;
    let size = open.size.checked_add(count).ok_or(EpochsError::Full)?;
    let is_full = size >= LEAVES_MAX;
    queries::grow(conn, open, size, is_full.then_some(now))?;
    if is_full {
        publish_at(conn, epoch, size, now)?;
    }
    Ok(())
}

fn publish_at(
    conn: &mut Conn,
    epoch: u32,
    size: u32,
    now: Timestamp,
) -> Result<PublishedRoot, EpochsError> {
    let root = tree::root(&mut Stored { conn: &mut *conn, epoch }, size);
    let root = root.map_err(|error| EpochsError::of_tree(epoch, error))?;
    let published = PublishedRoot { epoch, size, root, published_at: now };
    queries::insert_root(conn, &published)?;
    Ok(published)
}

/// Forgets which leaves are of `vehicle`. The leaves stay: nobody else can tell whose they are.
///
/// # Errors
/// Fails when the database does.
pub fn forget(conn: &mut Conn, vehicle: VehicleId) -> Result<(), EpochsError> {
    queries::forget(conn, vehicle)
}
