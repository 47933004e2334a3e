//! Orders: paid quotes.

use telematics::ids::{Id, Kind};
use telematics::{BuyerId, OwnerId, Timestamp, VehicleId};

use super::QuoteId;
use crate::ledger::{Account, Amount};

/// An order.
pub enum OrderMark {}
impl Kind for OrderMark {
    const PREFIX: &'static str = "order";
}
/// Names an order.
pub type OrderId = Id<OrderMark>;

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// The price is in escrow; the rows are being made ready.
    Paid,
    /// The rows can be read, and the owners have their share.
    Delivered,
    /// The buyer has his tokens back.
    Refunded,
}

impl OrderStatus {
    /// Every status.
    const ALL: [Self; 3] = [Self::Paid, Self::Delivered, Self::Refunded];

    /// The word for it in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Delivered => "delivered",
            Self::Refunded => "refunded",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A quote that was bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which.
    pub id: OrderId,
    /// What was bought.
    pub quote: QuoteId,
    /// By whom.
    pub buyer: BuyerId,
    /// The key under which he asked for it.
    pub idempotency_key: String,
    /// How far it is.
    pub status: OrderStatus,
    /// What the buyer paid.
    pub price: Amount,
    /// What the market kept.
    pub fee: Amount,
    /// What the owners got.
    pub paid_out: Amount,
    /// What the buyer got back.
    pub refunded: Amount,
    /// When it was paid.
    pub placed_at: Timestamp,
    /// Until when the rows must be delivered.
    pub deliver_by: Timestamp,
    /// When it was delivered or refunded.
    pub settled_at: Option<Timestamp>,
}

impl Order {
    /// Where its price is held.
    #[must_use]
    pub fn escrow(&self) -> Account {
        Account::Escrow(*self.id.as_bytes())
    }
}

/// What one vehicle earned with one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payout {
    /// The order.
    pub order: OrderId,
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Whose account was credited.
    pub owner: OwnerId,
    /// Rows of the vehicle in the delivery.
    pub rows: u64,
    /// What they earned.
    pub amount: Amount,
}
