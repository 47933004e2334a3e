//! The only file that names the tables of the epochs.

use std::ops::RangeInclusive;

use diesel::dsl::count;
use diesel::prelude::*;
use telematics::{LeavesAt, Timestamp, VehicleId};
use zk::tree::NodeAt;
use zk::{Leaf, Root};

use super::EpochsError;
use super::read::{Epoch, PublishedRoot};
use crate::db::Conn;
use crate::schema::{batch_leaves, epochs, roots, tree_nodes};

type EpochRow = (i32, i32, i64, Option<i64>);

pub(super) fn last_epoch(conn: &mut Conn) -> Result<Option<Epoch>, EpochsError> {
    let row = epochs::table
        .order(epochs::number.desc())
        .select((epochs::number, epochs::size, epochs::opened_at, epochs::closed_at))
        .first::<EpochRow>(conn)
        .optional()?;
    row.map(read_epoch).transpose()
}

pub(super) fn epoch(conn: &mut Conn, number: u32) -> Result<Option<Epoch>, EpochsError> {
    let Ok(number) = i32::try_from(number) else { return Ok(None) };
    let row = epochs::table
        .find(number)
        .select((epochs::number, epochs::size, epochs::opened_at, epochs::closed_at))
        .first::<EpochRow>(conn)
        .optional()?;
    row.map(read_epoch).transpose()
}

pub(super) fn epochs(conn: &mut Conn) -> Result<Vec<Epoch>, EpochsError> {
    // No limit: a row stands for a million leaves.
    let rows = epochs::table
        .order(epochs::number)
        .select((epochs::number, epochs::size, epochs::opened_at, epochs::closed_at))
        .load::<EpochRow>(conn)?;
    rows.into_iter().map(read_epoch).collect()
}

pub(super) fn insert_epoch(conn: &mut Conn, epoch: &Epoch) -> Result<(), EpochsError> {
    let row = (
        epochs::number.eq(stored(epoch.number)?),
        epochs::size.eq(stored(epoch.size)?),
        epochs::opened_at.eq(epoch.opened_at.as_micros()),
    );
    diesel::insert_into(epochs::table).values(row).execute(conn)?;
    Ok(())
}

/// Moves the size of `epoch`, and closes it at `closed_at`.
pub(super) fn grow(
    conn: &mut Conn,
    epoch: &Epoch,
    size: u32,
    closed_at: Option<Timestamp>,
) -> Result<(), EpochsError> {
    let as_read = epochs::table
        .filter(epochs::number.eq(stored(epoch.number)?))
        .filter(epochs::size.eq(stored(epoch.size)?));
    let moved = diesel::update(as_read)
        .set((
            epochs::size.eq(stored(size)?),
            epochs::closed_at.eq(closed_at.map(Timestamp::as_micros)),
        ))
        .execute(conn)?;
    if moved == 1 {
        return Ok(());
    }
    Err(damaged(epoch.number, "its size moved while leaves were appended"))
}

pub(super) fn node(conn: &mut Conn, epoch: u32, at: NodeAt) -> Result<Option<Root>, EpochsError> {
    let row = tree_nodes::table
        .find((stored(epoch)?, i32::from(at.level), stored(at.index)?))
        .select(tree_nodes::node)
        .first::<Vec<u8>>(conn)
        .optional()?;
    row.map(|bytes| read_root(epoch, &bytes)).transpose()
}

pub(super) fn insert_node(
    conn: &mut Conn,
    epoch: u32,
    at: NodeAt,
    node: Root,
) -> Result<(), EpochsError> {
    let row = (
        tree_nodes::epoch.eq(stored(epoch)?),
        tree_nodes::level.eq(i32::from(at.level)),
        tree_nodes::position.eq(stored(at.index)?),
        tree_nodes::node.eq(node.to_bytes().to_vec()),
    );
    diesel::insert_into(tree_nodes::table).values(row).execute(conn)?;
    Ok(())
}

/// Leaves with their positions.
pub(super) fn leaves(
    conn: &mut Conn,
    epoch: u32,
    first: u32,
    limit: u32,
) -> Result<Vec<(u32, Leaf)>, EpochsError> {
    let rows = tree_nodes::table
        .filter(tree_nodes::epoch.eq(stored(epoch)?))
        .filter(tree_nodes::level.eq(0))
        .filter(tree_nodes::position.ge(stored(first)?))
        .order(tree_nodes::position)
        .limit(i64::from(limit))
        .select((tree_nodes::position, tree_nodes::node))
        .load::<(i32, Vec<u8>)>(conn)?;
    let read = |(position, bytes): (i32, Vec<u8>)| {
        let leaf = Leaf::from_bytes(&bytes).map_err(|error| damaged(epoch, &error.to_string()))?;
        Ok((counted(epoch, position)?, leaf))
    };
    rows.into_iter().map(read).collect()
}

pub(super) fn insert_root(conn: &mut Conn, root: &PublishedRoot) -> Result<(), EpochsError> {
    let row = (
        roots::epoch.eq(stored(root.epoch)?),
        roots::size.eq(stored(root.size)?),
        roots::root.eq(root.root.to_bytes().to_vec()),
        roots::published_at.eq(root.published_at.as_micros()),
    );
    diesel::insert_into(roots::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn root_at(conn: &mut Conn, epoch: u32, size: u32) -> Result<Option<Root>, EpochsError> {
    let Ok(stored_size) = i32::try_from(size) else { return Ok(None) };
    let row = roots::table
        .find((stored(epoch)?, stored_size))
        .select(roots::root)
        .first::<Vec<u8>>(conn)
        .optional()?;
    row.map(|bytes| read_root(epoch, &bytes)).transpose()
}

/// Roots of trees smaller than `before`, newest first.
pub(super) fn roots(
    conn: &mut Conn,
    epoch: u32,
    before: u32,
    limit: u32,
) -> Result<Vec<PublishedRoot>, EpochsError> {
    let rows = roots::table
        .filter(roots::epoch.eq(stored(epoch)?))
        .filter(roots::size.lt(i32::try_from(before).unwrap_or(i32::MAX)))
        .order(roots::size.desc())
        .limit(i64::from(limit))
        .select((roots::size, roots::root, roots::published_at))
        .load::<(i32, Vec<u8>, i64)>(conn)?;
    let read = |(size, bytes, published_at): (i32, Vec<u8>, i64)| {
        Ok(PublishedRoot {
            epoch,
            size: counted(epoch, size)?,
            root: read_root(epoch, &bytes)?,
            published_at: Timestamp::from_micros(published_at),
        })
    };
    rows.into_iter().map(read).collect()
}

pub(super) fn is_root(conn: &mut Conn, root: Root) -> Result<bool, EpochsError> {
    let count: i64 =
        roots::table.filter(roots::root.eq(root.to_bytes().to_vec())).count().get_result(conn)?;
    Ok(count > 0)
}

/// How many of `vehicles` have leaves of these days.
pub(super) fn committed(
    conn: &mut Conn,
    vehicles: &[VehicleId],
    days: &RangeInclusive<u16>,
) -> Result<i64, EpochsError> {
    let vehicles = vehicles.iter().map(VehicleId::to_vec).collect::<Vec<_>>();
    let (first, last) = (i32::from(*days.start()), i32::from(*days.end()));
    let count = batch_leaves::table
        .filter(batch_leaves::vehicle_id.eq_any(vehicles))
        .filter(batch_leaves::day.between(first, last))
        .select(count(batch_leaves::vehicle_id).aggregate_distinct())
        .first(conn)?;
    Ok(count)
}

/// Forgets which leaves are of `vehicle`.
pub(super) fn forget(conn: &mut Conn, vehicle: VehicleId) -> Result<(), EpochsError> {
    let known = batch_leaves::table.filter(batch_leaves::vehicle_id.eq(vehicle.to_vec()));
    diesel::delete(known).execute(conn)?;
    Ok(())
}

pub(super) fn insert_batch_leaves(
    conn: &mut Conn,
    (vehicle, seq): (VehicleId, u64),
    at: LeavesAt,
    count: usize,
) -> Result<(), EpochsError> {
    let row = (
        batch_leaves::vehicle_id.eq(vehicle.to_vec()),
        batch_leaves::seq.eq(i64::try_from(seq).or(Err(EpochsError::Full))?),
        batch_leaves::epoch.eq(stored(at.epoch)?),
        batch_leaves::position.eq(stored(at.position)?),
        batch_leaves::day.eq(i32::from(at.day)),
        batch_leaves::leaf_count.eq(i32::try_from(count).or(Err(EpochsError::Full))?),
    );
    diesel::insert_into(batch_leaves::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn batch_leaves(
    conn: &mut Conn,
    vehicle: VehicleId,
    seq: u64,
) -> Result<Option<LeavesAt>, EpochsError> {
    let Ok(seq) = i64::try_from(seq) else { return Ok(None) };
    let row = batch_leaves::table
        .find((vehicle.to_vec(), seq))
        .select((batch_leaves::epoch, batch_leaves::position, batch_leaves::day))
        .first::<(i32, i32, i32)>(conn)
        .optional()?;
    let read = |(epoch, position, day): (i32, i32, i32)| {
        let epoch = counted(0, epoch)?;
        let day = u16::try_from(day).or(Err(damaged(epoch, "a day is out of range")))?;
        Ok(LeavesAt { epoch, position: counted(epoch, position)?, day })
    };
    row.map(read).transpose()
}

fn read_epoch((number, size, opened_at, closed_at): EpochRow) -> Result<Epoch, EpochsError> {
    let number = counted(0, number)?;
    Ok(Epoch {
        number,
        size: counted(number, size)?,
        opened_at: Timestamp::from_micros(opened_at),
        closed_at: closed_at.map(Timestamp::from_micros),
    })
}

fn read_root(epoch: u32, bytes: &[u8]) -> Result<Root, EpochsError> {
    Root::from_bytes(bytes).map_err(|error| damaged(epoch, &error.to_string()))
}

fn counted(epoch: u32, number: i32) -> Result<u32, EpochsError> {
    u32::try_from(number).or(Err(damaged(epoch, "a count is negative")))
}

fn stored(number: u32) -> Result<i32, EpochsError> {
    i32::try_from(number).or(Err(EpochsError::Full))
}

fn damaged(epoch: u32, what: &str) -> EpochsError {
    EpochsError::Damaged { epoch, what: what.to_owned() }
}
