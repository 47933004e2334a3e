//! Computing again what every live stream cost and paid.

use super::settle::{entry, shares};
use super::{LiveError, LiveStream, queries};
use crate::db::Conn;
use crate::ledger::{self, Amount, Check, EntryKind};

/// Replays live streams, and compares with the ledger.
///
/// # Errors
/// When they can not be read.
pub fn audit(conn: &mut Conn) -> Result<Check, LiveError> {
    let mut check =
        Check::of("a live stream cost what its rows make, and paid the vehicles they are of");
    let (mut after, mut paid) = (None, 0_u64);
    loop {
        let page = queries::after(conn, after)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for stream in page {
            paid += u64::from(stream.price.is_some_and(Amount::is_positive));
            let is_right = replay(conn, &stream)?;
            check.look(is_right, || {
                let (rows, price) = (stream.price_inputs.rows, stream.price.unwrap_or_default());
                format!("{} of {rows} rows has cost {price}", stream.id)
            });
        }
    }
    let posted = ledger::count(conn, EntryKind::Metered)?;
    check.look(posted == paid, || {
        format!("{posted} entries pay for live streams, of {paid} that were paid")
    });
    Ok(check)
}

fn replay(conn: &mut Conn, stream: &LiveStream) -> Result<bool, LiveError> {
    let sent = queries::sent(conn, stream.id)?;
    let rows = sent.values().fold(0, |sum: u64, sent| sum.saturating_add(sent.rows));
    let cost = stream.cost().filter(|cost| *cost <= stream.cap);
    if rows != stream.price_inputs.rows || cost.is_none() {
        return Ok(false);
    }
    let Some(price) = stream.price else {
        return Ok(sent.values().all(|sent| sent.amount.is_none()));
    };
    if !price.is_positive() {
        return Ok(cost == Some(price));
    }
    let shares = shares(stream, price, &sent);
    let is_shared =
        sent.iter().all(|(vehicle, sent)| sent.amount == Some(shares.vehicles.share(vehicle)));
    let is_posted = match entry(stream, &shares, &sent) {
        Ok(entry) => {
            let key = stream.settlement_key();
            ledger::is_posted(conn, &key, EntryKind::Metered, entry.postings())?
        }
        Err(_) => false,
    };
    Ok(cost == Some(price) && is_shared && is_posted)
}
