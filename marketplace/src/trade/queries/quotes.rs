//! Quotes in the database.

use std::collections::BTreeMap;

use diesel::prelude::*;
use telematics::{Signal, Timestamp, VehicleId};

use super::{read_count, read_id, stored};
use crate::consent::Purpose;
use crate::db::{Conn, ROWS_AT_ONCE, on_either};
use crate::ledger::Amount;
use crate::schema::{quote_vehicles, quotes};
use crate::trade::{PriceInputs, Quote, QuoteId, TradeError};

#[derive(Queryable, Selectable)]
#[diesel(table_name = quotes)]
struct QuoteRow {
    id: Vec<u8>,
    buyer_id: Vec<u8>,
    dataset_id: Vec<u8>,
    signals: String,
    lake_version: i64,
    row_count: i64,
    price: i64,
    created_at: i64,
    expires_at: i64,
    price_inputs: Option<String>,
    purpose: Option<String>,
    after_arrival: i64,
}

pub(in crate::trade) fn insert_quote(conn: &mut Conn, quote: &Quote) -> Result<(), TradeError> {
    let signals: Vec<&str> = quote.signals.iter().map(|signal| signal.path()).collect();
    diesel::insert_into(quotes::table)
        .values((
            quotes::id.eq(quote.id.to_vec()),
            quotes::buyer_id.eq(quote.buyer.to_vec()),
            quotes::dataset_id.eq(quote.dataset.to_vec()),
            quotes::signals.eq(signals.join("\n")),
            quotes::lake_version.eq(stored(quote.lake_version)),
            quotes::row_count.eq(stored(quote.rows)),
            quotes::price.eq(quote.price.micros()),
            quotes::created_at.eq(quote.created_at.as_micros()),
            quotes::expires_at.eq(quote.expires_at.as_micros()),
            quotes::price_inputs.eq(quote.price_inputs.map(PriceInputs::to_json)),
            quotes::purpose.eq(quote.purpose.map(Purpose::as_str)),
            quotes::after_arrival.eq(quote.after_arrival),
        ))
        .execute(conn)?;
    let line = |(vehicle, rows): (&VehicleId, &u64)| {
        (
            quote_vehicles::quote_id.eq(quote.id.to_vec()),
            quote_vehicles::vehicle_id.eq(vehicle.to_vec()),
            quote_vehicles::row_count.eq(stored(*rows)),
        )
    };
    let lines = quote.vehicles.iter().map(line).collect::<Vec<_>>();
    for lines in lines.chunks(ROWS_AT_ONCE) {
        on_either!(conn, diesel::insert_into(quote_vehicles::table).values(lines))?;
    }
    Ok(())
}

/// A quote, whoever asked for it.
pub(in crate::trade) fn find_quote(
    conn: &mut Conn,
    id: QuoteId,
) -> Result<Option<Quote>, TradeError> {
    let row: Option<QuoteRow> =
        quotes::table.find(id.to_vec()).select(QuoteRow::as_select()).first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    let lines: Vec<(Vec<u8>, i64)> = quote_vehicles::table
        .filter(quote_vehicles::quote_id.eq(id.to_vec()))
        .select((quote_vehicles::vehicle_id, quote_vehicles::row_count))
        .load(conn)?;
    let line = |(vehicle, rows): (Vec<u8>, i64)| {
        Ok((read_id("quote_vehicles", &vehicle)?, read_count("quote_vehicles", rows)?))
    };
    let vehicles =
        lines.into_iter().map(line).collect::<Result<BTreeMap<VehicleId, u64>, TradeError>>()?;
    row.quote(vehicles).map(Some)
}

impl QuoteRow {
    fn quote(self, vehicles: BTreeMap<VehicleId, u64>) -> Result<Quote, TradeError> {
        let table = "quotes";
        let signals = self.signals.lines().map(Signal::by_path).collect::<Result<Vec<_>, _>>();
        Ok(Quote {
            id: read_id(table, &self.id)?,
            buyer: read_id(table, &self.buyer_id)?,
            dataset: read_id(table, &self.dataset_id)?,
            signals: signals.or(Err(TradeError::Damaged { table }))?,
            lake_version: read_count(table, self.lake_version)?,
            after_arrival: self.after_arrival,
            vehicles,
            rows: read_count(table, self.row_count)?,
            price: Amount::from_micros(self.price),
            price_inputs: self
                .price_inputs
                .map(|text| PriceInputs::of_json(&text).ok_or(TradeError::Damaged { table }))
                .transpose()?,
            purpose: self
                .purpose
                .map(|word| Purpose::parse(&word).or(Err(TradeError::Damaged { table })))
                .transpose()?,
            created_at: Timestamp::from_micros(self.created_at),
            expires_at: Timestamp::from_micros(self.expires_at),
        })
    }
}

/// Ends every open quote that pins an earlier version of the lake, just before `now`.
pub(in crate::trade) fn expire_quotes(
    conn: &mut Conn,
    version: u64,
    now: Timestamp,
) -> Result<(), TradeError> {
    let open = quotes::table
        .filter(quotes::expires_at.ge(now.as_micros()))
        .filter(quotes::lake_version.lt(stored(version)));
    let ended = now.plus_micros(-1).as_micros();
    diesel::update(open).set(quotes::expires_at.eq(ended)).execute(conn)?;
    Ok(())
}
