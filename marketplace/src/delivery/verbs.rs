//! Versions and reads, as buyers and owners see them.

use std::collections::{BTreeMap, BTreeSet};

use telematics::ids::{Id, Kind};
use telematics::{BuyerId, Timestamp, VehicleId};

use super::{DeliveryError, queries};
use crate::consent::Purpose;
use crate::db::Conn;
use crate::identity::{Buyer, Owner};
use crate::ledger::Amount;
use crate::trade::{self, OrderId, Payout};

/// A read.
pub enum ReadMark {}
impl Kind for ReadMark {
    const PREFIX: &'static str = "read";
}
/// Names a read.
pub type ReadId = Id<ReadMark>;

/// A file that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// For which order.
    pub order: OrderId,
    /// Counts the versions of an order, from 1.
    pub number: u32,
    /// Its name in the folder of deliveries.
    pub file: String,
    /// SHA-256 of all its bytes.
    pub sha256: [u8; 32],
    /// How many.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// When it could be read first.
    pub delivered_at: Timestamp,
}

/// That somebody read a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Which order's.
    pub order: OrderId,
    /// Which version.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// Bytes asked for.
    pub bytes: u64,
    /// Who read.
    pub buyer: BuyerId,
    /// What for; not said in orders of before.
    pub purpose: Option<Purpose>,
    /// The owner's vehicles in it.
    pub vehicles: Vec<VehicleId>,
    /// Their rows.
    pub rows: u64,
    /// What the order earned them; reading again earns nothing more.
    pub earned: Amount,
}

/// A version of an order of this buyer.
///
/// # Errors
/// Another's order is refused like one that does not exist, and so is a version.
pub fn version(
    conn: &mut Conn,
    buyer: &Buyer,
    order: OrderId,
    number: u32,
) -> Result<Version, DeliveryError> {
    let order = trade::order(conn, buyer, order)?;
    let versions = queries::versions(conn, order.id)?;
    let found = versions.into_iter().find(|version| version.number == number);
    found.ok_or(DeliveryError::NoVersion { order: order.id, number })
}

/// Every version that was delivered to this buyer, or those of these orders of his.
///
/// # Errors
/// Another's order is refused like one that does not exist.
pub fn bought(
    conn: &mut Conn,
    buyer: &Buyer,
    orders: Option<&[OrderId]>,
) -> Result<Vec<Version>, DeliveryError> {
    let orders = match orders {
        Some(orders) => {
            let each = orders.iter().collect::<BTreeSet<_>>().into_iter();
            each.map(|id| trade::order(conn, buyer, *id)).collect::<Result<Vec<_>, _>>()?
        }
        None => trade::orders(conn, buyer)?,
    };
    let mut versions = Vec::new();
    for order in orders {
        versions.extend(queries::versions(conn, order.id)?);
    }
    Ok(versions)
}

/// Notes that a version is read, for its owners to see.
///
/// # Errors
/// When it can not be stored; then nothing may be read.
pub fn record_read(
    conn: &mut Conn,
    id: ReadId,
    version: &Version,
    bytes: u64,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    queries::insert_read(conn, id, version, bytes, now)
}

/// Who read data of this owner's vehicles, newest first.
///
/// # Errors
/// When it can not be read.
pub fn reads_of(conn: &mut Conn, owner: &Owner) -> Result<Vec<Read>, DeliveryError> {
    let mut orders: BTreeMap<OrderId, Vec<Payout>> = BTreeMap::new();
    for payout in trade::payouts_of(conn, owner)? {
        orders.entry(payout.order).or_default().push(payout);
    }
    let mut reads = Vec::new();
    for (order, payouts) in orders {
        let (order, quote) = trade::quote_of_order(conn, order)?;
        let earned = Amount::sum(payouts.iter().map(|payout| payout.amount)).unwrap_or_default();
        let rows = payouts.iter().map(|payout| payout.rows).fold(0, u64::saturating_add);
        let vehicles = payouts.iter().map(|payout| payout.vehicle).collect::<Vec<_>>();
        for (number, at, bytes) in queries::reads(conn, order.id)? {
            reads.push(Read {
                order: order.id,
                number,
                at,
                bytes,
                buyer: order.buyer,
                purpose: quote.purpose,
                vehicles: vehicles.clone(),
                rows,
                earned,
            });
        }
    }
    reads.sort_by_key(|read| std::cmp::Reverse(read.at));
    Ok(reads)
}
