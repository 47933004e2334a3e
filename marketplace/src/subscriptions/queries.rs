//! The only statements that name the tables of subscriptions.

use diesel::prelude::*;
use telematics::ids::{Id, Kind};
use telematics::{BuyerId, Timestamp};

use super::SubscriptionsError;
use super::verbs::{Subscription, SubscriptionId, WaitsFor};
use crate::consent::Purpose;
use crate::db::Conn;
use crate::ledger::Amount;
use crate::schema::{subscription_orders, subscriptions, top_ups};
use crate::trade::OrderId;

/// Rows that one answer lists.
pub(super) const ROWS_MAX: i64 = 10_000;
/// Subscriptions that are looked at together.
const PAGE_ROWS: i64 = 100;

#[derive(Queryable, Selectable)]
#[diesel(table_name = subscriptions)]
struct SubscriptionRow {
    id: Vec<u8>,
    buyer_id: Vec<u8>,
    dataset_id: Vec<u8>,
    purpose: String,
    period_seconds: i64,
    after_arrival: i64,
    next_at: i64,
    waits_for: Option<String>,
    created_at: i64,
    closed_at: Option<i64>,
    unspent: Option<i64>,
}

pub(super) fn insert(
    conn: &mut Conn,
    subscription: &Subscription,
) -> Result<(), SubscriptionsError> {
    let row = (
        subscriptions::id.eq(subscription.id.to_vec()),
        subscriptions::buyer_id.eq(subscription.buyer.to_vec()),
        subscriptions::dataset_id.eq(subscription.dataset.to_vec()),
        subscriptions::purpose.eq(subscription.purpose.as_str()),
        subscriptions::period_seconds.eq(i64::from(subscription.period_seconds)),
        subscriptions::after_arrival.eq(subscription.after_arrival),
        subscriptions::next_at.eq(subscription.next_at.as_micros()),
        subscriptions::created_at.eq(subscription.created_at.as_micros()),
    );
    diesel::insert_into(subscriptions::table).values(row).execute(conn)?;
    Ok(())
}

/// Moves a subscription to its next period.
pub(super) fn advance(
    conn: &mut Conn,
    subscription: &Subscription,
) -> Result<(), SubscriptionsError> {
    diesel::update(subscriptions::table.find(subscription.id.to_vec()))
        .set((
            subscriptions::after_arrival.eq(subscription.after_arrival),
            subscriptions::next_at.eq(subscription.next_at.as_micros()),
            subscriptions::waits_for.eq(subscription.waits_for.map(WaitsFor::as_str)),
        ))
        .execute(conn)?;
    Ok(())
}

pub(super) fn close(
    conn: &mut Conn,
    id: SubscriptionId,
    now: Timestamp,
    unspent: Amount,
) -> Result<(), SubscriptionsError> {
    diesel::update(subscriptions::table.find(id.to_vec()))
        .set((
            subscriptions::closed_at.eq(now.as_micros()),
            subscriptions::unspent.eq(unspent.micros()),
        ))
        .execute(conn)?;
    Ok(())
}

pub(super) fn subscription(
    conn: &mut Conn,
    id: SubscriptionId,
) -> Result<Option<Subscription>, SubscriptionsError> {
    let row: Option<SubscriptionRow> = subscriptions::table
        .find(id.to_vec())
        .select(SubscriptionRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Subscription::try_from).transpose()
}

pub(super) fn subscriptions_of(
    conn: &mut Conn,
    buyer: BuyerId,
) -> Result<Vec<Subscription>, SubscriptionsError> {
    let rows: Vec<SubscriptionRow> = subscriptions::table
        .filter(subscriptions::buyer_id.eq(buyer.to_vec()))
        .order(subscriptions::id.desc())
        .limit(ROWS_MAX)
        .select(SubscriptionRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Subscription::try_from).collect()
}

/// Open ones whose period is over, the longest over first.
pub(super) fn due(
    conn: &mut Conn,
    now: Timestamp,
) -> Result<Vec<Subscription>, SubscriptionsError> {
    let rows: Vec<SubscriptionRow> = subscriptions::table
        .filter(subscriptions::closed_at.is_null())
        .filter(subscriptions::next_at.le(now.as_micros()))
        .order((subscriptions::next_at, subscriptions::id))
        .limit(PAGE_ROWS)
        .select(SubscriptionRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Subscription::try_from).collect()
}

/// Subscriptions of everybody behind `last`, by id.
pub(super) fn after(conn: &mut Conn, last: &[u8]) -> Result<Vec<Subscription>, SubscriptionsError> {
    let rows: Vec<SubscriptionRow> = subscriptions::table
        .filter(subscriptions::id.gt(last))
        .order(subscriptions::id)
        .limit(PAGE_ROWS)
        .select(SubscriptionRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Subscription::try_from).collect()
}

/// Notes a top-up, and says which number it has.
pub(super) fn insert_top_up(
    conn: &mut Conn,
    id: SubscriptionId,
    amount: Amount,
    now: Timestamp,
) -> Result<u32, SubscriptionsError> {
    let of_subscription = top_ups::table.filter(top_ups::subscription_id.eq(id.to_vec()));
    let count: i64 = of_subscription.count().get_result(conn)?;
    let damaged = || SubscriptionsError::Damaged { table: "top_ups" };
    let number = i32::try_from(count.saturating_add(1)).or(Err(damaged()))?;
    diesel::insert_into(top_ups::table)
        .values((
            top_ups::subscription_id.eq(id.to_vec()),
            top_ups::number.eq(number),
            top_ups::amount.eq(amount.micros()),
            top_ups::paid_at.eq(now.as_micros()),
        ))
        .execute(conn)?;
    u32::try_from(number).or(Err(damaged()))
}

/// Number and amount of each top-up.
pub(super) fn top_ups(
    conn: &mut Conn,
    id: SubscriptionId,
) -> Result<Vec<(u32, Amount)>, SubscriptionsError> {
    let rows: Vec<(i32, i64)> = top_ups::table
        .filter(top_ups::subscription_id.eq(id.to_vec()))
        .order(top_ups::number)
        .select((top_ups::number, top_ups::amount))
        .load(conn)?;
    let damaged = |_| SubscriptionsError::Damaged { table: "top_ups" };
    let read = |(number, micros): (i32, i64)| {
        Ok((u32::try_from(number).map_err(damaged)?, Amount::from_micros(micros)))
    };
    rows.into_iter().map(read).collect()
}

pub(super) fn insert_order(
    conn: &mut Conn,
    id: SubscriptionId,
    order: OrderId,
) -> Result<(), SubscriptionsError> {
    diesel::insert_into(subscription_orders::table)
        .values((
            subscription_orders::subscription_id.eq(id.to_vec()),
            subscription_orders::order_id.eq(order.to_vec()),
        ))
        .execute(conn)?;
    Ok(())
}

/// What a subscription ordered, newest first, at most `limit`.
pub(super) fn orders(
    conn: &mut Conn,
    id: SubscriptionId,
    limit: i64,
) -> Result<Vec<OrderId>, SubscriptionsError> {
    let ids: Vec<Vec<u8>> = subscription_orders::table
        .filter(subscription_orders::subscription_id.eq(id.to_vec()))
        .order(subscription_orders::order_id.desc())
        .limit(limit)
        .select(subscription_orders::order_id)
        .load(conn)?;
    ids.iter().map(|id| read_id("subscription_orders", id)).collect()
}

impl TryFrom<SubscriptionRow> for Subscription {
    type Error = SubscriptionsError;

    fn try_from(row: SubscriptionRow) -> Result<Self, SubscriptionsError> {
        let table = "subscriptions";
        let damaged = || SubscriptionsError::Damaged { table };
        let waits_for = row.waits_for.map(|word| WaitsFor::parse(&word).ok_or_else(damaged));
        Ok(Self {
            id: read_id(table, &row.id)?,
            buyer: read_id(table, &row.buyer_id)?,
            dataset: read_id(table, &row.dataset_id)?,
            purpose: Purpose::parse(&row.purpose).or(Err(damaged()))?,
            period_seconds: u32::try_from(row.period_seconds).or(Err(damaged()))?,
            after_arrival: row.after_arrival,
            next_at: Timestamp::from_micros(row.next_at),
            waits_for: waits_for.transpose()?,
            created_at: Timestamp::from_micros(row.created_at),
            closed_at: row.closed_at.map(Timestamp::from_micros),
            unspent: row.unspent.map(Amount::from_micros),
        })
    }
}

fn read_id<K: Kind>(table: &'static str, bytes: &[u8]) -> Result<Id<K>, SubscriptionsError> {
    Id::from_bytes(bytes).or(Err(SubscriptionsError::Damaged { table }))
}
