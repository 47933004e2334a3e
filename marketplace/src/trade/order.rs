//! Orders: paid quotes.

use telematics::ids::{Id, Kind};
use telematics::{BuyerId, OwnerId, Timestamp, VehicleId};

use super::QuoteId;
use crate::ledger::{Account, Amount, Posting};

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
    /// What of it the market keeps, in hundredths of a percent; not agreed for orders of before.
    pub fee_basis_points: Option<u32>,
    /// When it was paid.
    pub placed_at: Timestamp,
    /// Until when the rows must be delivered.
    pub deliver_by: Timestamp,
    /// When it was delivered or refunded.
    pub settled_at: Option<Timestamp>,
    /// Hash of the licence that it gives; none for orders of before.
    pub licence_sha256: Option<[u8; 32]>,
}

impl Order {
    /// Where its price is held.
    #[must_use]
    pub fn escrow(&self) -> Account {
        Account::Escrow(*self.id.as_bytes())
    }

    /// The key of the entry that moves its price to escrow.
    pub(super) fn purchase_key(&self) -> String {
        format!("purchase/{}", self.id)
    }

    /// The key of the entry that shares its price.
    pub(super) fn settlement_key(&self) -> String {
        format!("settlement/{}", self.id)
    }

    /// The key of the entry that gives its price back.
    pub(super) fn refund_key(&self) -> String {
        format!("refund/{}", self.id)
    }

    /// What moves when it is placed.
    pub(super) fn purchase(&self) -> [Posting; 2] {
        let [to_buyer, from_escrow] = self.refund();
        let reverse = |line: Posting| Posting {
            amount: line.amount.checked_neg().unwrap_or_default(),
            ..line
        };
        [reverse(to_buyer), reverse(from_escrow)]
    }

    /// What moves when it is not delivered.
    pub(super) fn refund(&self) -> [Posting; 2] {
        [
            Posting { account: Account::Buyer(self.buyer), amount: self.price },
            Posting { account: self.escrow(), amount: self.given() },
        ]
    }

    /// What moves when it is delivered and these are paid.
    pub(super) fn settlement(&self, payouts: &[Payout]) -> Vec<Posting> {
        let mut postings = vec![
            Posting { account: self.escrow(), amount: self.given() },
            Posting { account: Account::Fees, amount: self.fee },
            Posting { account: Account::Buyer(self.buyer), amount: self.refunded },
        ];
        let earned = |payout: &Payout| Posting {
            account: Account::Owner(payout.owner),
            amount: payout.amount,
        };
        postings.extend(payouts.iter().map(earned));
        postings
    }

    fn given(&self) -> Amount {
        self.price.checked_neg().unwrap_or_default()
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
