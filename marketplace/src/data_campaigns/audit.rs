//! Computing again what every data campaign was given, paid and gave back.

use std::collections::BTreeMap;

use super::verbs::DataCampaign;
use super::{DataCampaignsError, queries};
use crate::db::Conn;
use crate::ledger::{self, Account, Amount, Check, Entry, EntryKind};

/// Replays data campaigns, and compares with the ledger.
///
/// # Errors
/// When they can not be read.
pub fn audit(conn: &mut Conn) -> Result<Check, DataCampaignsError> {
    let mut check =
        Check::of("a data campaign holds what it has not paid, and pays a vehicle once");
    let mut held = ledger::holdings(conn, Account::DataCampaign([0; 16]))?;
    let (mut after, mut entries) = (None, BTreeMap::new());
    loop {
        let page = queries::campaigns(conn, after, None)?;
        let Some(last) = page.last() else { break };
        after = Some(last.wish.id);
        for campaign in page {
            let id = campaign.wish.id;
            let has = held.remove(id.as_bytes().as_slice()).unwrap_or_default();
            let left = replay(conn, &campaign, &mut entries)?;
            let is_right = left.is_some_and(|left| match campaign.returned {
                None => has == left,
                Some(returned) => has == Amount::ZERO && returned == left,
            });
            check.look(is_right, || match left {
                Some(left) => format!("{id} holds {has}, and has {left} left"),
                None => format!("{id} was not funded, or did not pay, as the ledger says"),
            });
        }
    }
    for (holder, amount) in held {
        check.look(false, || {
            format!("{amount} tokens are held for no data campaign: {}", hex::encode(holder))
        });
    }
    for kind in [EntryKind::DataFunding, EntryKind::DataPay, EntryKind::DataRemainder] {
        let (posted, known) = (ledger::count(conn, kind)?, entries.get(kind.as_str()));
        let known = known.copied().unwrap_or(0);
        check.look(posted == known, || {
            format!("{posted} entries are a {}, of {known} that data campaigns know", kind.as_str())
        });
    }
    Ok(check)
}

/// What a campaign should have left before it gives that back; none when the ledger has not all that moved.
fn replay(
    conn: &mut Conn,
    campaign: &DataCampaign,
    entries: &mut BTreeMap<&'static str, u64>,
) -> Result<Option<Amount>, DataCampaignsError> {
    let terms = &campaign.wish.terms;
    let budget = terms.budget().unwrap_or_default();
    let pays = queries::pays(conn, campaign.wish.id)?;
    let count = u64::try_from(pays.len()).unwrap_or(u64::MAX);
    let mut is_posted = count <= u64::from(terms.vehicles_max);
    for (vehicle, owner, amount) in pays {
        let key = campaign.pay_key(vehicle);
        is_posted &= amount == terms.pay_per_vehicle
            && ledger::is_posted(conn, &key, EntryKind::DataPay, &campaign.pay(owner))?;
        *entries.entry(EntryKind::DataPay.as_str()).or_default() += 1;
    }
    let mut moved =
        vec![(EntryKind::DataFunding, campaign.funding_key(), campaign.funded(), budget)];
    if let Some(returned) = campaign.returned.filter(|returned| returned.is_positive()) {
        let key = campaign.remainder_key();
        moved.push((EntryKind::DataRemainder, key, campaign.given_back(), returned));
    }
    for (kind, key, route, amount) in moved {
        *entries.entry(kind.as_str()).or_default() += 1;
        is_posted &= match Entry::transfer(kind, &key, route, amount) {
            Ok(entry) => ledger::is_posted(conn, &key, kind, entry.postings())?,
            Err(_) => false,
        };
    }
    let left = terms.spent(count).and_then(|spent| budget.checked_sub(spent));
    Ok(left.filter(|_| is_posted))
}
