//! The end of a stream: owners and market are paid from what was reserved, and the rest is free again.

use std::collections::BTreeMap;

use telematics::{Timestamp, VehicleId};

use super::queries::Sent;
use super::{LiveError, LiveStream, LiveStreamId, queries, verbs};
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::{self, Account, Amount, Entry, EntryKind, LedgerError, NotAnEntry, Posting};
use crate::trade::{self, Shares};

/// Closes a stream of `buyer` now, and settles it. Closing it again changes nothing.
///
/// # Errors
/// Another's stream is refused like one that does not exist.
pub fn close(
    conn: &mut Conn,
    buyer: &Buyer,
    id: LiveStreamId,
    now: Timestamp,
) -> Result<LiveStream, LiveError> {
    let stream = verbs::opened(conn, buyer, id)?;
    end(conn, stream, now)
}

/// Streams that are over and not settled, at most 100.
///
/// # Errors
/// When they can not be read.
pub fn overdue(conn: &mut Conn, now: Timestamp) -> Result<Vec<LiveStreamId>, LiveError> {
    queries::overdue(conn, now)
}

/// Settles a stream that is over.
///
/// # Errors
/// When the database fails.
pub fn settle(conn: &mut Conn, id: LiveStreamId, now: Timestamp) -> Result<LiveStream, LiveError> {
    let stream = queries::stream(conn, id)?.ok_or(LiveError::Unknown { stream: id })?;
    end(conn, stream, now)
}

fn end(conn: &mut Conn, mut stream: LiveStream, now: Timestamp) -> Result<LiveStream, LiveError> {
    if stream.price.is_some() {
        return Ok(stream);
    }
    stream.ends_at = stream.ends_at.min(now);
    let price = stream.cost().unwrap_or_default();
    if price.is_positive() {
        let sent = queries::sent(conn, stream.id)?;
        let shares = shares(&stream, price, &sent);
        let entry = entry(&stream, &shares, &sent).map_err(LedgerError::from)?;
        ledger::post_pending(conn, stream.pending, &entry, now)?;
        for vehicle in sent.keys() {
            queries::pay(conn, stream.id, *vehicle, shares.vehicles.share(vehicle))?;
        }
    } else {
        ledger::void_pending(conn, stream.pending, now)?;
    }
    stream.price = Some(price);
    queries::end(conn, &stream, price)?;
    Ok(stream)
}

/// Who gets what of the price of a stream.
pub(super) fn shares(
    stream: &LiveStream,
    price: Amount,
    sent: &BTreeMap<VehicleId, Sent>,
) -> Shares {
    let rows = sent.iter().map(|(vehicle, sent)| (*vehicle, sent.rows)).collect();
    trade::shares(price, &rows, 0, stream.fee_basis_points)
}

/// What moves when a stream is settled.
pub(super) fn entry(
    stream: &LiveStream,
    shares: &Shares,
    sent: &BTreeMap<VehicleId, Sent>,
) -> Result<Entry, NotAnEntry> {
    let price = shares.fee.checked_add(shares.paid_out);
    let given = price.and_then(Amount::checked_neg).unwrap_or_default();
    let mut postings = vec![
        Posting { account: stream.payer(), amount: given },
        Posting { account: Account::Fees, amount: shares.fee },
    ];
    postings.extend(sent.iter().map(|(vehicle, sent)| Posting {
        account: Account::Owner(sent.owner),
        amount: shares.vehicles.share(vehicle),
    }));
    Entry::new(EntryKind::Metered, &stream.settlement_key(), postings)
}
