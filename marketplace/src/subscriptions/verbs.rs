//! Subscribing, topping up and closing.

use std::ops::RangeInclusive;

use telematics::ids::{Id, Kind};
use telematics::{BuyerId, Timestamp};

use super::{SubscriptionsError, queries};
use crate::catalog::{self, DatasetId};
use crate::consent::Purpose;
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::{self, Account, Amount, Entry, EntryKind, LedgerError};
use crate::trade::OrderId;

/// A subscription.
pub enum SubscriptionMark {}
impl Kind for SubscriptionMark {
    const PREFIX: &'static str = "subscription";
}
/// Names a subscription.
pub type SubscriptionId = Id<SubscriptionMark>;

/// From a minute to a year.
pub(super) const PERIOD_SECONDS: RangeInclusive<u32> = 60..=31_536_000;

/// Why a period brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Nothing came in.
    Rows,
    /// Too few vehicles took part.
    Vehicles,
    /// The tokens did not reach.
    Tokens,
}

impl WaitsFor {
    const ALL: [Self; 3] = [Self::Rows, Self::Vehicles, Self::Tokens];

    /// The word for it in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Vehicles => "vehicles",
            Self::Tokens => "tokens",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|waits| waits.as_str() == word)
    }
}

/// What a buyer subscribes to.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Names the subscription to be made.
    pub id: SubscriptionId,
    /// The rows.
    pub dataset: DatasetId,
    /// What for.
    pub purpose: Purpose,
    /// How often.
    pub period_seconds: u32,
    /// What comes behind this batch of the lake.
    pub after_arrival: i64,
}

/// A subscription as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Which.
    pub id: SubscriptionId,
    /// Whose.
    pub buyer: BuyerId,
    /// The rows.
    pub dataset: DatasetId,
    /// What for.
    pub purpose: Purpose,
    /// How often.
    pub period_seconds: u32,
    /// The last batch whose rows were ordered, or came before it began.
    pub after_arrival: i64,
    /// When the period ends.
    pub next_at: Timestamp,
    /// Why the last one brought nothing, if it did not.
    pub waits_for: Option<WaitsFor>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub closed_at: Option<Timestamp>,
    /// What was left and went back; none while it is open.
    pub unspent: Option<Amount>,
}

impl Subscription {
    /// Where its tokens are.
    pub(super) fn account(&self) -> Account {
        Account::Subscription(*self.id.as_bytes())
    }

    /// From its buyer to it.
    pub(super) fn funded(&self) -> (Account, Account) {
        (Account::Buyer(self.buyer), self.account())
    }

    /// Back.
    pub(super) fn drawn(&self) -> (Account, Account) {
        (self.account(), Account::Buyer(self.buyer))
    }

    /// The key of the entry of a top-up.
    pub(super) fn top_up_key(&self, number: u32) -> String {
        format!("top-up/{}/{number}", self.id)
    }

    /// The key of the entry that closes it.
    pub(super) fn unspent_key(&self) -> String {
        format!("unspent/{}", self.id)
    }
}

/// Subscribes `buyer`, who puts `amount` into it, to what comes from now on.
///
/// # Errors
/// Refused with an odd period, with nothing put in, or without the money.
pub fn subscribe(
    conn: &mut Conn,
    buyer: &Buyer,
    wanted: &Wanted,
    amount: Amount,
    now: Timestamp,
) -> Result<Subscription, SubscriptionsError> {
    let Wanted { id, dataset, purpose, period_seconds, after_arrival } = *wanted;
    if !PERIOD_SECONDS.contains(&period_seconds) {
        return Err(SubscriptionsError::BadPeriod { period_seconds });
    }
    catalog::seen_by(conn, Some(buyer.id), dataset)?;
    let subscription = Subscription {
        id,
        buyer: buyer.id,
        dataset,
        purpose,
        period_seconds,
        after_arrival,
        next_at: now.plus_seconds(period_seconds.into()),
        waits_for: None,
        created_at: now,
        closed_at: None,
        unspent: None,
    };
    queries::insert(conn, &subscription)?;
    put_in(conn, &subscription, amount, now)?;
    Ok(subscription)
}

/// Puts more tokens into a subscription of `buyer`.
///
/// # Errors
/// Refused for a closed one, with nothing put in, or without the money.
pub fn top_up(
    conn: &mut Conn,
    buyer: &Buyer,
    id: SubscriptionId,
    amount: Amount,
    now: Timestamp,
) -> Result<Subscription, SubscriptionsError> {
    let subscription = subscription(conn, buyer, id)?;
    if subscription.closed_at.is_some() {
        return Err(SubscriptionsError::Closed { subscription: id });
    }
    put_in(conn, &subscription, amount, now)?;
    Ok(subscription)
}

fn put_in(
    conn: &mut Conn,
    subscription: &Subscription,
    amount: Amount,
    now: Timestamp,
) -> Result<(), SubscriptionsError> {
    if !amount.is_positive() {
        return Err(SubscriptionsError::NothingPutIn { amount });
    }
    let number = queries::insert_top_up(conn, subscription.id, amount, now)?;
    let (key, route) = (subscription.top_up_key(number), subscription.funded());
    let entry = Entry::transfer(EntryKind::TopUp, &key, route, amount);
    ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    Ok(())
}

/// Orders nothing more from a subscription of `buyer`, and gives back what is left. Closing it again changes nothing.
///
/// # Errors
/// One that does not exist, or is another's, is refused.
pub fn close(
    conn: &mut Conn,
    buyer: &Buyer,
    id: SubscriptionId,
    now: Timestamp,
) -> Result<Subscription, SubscriptionsError> {
    let subscription = subscription(conn, buyer, id)?;
    if subscription.closed_at.is_some() {
        return Ok(subscription);
    }
    let left = balance(conn, &subscription)?;
    if left.is_positive() {
        let (key, route) = (subscription.unspent_key(), subscription.drawn());
        let entry = Entry::transfer(EntryKind::Unspent, &key, route, left);
        ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    }
    let closed = Subscription { closed_at: Some(now), unspent: Some(left), ..subscription };
    queries::close(conn, id, now, left)?;
    Ok(closed)
}

/// What a subscription has to spend.
///
/// # Errors
/// When the ledger can not be read.
pub fn balance(conn: &mut Conn, subscription: &Subscription) -> Result<Amount, SubscriptionsError> {
    Ok(ledger::balance(conn, subscription.account())?.available())
}

/// A subscription of this buyer.
///
/// # Errors
/// Another's is refused like one that does not exist.
pub fn subscription(
    conn: &mut Conn,
    buyer: &Buyer,
    id: SubscriptionId,
) -> Result<Subscription, SubscriptionsError> {
    let found = queries::subscription(conn, id)?.filter(|found| found.buyer == buyer.id);
    found.ok_or(SubscriptionsError::Unknown { subscription: id })
}

/// The subscriptions of this buyer, newest first, at most 10,000.
///
/// # Errors
/// When they can not be read.
pub fn subscriptions(
    conn: &mut Conn,
    buyer: &Buyer,
) -> Result<Vec<Subscription>, SubscriptionsError> {
    queries::subscriptions_of(conn, buyer.id)
}

/// What a subscription ordered, newest first, at most 10,000.
///
/// # Errors
/// When they can not be read.
pub fn orders(
    conn: &mut Conn,
    subscription: &Subscription,
) -> Result<Vec<OrderId>, SubscriptionsError> {
    queries::orders(conn, subscription.id, queries::ROWS_MAX)
}
