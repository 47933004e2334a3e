//! The only statements that name the tables of live streams.

use std::collections::BTreeMap;

use diesel::prelude::*;
use telematics::ids::{Id, Kind};
use telematics::{BuyerId, OwnerId, Signal, Timestamp, VehicleId};

use super::{Earned, LiveError, LiveStream, LiveStreamId, Rows};
use crate::consent::Purpose;
use crate::db::Conn;
use crate::ledger::Amount;
use crate::schema::{live_rows, live_streams};
use crate::trade::PriceInputs;

/// Streams that one answer lists, and that are looked at together.
const STREAMS_MAX: i64 = 100;

#[derive(Queryable, Selectable)]
#[diesel(table_name = live_streams)]
struct StreamRow {
    id: Vec<u8>,
    buyer_id: Vec<u8>,
    dataset_id: Vec<u8>,
    signals: String,
    purpose: String,
    cap: i64,
    pending_id: Vec<u8>,
    price_inputs: String,
    fee_basis_points: i32,
    opened_at: i64,
    ends_at: i64,
    opened_arrival: i64,
    metered_arrival: i64,
    price: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = live_rows)]
struct RowsRow {
    vehicle_id: Vec<u8>,
    owner_id: Vec<u8>,
    row_count: i64,
    last_at: i64,
    amount: Option<i64>,
}

/// What was sent of one vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) owner: OwnerId,
    pub(super) rows: u64,
    /// What they earned; none until the stream is settled.
    pub(super) amount: Option<Amount>,
}

pub(super) fn insert(conn: &mut Conn, stream: &LiveStream) -> Result<(), LiveError> {
    let signals = stream.signals.iter().map(|signal| signal.path()).collect::<Vec<_>>();
    let row = (
        live_streams::id.eq(stream.id.to_vec()),
        live_streams::buyer_id.eq(stream.buyer.to_vec()),
        live_streams::dataset_id.eq(stream.dataset.to_vec()),
        live_streams::signals.eq(signals.join("\n")),
        live_streams::purpose.eq(stream.purpose.as_str()),
        live_streams::cap.eq(stream.cap.micros()),
        live_streams::pending_id.eq(stream.pending.to_vec()),
        live_streams::price_inputs.eq(inputs(stream)),
        live_streams::fee_basis_points.eq(i32::try_from(stream.fee_basis_points).unwrap_or(0)),
        live_streams::opened_at.eq(stream.opened_at.as_micros()),
        live_streams::ends_at.eq(stream.ends_at.as_micros()),
        live_streams::opened_arrival.eq(stream.opened_arrival),
        live_streams::metered_arrival.eq(stream.metered_arrival),
    );
    diesel::insert_into(live_streams::table).values(row).execute(conn)?;
    Ok(())
}

/// Keeps how far `stream` is metered.
pub(super) fn meter(conn: &mut Conn, stream: &LiveStream) -> Result<(), LiveError> {
    diesel::update(live_streams::table.find(stream.id.to_vec()))
        .set((
            live_streams::price_inputs.eq(inputs(stream)),
            live_streams::metered_arrival.eq(stream.metered_arrival),
        ))
        .execute(conn)?;
    Ok(())
}

/// Keeps that `stream` is settled, for how much.
pub(super) fn end(conn: &mut Conn, stream: &LiveStream, price: Amount) -> Result<(), LiveError> {
    diesel::update(live_streams::table.find(stream.id.to_vec()))
        .set((
            live_streams::ends_at.eq(stream.ends_at.as_micros()),
            live_streams::price.eq(price.micros()),
        ))
        .execute(conn)?;
    Ok(())
}

pub(super) fn stream(conn: &mut Conn, id: LiveStreamId) -> Result<Option<LiveStream>, LiveError> {
    let row = live_streams::table
        .find(id.to_vec())
        .select(StreamRow::as_select())
        .first(conn)
        .optional()?;
    row.map(LiveStream::try_from).transpose()
}

/// Streams of `buyer`, newest first.
pub(super) fn streams_of(conn: &mut Conn, buyer: BuyerId) -> Result<Vec<LiveStream>, LiveError> {
    let rows = live_streams::table
        .filter(live_streams::buyer_id.eq(buyer.to_vec()))
        .order(live_streams::id.desc())
        .limit(STREAMS_MAX)
        .select(StreamRow::as_select())
        .load(conn)?;
    rows.into_iter().map(LiveStream::try_from).collect()
}

/// Streams after `after`, oldest first.
pub(super) fn after(
    conn: &mut Conn,
    after: Option<LiveStreamId>,
) -> Result<Vec<LiveStream>, LiveError> {
    let rows = live_streams::table
        .filter(live_streams::id.gt(after.map(|id| id.to_vec()).unwrap_or_default()))
        .order(live_streams::id)
        .limit(STREAMS_MAX)
        .select(StreamRow::as_select())
        .load(conn)?;
    rows.into_iter().map(LiveStream::try_from).collect()
}

/// Streams that are over at `now` and not settled.
pub(super) fn overdue(conn: &mut Conn, now: Timestamp) -> Result<Vec<LiveStreamId>, LiveError> {
    let ids: Vec<Vec<u8>> = live_streams::table
        .filter(live_streams::price.is_null())
        .filter(live_streams::ends_at.le(now.as_micros()))
        .order(live_streams::id)
        .limit(STREAMS_MAX)
        .select(live_streams::id)
        .load(conn)?;
    ids.iter().map(|id| read_id("live_streams", id)).collect()
}

/// Adds `new` rows to what was sent of a vehicle.
pub(super) fn add_rows(
    conn: &mut Conn,
    stream: LiveStreamId,
    new: &Rows,
    now: Timestamp,
) -> Result<(), LiveError> {
    let count = i64::try_from(new.rows).unwrap_or(i64::MAX);
    let known = live_rows::table.find((stream.to_vec(), new.vehicle.to_vec()));
    let updated = diesel::update(known)
        .set((
            live_rows::row_count.eq(live_rows::row_count + count),
            live_rows::last_at.eq(now.as_micros()),
        ))
        .execute(conn)?;
    if updated > 0 {
        return Ok(());
    }
    let row = (
        live_rows::stream_id.eq(stream.to_vec()),
        live_rows::vehicle_id.eq(new.vehicle.to_vec()),
        live_rows::owner_id.eq(new.owner.to_vec()),
        live_rows::row_count.eq(count),
        live_rows::last_at.eq(now.as_micros()),
    );
    diesel::insert_into(live_rows::table).values(row).execute(conn)?;
    Ok(())
}

/// Keeps what the rows of a vehicle earned.
pub(super) fn pay(
    conn: &mut Conn,
    stream: LiveStreamId,
    vehicle: VehicleId,
    amount: Amount,
) -> Result<(), LiveError> {
    diesel::update(live_rows::table.find((stream.to_vec(), vehicle.to_vec())))
        .set(live_rows::amount.eq(amount.micros()))
        .execute(conn)?;
    Ok(())
}

/// What was sent of each vehicle.
pub(super) fn sent(
    conn: &mut Conn,
    stream: LiveStreamId,
) -> Result<BTreeMap<VehicleId, Sent>, LiveError> {
    let rows = live_rows::table
        .filter(live_rows::stream_id.eq(stream.to_vec()))
        .select(RowsRow::as_select())
        .load(conn)?;
    let read = |row: RowsRow| Ok((read_id("live_rows", &row.vehicle_id)?, Sent::try_from(row)?));
    rows.into_iter().map(read).collect()
}

/// What was sent of the vehicles of `owner`, by stream, newest first.
pub(super) fn earned_of(conn: &mut Conn, owner: OwnerId) -> Result<Vec<Earned>, LiveError> {
    let rows: Vec<(StreamRow, RowsRow)> = live_rows::table
        .inner_join(live_streams::table)
        .filter(live_rows::owner_id.eq(owner.to_vec()))
        .order((live_rows::stream_id.desc(), live_rows::vehicle_id))
        .limit(STREAMS_MAX)
        .select((StreamRow::as_select(), RowsRow::as_select()))
        .load(conn)?;
    let mut earned = Vec::<Earned>::new();
    for (stream, row) in rows {
        let stream = LiveStream::try_from(stream)?;
        let vehicle = read_id("live_rows", &row.vehicle_id)?;
        let last_at = Timestamp::from_micros(row.last_at);
        let Sent { rows, amount, .. } = Sent::try_from(row)?;
        match earned.last_mut().filter(|last| last.stream.id == stream.id) {
            Some(last) => {
                last.vehicles.push(vehicle);
                last.rows = last.rows.saturating_add(rows);
                last.last_at = last.last_at.max(last_at);
                last.amount = last.amount.zip(amount).and_then(|(sum, one)| sum.checked_add(one));
            }
            None => {
                earned.push(Earned { stream, vehicles: vec![vehicle], rows, last_at, amount });
            }
        }
    }
    Ok(earned)
}

/// What was streamed of a vehicle and is paid.
pub(super) fn earned_by(conn: &mut Conn, vehicle: VehicleId) -> Result<Amount, LiveError> {
    let amounts: Vec<Option<i64>> = live_rows::table
        .filter(live_rows::vehicle_id.eq(vehicle.to_vec()))
        .filter(live_rows::amount.is_not_null())
        .select(live_rows::amount)
        .load(conn)?;
    let amounts = amounts.into_iter().flatten().map(Amount::from_micros);
    Amount::sum(amounts).ok_or(damaged("live_rows"))
}

fn inputs(stream: &LiveStream) -> String {
    // Numbers always have a form in JSON.
    serde_json::to_string(&stream.price_inputs).unwrap_or_default()
}

impl TryFrom<StreamRow> for LiveStream {
    type Error = LiveError;

    fn try_from(row: StreamRow) -> Result<Self, LiveError> {
        let broken = || damaged("live_streams");
        let signals = row.signals.lines().map(Signal::by_path).collect::<Result<_, _>>();
        Ok(Self {
            id: read_id("live_streams", &row.id)?,
            buyer: read_id("live_streams", &row.buyer_id)?,
            dataset: read_id("live_streams", &row.dataset_id)?,
            signals: signals.or(Err(broken()))?,
            purpose: Purpose::parse(&row.purpose).or(Err(broken()))?,
            cap: Amount::from_micros(row.cap),
            pending: read_id("live_streams", &row.pending_id)?,
            price_inputs: serde_json::from_str::<PriceInputs>(&row.price_inputs)
                .or(Err(broken()))?,
            fee_basis_points: u32::try_from(row.fee_basis_points).or(Err(broken()))?,
            opened_at: Timestamp::from_micros(row.opened_at),
            ends_at: Timestamp::from_micros(row.ends_at),
            opened_arrival: row.opened_arrival,
            metered_arrival: row.metered_arrival,
            price: row.price.map(Amount::from_micros),
        })
    }
}

impl TryFrom<RowsRow> for Sent {
    type Error = LiveError;

    fn try_from(row: RowsRow) -> Result<Self, LiveError> {
        Ok(Self {
            owner: read_id("live_rows", &row.owner_id)?,
            rows: u64::try_from(row.row_count).or(Err(damaged("live_rows")))?,
            amount: row.amount.map(Amount::from_micros),
        })
    }
}

fn read_id<K: Kind>(table: &'static str, bytes: &[u8]) -> Result<Id<K>, LiveError> {
    Id::from_bytes(bytes).or(Err(damaged(table)))
}

const fn damaged(table: &'static str) -> LiveError {
    LiveError::Damaged { table }
}
