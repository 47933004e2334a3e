//! Computing again what every subscription was given and spent.

use std::collections::BTreeMap;

use super::verbs::Subscription;
use super::{SubscriptionsError, draw, queries};
use crate::db::Conn;
use crate::ledger::{self, Account, Amount, Check, Entry, EntryKind};
use crate::trade;

/// Replays top-ups and orders of subscriptions, and compares with the ledger.
///
/// # Errors
/// When they can not be read.
pub fn audit(conn: &mut Conn) -> Result<Check, SubscriptionsError> {
    let mut check = Check::of(
        "a subscription holds what was put in less what its orders cost, until it is closed",
    );
    let mut held = ledger::holdings(conn, Account::Subscription([0; 16]))?;
    let (mut last, mut entries) = (Vec::new(), BTreeMap::new());
    loop {
        let page = queries::after(conn, &last)?;
        let Some(end) = page.last() else { break };
        last = end.id.to_vec();
        for subscription in page {
            let has = held.remove(subscription.id.as_bytes().as_slice()).unwrap_or_default();
            let (left, is_posted) = replay(conn, &subscription, &mut entries)?;
            let wanted = if subscription.closed_at.is_some() { Amount::ZERO } else { left };
            let is_right = is_posted
                && has == wanted
                && subscription.unspent.is_none_or(|unspent| unspent == left);
            check
                .look(is_right, || format!("{} holds {has}, and has {left} left", subscription.id));
        }
    }
    for (holder, amount) in held {
        let finding =
            || format!("{amount} tokens are held for no subscription: {}", hex::encode(holder));
        check.look(false, finding);
    }
    for kind in [EntryKind::TopUp, EntryKind::Draw, EntryKind::Unspent] {
        let (posted, known) = (ledger::count(conn, kind)?, entries.get(kind.as_str()));
        let known = known.copied().unwrap_or(0);
        check.look(posted == known, || {
            format!("{posted} entries are a {}, of {known} that subscriptions know", kind.as_str())
        });
    }
    Ok(check)
}

/// What a subscription should have left, and whether the ledger has all that moved.
fn replay(
    conn: &mut Conn,
    subscription: &Subscription,
    entries: &mut BTreeMap<&'static str, u64>,
) -> Result<(Amount, bool), SubscriptionsError> {
    let (mut left, mut moved) = (Amount::ZERO, Vec::new());
    for (number, amount) in queries::top_ups(conn, subscription.id)? {
        left = left.checked_add(amount).unwrap_or_default();
        let key = subscription.top_up_key(number);
        moved.push((EntryKind::TopUp, key, subscription.funded(), amount));
    }
    for order in queries::orders(conn, subscription.id, i64::MAX)? {
        let (order, quote) = trade::quote_of_order(conn, order)?;
        left = left.checked_sub(order.price).unwrap_or_default();
        let key = draw::draw_key(quote.id);
        moved.push((EntryKind::Draw, key, subscription.drawn(), order.price));
    }
    if let Some(unspent) = subscription.unspent {
        let key = subscription.unspent_key();
        moved.push((EntryKind::Unspent, key, subscription.drawn(), unspent));
    }
    let mut is_posted = true;
    for (kind, key, route, amount) in moved.into_iter().filter(|(.., amount)| amount.is_positive())
    {
        *entries.entry(kind.as_str()).or_default() += 1;
        let entry = Entry::transfer(kind, &key, route, amount);
        is_posted &= match entry {
            Ok(entry) => ledger::is_posted(conn, &key, kind, entry.postings())?,
            Err(_) => false,
        };
    }
    Ok((left, is_posted))
}
