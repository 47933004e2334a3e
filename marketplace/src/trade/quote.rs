//! Quotes: a price for rows that are frozen.

use std::collections::BTreeMap;

use telematics::ids::{Id, Kind};
use telematics::time::MICROS_PER_SECOND;
use telematics::{BuyerId, Signal, Timestamp, VehicleId};

use super::price::{DEMAND_DAYS, PRICE_RULE, PriceInputs};
use super::{TradeError, queries};
use crate::archive::Score;
use crate::catalog::{self, Dataset, DatasetId};
use crate::config::Rules;
use crate::consent::{self, Purpose};
use crate::db::Conn;
use crate::identity::{self, Buyer};
use crate::ledger::Amount;

/// A quote.
pub enum QuoteMark {}
impl Kind for QuoteMark {
    const PREFIX: &'static str = "quote";
}
/// Names a quote.
pub type QuoteId = Id<QuoteMark>;

/// What a buyer asks a price for, as it was measured in the lake.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Names the quote to be made.
    pub id: QuoteId,
    /// What is asked for.
    pub dataset: DatasetId,
    /// What for.
    pub purpose: Purpose,
    /// The version of the lake that was measured.
    pub lake_version: u64,
    /// Only rows of batches behind this one were measured; 0 for all.
    pub after_arrival: i64,
    /// Rows of each vehicle in the dataset at that version.
    pub rows: BTreeMap<VehicleId, u64>,
}

/// A price that holds for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Which.
    pub id: QuoteId,
    /// For whom.
    pub buyer: BuyerId,
    /// Of what.
    pub dataset: DatasetId,
    /// What for; not said in quotes of before.
    pub purpose: Option<Purpose>,
    /// The signals in it.
    pub signals: Vec<Signal>,
    /// The version of the lake whose rows these are.
    pub lake_version: u64,
    /// Only rows of batches behind this one; 0 for all.
    pub after_arrival: i64,
    /// Rows of each vehicle.
    pub vehicles: BTreeMap<VehicleId, u64>,
    /// All of them.
    pub rows: u64,
    /// What they cost.
    pub price: Amount,
    /// What that follows from; not kept for quotes of before there was a rule.
    pub price_inputs: Option<PriceInputs>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be bought.
    pub expires_at: Timestamp,
}

/// Quotes a price for all rows of a dataset whose vehicles share everything in it now for the purpose that is asked for.
///
/// # Errors
/// Refuses when fewer vehicles than the rules demand would be in it.
pub fn quote(
    conn: &mut Conn,
    buyer: &Buyer,
    ask: &Ask,
    rules: &Rules,
    now: Timestamp,
) -> Result<Quote, TradeError> {
    let dataset = catalog::seen_by(conn, Some(buyer.id), ask.dataset)?;
    let signals = dataset.signals();
    let with_rows: Vec<VehicleId> =
        ask.rows.iter().filter(|(_, rows)| **rows > 0).map(|(vehicle, _)| *vehicle).collect();
    let enrolled = identity::vehicles(conn, &with_rows)?;
    let meant = enrolled.into_iter().filter(|vehicle| dataset.admits(&vehicle.description));
    let meant: Vec<VehicleId> = meant.map(|vehicle| vehicle.id).collect();
    let sharing = consent::sharing(conn, &meant, &signals, Some(ask.purpose))?;
    enough(ask.dataset, sharing.len(), rules)?;

    let of = |vehicle: VehicleId| (vehicle, ask.rows.get(&vehicle).copied().unwrap_or(0));
    let vehicles: BTreeMap<VehicleId, u64> = sharing.into_iter().map(of).collect();
    let rows = vehicles.values().copied().fold(0, u64::saturating_add);
    let count = u64::try_from(vehicles.len()).unwrap_or(u64::MAX);
    let inputs = price_inputs(conn, &dataset, (rows, count), rules, now)?;
    let too_large = TradeError::TooLarge { dataset: ask.dataset, rows };
    let quote = Quote {
        id: ask.id,
        buyer: buyer.id,
        dataset: ask.dataset,
        purpose: Some(ask.purpose),
        signals,
        lake_version: ask.lake_version,
        after_arrival: ask.after_arrival,
        vehicles,
        rows,
        price: inputs.price().ok_or(too_large)?,
        price_inputs: Some(inputs),
        created_at: now,
        expires_at: now.plus_seconds(rules.quote_valid_seconds.into()),
    };
    queries::insert_quote(conn, &quote)?;
    Ok(quote)
}

/// What the price of all rows of `dataset` would follow from now, as it was last described.
///
/// # Errors
/// When orders can not be read.
pub fn price_now(
    conn: &mut Conn,
    dataset: &Dataset,
    rules: &Rules,
    now: Timestamp,
) -> Result<PriceInputs, TradeError> {
    price_inputs(conn, dataset, (dataset.rows, dataset.vehicles), rules, now)
}

fn price_inputs(
    conn: &mut Conn,
    dataset: &Dataset,
    (rows, vehicles): (u64, u64),
    rules: &Rules,
    now: Timestamp,
) -> Result<PriceInputs, TradeError> {
    let since = now.plus_seconds(-i64::from(DEMAND_DAYS) * 86_400);
    let age_micros = dataset.last_at.map_or(0, |last_at| now.micros_since(last_at));
    let score = dataset.quality.score.map_or(0, Score::per_mille);
    Ok(PriceInputs {
        rule: PRICE_RULE,
        rows,
        // A template costs more than nothing.
        base_micro_tokens: u64::try_from(dataset.price_per_row.micros()).unwrap_or(0),
        buyers: queries::buyers_since(conn, dataset.id, since)?,
        vehicles,
        vehicles_min: rules.vehicles_min.max(1).into(),
        age_seconds: u64::try_from(age_micros / MICROS_PER_SECOND).unwrap_or(0),
        score_per_mille: score.into(),
    })
}

/// A quote of this buyer.
///
/// # Errors
/// Another's quote is refused like one that does not exist.
pub fn quoted(conn: &mut Conn, buyer: &Buyer, quote: QuoteId) -> Result<Quote, TradeError> {
    let found = queries::find_quote(conn, quote)?;
    found.filter(|found| found.buyer == buyer.id).ok_or(TradeError::UnknownQuote { quote })
}

/// Refuses when fewer vehicles than the rules demand are in it.
pub(super) fn enough(dataset: DatasetId, vehicles: usize, rules: &Rules) -> Result<(), TradeError> {
    let vehicles = u64::try_from(vehicles).unwrap_or(u64::MAX);
    // Nothing at all can not be sold, whatever the rules say.
    if vehicles >= u64::from(rules.vehicles_min.max(1)) {
        return Ok(());
    }
    Err(TradeError::TooFewVehicles { dataset, vehicles, vehicles_min: rules.vehicles_min.max(1) })
}
