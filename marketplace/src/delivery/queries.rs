//! The only statements that name the tables of delivery.

use diesel::prelude::*;
use telematics::Timestamp;

use super::{DeliveryError, ReadId, Version};
use crate::db::Conn;
use crate::schema::{reads, versions};
use crate::trade::OrderId;

/// Reads of one order that are listed at most.
const READS_MAX: i64 = 1_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = versions)]
struct VersionRow {
    order_id: Vec<u8>,
    number: i32,
    file: String,
    sha256: Vec<u8>,
    byte_count: i64,
    row_count: i64,
    delivered_at: i64,
}

pub(super) fn insert_version(conn: &mut Conn, version: &Version) -> Result<(), DeliveryError> {
    diesel::insert_into(versions::table)
        .values((
            versions::order_id.eq(version.order.to_vec()),
            versions::number.eq(stored_number(version.number)?),
            versions::file.eq(&version.file),
            versions::sha256.eq(version.sha256.to_vec()),
            versions::byte_count.eq(stored(version.bytes)),
            versions::row_count.eq(stored(version.rows)),
            versions::delivered_at.eq(version.delivered_at.as_micros()),
        ))
        .execute(conn)?;
    Ok(())
}

/// The versions of an order, oldest first.
///
/// # Errors
/// When they can not be read.
pub fn versions(conn: &mut Conn, order: OrderId) -> Result<Vec<Version>, DeliveryError> {
    let rows: Vec<VersionRow> = versions::table
        .filter(versions::order_id.eq(order.to_vec()))
        .order(versions::number)
        .select(VersionRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Version::try_from).collect()
}

pub(super) fn insert_read(
    conn: &mut Conn,
    id: ReadId,
    version: &Version,
    bytes: u64,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    diesel::insert_into(reads::table)
        .values((
            reads::id.eq(id.to_vec()),
            reads::order_id.eq(version.order.to_vec()),
            reads::number.eq(stored_number(version.number)?),
            reads::read_at.eq(now.as_micros()),
            reads::byte_count.eq(stored(bytes)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Version, time and bytes of the newest reads of an order.
pub(super) fn reads(
    conn: &mut Conn,
    order: OrderId,
) -> Result<Vec<(u32, Timestamp, u64)>, DeliveryError> {
    let rows: Vec<(i32, i64, i64)> = reads::table
        .filter(reads::order_id.eq(order.to_vec()))
        .order(reads::read_at.desc())
        .limit(READS_MAX)
        .select((reads::number, reads::read_at, reads::byte_count))
        .load(conn)?;
    let damaged = || DeliveryError::Damaged { table: "reads" };
    let read = |(number, at, bytes): (i32, i64, i64)| {
        let number = u32::try_from(number).or(Err(damaged()))?;
        Ok((number, Timestamp::from_micros(at), u64::try_from(bytes).or(Err(damaged()))?))
    };
    rows.into_iter().map(read).collect()
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn stored_number(number: u32) -> Result<i32, DeliveryError> {
    i32::try_from(number).or(Err(DeliveryError::Damaged { table: "versions" }))
}

impl TryFrom<VersionRow> for Version {
    type Error = DeliveryError;

    fn try_from(row: VersionRow) -> Result<Self, DeliveryError> {
        let damaged = || DeliveryError::Damaged { table: "versions" };
        Ok(Self {
            order: OrderId::from_bytes(&row.order_id).or(Err(damaged()))?,
            number: u32::try_from(row.number).or(Err(damaged()))?,
            file: row.file,
            sha256: row.sha256.try_into().or(Err(damaged()))?,
            bytes: u64::try_from(row.byte_count).or(Err(damaged()))?,
            rows: u64::try_from(row.row_count).or(Err(damaged()))?,
            delivered_at: Timestamp::from_micros(row.delivered_at),
        })
    }
}
