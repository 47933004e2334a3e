//! What was charged was delivered, and nothing else was.

use std::path::Path;

use super::{DeliveryError, Version, queries};
use crate::db::Conn;
use crate::ledger::Check;
use crate::trade::{self, Order, OrderStatus};

/// Looks for the version of each delivered order, in the database and in `folder`.
///
/// # Errors
/// When orders or versions can not be read.
pub fn audit(conn: &mut Conn, folder: &Path) -> Result<Vec<Check>, DeliveryError> {
    let mut licences = Check::of(
        "an order has a version of the rows it paid for once it is delivered, and no version before",
    );
    let mut files = Check::of("the file of every version is there, with all of its bytes");
    trade::each_order(conn, |conn, order| {
        let versions = queries::versions(conn, order.id)?;
        let payouts = trade::payouts_for(conn, order.id)?;
        let paid = payouts.iter().map(|payout| payout.rows).fold(0, u64::saturating_add);
        look_at(&mut licences, &order, &versions, paid);
        for version in &versions {
            let path = folder.join(&version.file);
            let bytes = path.metadata().map(|found| found.len()).ok();
            files.look(bytes == Some(version.bytes), || {
                let wanted = version.bytes;
                format!("{} of {} should have {wanted} bytes", path.display(), order.id)
            });
        }
        Ok::<_, DeliveryError>(())
    })?;
    Ok(vec![licences, files])
}

fn look_at(check: &mut Check, order: &Order, versions: &[Version], paid: u64) {
    let is_right = match (order.status, versions) {
        (OrderStatus::Delivered, [version]) => version.rows == paid,
        (OrderStatus::Paid | OrderStatus::Refunded, []) => true,
        _ => false,
    };
    check.look(is_right, || {
        let (status, count) = (order.status.as_str(), versions.len());
        format!("{} is {status}, paid for {paid} rows, and has {count} versions", order.id)
    });
}
