//! Who gets what of the price of an order. Pure, so that anybody can compute it again.

use std::collections::BTreeMap;

use telematics::VehicleId;

use crate::ledger::Amount;
use crate::rewards::{Split, split};

/// Hundredths of a percent in a whole.
const BASIS_POINTS: u64 = 10_000;

/// What becomes of the rows of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Delivered,
    Withdrawn,
}

/// Who shares what was paid for delivered rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Payee {
    Owners,
    Market,
}

/// How a price is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// What the market keeps.
    pub fee: Amount,
    /// What the owners get together.
    pub paid_out: Amount,
    /// What the buyer gets back.
    pub refunded: Amount,
    /// What each vehicle earns.
    pub vehicles: Split<VehicleId>,
}

/// Shares `price`: rows that were `withdrawn` are refunded, the fee is taken from the rest, and what remains is split over the
/// delivered vehicles by their rows.
#[must_use]
pub fn shares(
    price: Amount,
    delivered: &BTreeMap<VehicleId, u64>,
    withdrawn: u64,
    fee_basis_points: u32,
) -> Shares {
    let delivered_rows = delivered.values().copied().fold(0, u64::saturating_add);
    let parts = split(
        price,
        &BTreeMap::from([(Part::Delivered, delivered_rows), (Part::Withdrawn, withdrawn)]),
    );
    let fee_share = u64::from(fee_basis_points).min(BASIS_POINTS);
    let earned = split(
        parts.share(&Part::Delivered),
        &BTreeMap::from([(Payee::Market, fee_share), (Payee::Owners, BASIS_POINTS - fee_share)]),
    );
    let paid_out = earned.share(&Payee::Owners);
    Shares {
        fee: earned.share(&Payee::Market),
        paid_out,
        refunded: parts.share(&Part::Withdrawn),
        vehicles: split(paid_out, delivered),
    }
}
