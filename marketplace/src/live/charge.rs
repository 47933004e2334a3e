//! Metering rows before they are sent.

use std::collections::BTreeMap;

use telematics::{OwnerId, Timestamp, VehicleId};

use super::{LiveError, LiveStream, LiveStreamId, queries};
use crate::db::Conn;

/// Rows of one batch that are about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The place of the batch in the order of all batches.
    pub arrival: i64,
    /// Whose.
    pub vehicle: VehicleId,
    /// Whose that is.
    pub owner: OwnerId,
    /// How many.
    pub rows: u64,
}

/// Meters `rows`, which are all that the stream has until `arrival`, and returns the stream as it is then. What was metered before costs
/// nothing again.
///
/// # Errors
/// Refuses when the stream is over, and when the rows would cost more than its cap: then none of them is metered.
pub fn charge(
    conn: &mut Conn,
    id: LiveStreamId,
    rows: &[Rows],
    arrival: i64,
    now: Timestamp,
) -> Result<LiveStream, LiveError> {
    let mut stream = queries::stream(conn, id)?.ok_or(LiveError::Unknown { stream: id })?;
    if stream.price.is_some() || now >= stream.ends_at {
        return Err(LiveError::Over { stream: id, ended_at: stream.ends_at });
    }
    let mut new = BTreeMap::<VehicleId, Rows>::new();
    for row in rows.iter().filter(|row| row.arrival > stream.metered_arrival) {
        let sum = new.entry(row.vehicle).or_insert(Rows { rows: 0, ..*row });
        sum.rows = sum.rows.saturating_add(row.rows);
    }
    let sum = new.values().fold(0, |sum: u64, rows| sum.saturating_add(rows.rows));
    if sum == 0 {
        return Ok(stream);
    }
    stream.price_inputs.rows = stream.price_inputs.rows.saturating_add(sum);
    if stream.cost().is_none_or(|cost| cost > stream.cap) {
        return Err(LiveError::CapReached { stream: id, cap: stream.cap });
    }
    stream.metered_arrival = stream.metered_arrival.max(arrival);
    for rows in new.values() {
        queries::add_rows(conn, id, rows, now)?;
    }
    queries::meter(conn, &stream)?;
    Ok(stream)
}
