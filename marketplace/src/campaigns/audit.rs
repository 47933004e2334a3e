//! Computing again what every campaign was given, paid and gave back.

use std::collections::BTreeMap;

use telematics::{CampaignId, Timestamp};

use super::claim::Claim;
use super::{CampaignsError, Record, queries, terms};
use crate::db::Conn;
use crate::ledger::{self, Account, Amount, Check, Entry, EntryKind};

/// Rows that are read together.
const PAGE: u32 = 500;

struct Checks {
    campaigns: Check,
    claims: Check,
    payees: Check,
    /// Entries that the ledger should have, by kind.
    entries: BTreeMap<&'static str, u64>,
}

/// Replays campaigns and claims, and compares with the ledger.
///
/// # Errors
/// When campaigns, claims or the ledger can not be read.
pub fn audit(conn: &mut Conn) -> Result<Vec<Check>, CampaignsError> {
    let mut checks = Checks {
        campaigns: Check::of(
            "a campaign holds what it was given less what it paid, until it gave that back",
        ),
        claims: Check::of("each vehicle is paid once by a campaign, what it pays"),
        payees: Check::of("a payee has what its claim was paid, or its owner does"),
        entries: BTreeMap::new(),
    };
    let any = CampaignId::new(Timestamp::from_micros(0), [0; 10]);
    let mut held = ledger::holdings(conn, Account::Campaign(any))?;
    let mut payees = ledger::holdings(conn, Account::Payee([0; 32]))?;
    let mut after = None;
    loop {
        let page = queries::campaigns(conn, after, Timestamp::from_micros(i64::MIN), PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.campaign.id);
        for record in page {
            let claims = checks.look_at_claims(conn, &record, &mut payees)?;
            let held = held.remove(record.campaign.id.as_bytes().as_slice()).unwrap_or_default();
            checks.look_at_campaign(conn, &record, claims, held)?;
        }
    }
    for (holder, amount) in held {
        checks.campaigns.look(false, || {
            format!("{amount} tokens are held for no campaign: {}", hex::encode(holder))
        });
    }
    for (holder, amount) in payees {
        checks
            .payees
            .look(false, || format!("payee {} has {amount}, and no claim", hex::encode(holder)));
    }
    checks.count(conn)?;
    Ok(vec![checks.campaigns, checks.claims, checks.payees])
}

impl Checks {
    fn look_at_campaign(
        &mut self,
        conn: &mut Conn,
        record: &Record,
        claims: u64,
        held: Amount,
    ) -> Result<(), CampaignsError> {
        let (id, terms) = (record.campaign.id, record.terms);
        if !terms.pay_per_vehicle.is_positive() {
            self.campaigns
                .look(held == Amount::ZERO, || format!("{id} pays nothing and holds {held}"));
            return Ok(());
        }
        let left = terms.budget().zip(terms.spent(claims));
        let left = left.and_then(|(budget, spent)| budget.checked_sub(spent)).unwrap_or_default();
        let (buyer, campaign) = terms::funded_by(record.buyer, id);
        let budget = terms.budget().unwrap_or_default();
        let mut is_right = claims <= u64::from(terms.vehicles_max)
            && self.is_posted(
                conn,
                EntryKind::Funding,
                &terms::funding_key(id),
                (buyer, campaign),
                budget,
            )?;
        is_right &= match record.returned {
            None => held == left,
            Some(returned) => {
                let key = terms::remainder_key(id);
                let route = (campaign, buyer);
                held == Amount::ZERO
                    && returned == left
                    && (returned == Amount::ZERO
                        || self.is_posted(conn, EntryKind::Remainder, &key, route, returned)?)
            }
        };
        self.campaigns.look(is_right, || {
            let returned = record.returned.unwrap_or_default();
            format!("{id} was given {budget}, paid {claims} claims, gave back {returned} and holds {held}")
        });
        Ok(())
    }

    /// Looks at every claim of a campaign, and says how many there are.
    fn look_at_claims(
        &mut self,
        conn: &mut Conn,
        record: &Record,
        payees: &mut BTreeMap<Vec<u8>, Amount>,
    ) -> Result<u64, CampaignsError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = queries::claims(conn, record.campaign.id, after, PAGE)?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some(last.nullifier);
            for claim in page {
                count += 1;
                self.look_at_claim(conn, record, &claim, payees)?;
            }
        }
    }

    fn look_at_claim(
        &mut self,
        conn: &mut Conn,
        record: &Record,
        claim: &Claim,
        payees: &mut BTreeMap<Vec<u8>, Amount>,
    ) -> Result<(), CampaignsError> {
        let (id, terms) = (record.campaign.id, record.terms);
        let has = payees.remove(claim.payee.to_bytes().as_slice()).unwrap_or_default();
        if !terms.pay_per_vehicle.is_positive() {
            self.payees.look(has == Amount::ZERO, || {
                format!("payee {} has {has}, and was paid nothing", claim.payee)
            });
            return Ok(());
        }
        let key = terms::claim_key(id, claim.nullifier);
        let is_paid =
            ledger::is_posted(conn, &key, EntryKind::Claim, &terms.claim(id, claim.payee))?;
        *self.entries.entry(EntryKind::Claim.as_str()).or_default() += 1;
        self.claims.look(is_paid, || format!("`{key}` is not posted as {id} says"));

        let is_right = match queries::sweep(conn, claim.payee)? {
            None => has == terms.pay_per_vehicle,
            Some(sweep) => {
                let (key, route) =
                    (terms::sweep_key(sweep.payee), terms::swept_to(sweep.payee, sweep.owner));
                has == Amount::ZERO
                    && sweep.amount == terms.pay_per_vehicle
                    && self.is_posted(conn, EntryKind::Sweep, &key, route, sweep.amount)?
            }
        };
        self.payees.look(is_right, || format!("payee {} has {has}", claim.payee));
        Ok(())
    }

    /// Whether just this was moved under `key`. Notes that it should be.
    fn is_posted(
        &mut self,
        conn: &mut Conn,
        kind: EntryKind,
        key: &str,
        route: (Account, Account),
        amount: Amount,
    ) -> Result<bool, CampaignsError> {
        *self.entries.entry(kind.as_str()).or_default() += 1;
        let Ok(entry) = Entry::transfer(kind, key, route, amount) else { return Ok(false) };
        Ok(ledger::is_posted(conn, key, kind, entry.postings())?)
    }

    /// Nothing is moved without a campaign or a claim.
    fn count(&mut self, conn: &mut Conn) -> Result<(), CampaignsError> {
        for kind in [EntryKind::Funding, EntryKind::Claim, EntryKind::Remainder, EntryKind::Sweep] {
            let (posted, known) = (ledger::count(conn, kind)?, self.entries.get(kind.as_str()));
            let known = known.copied().unwrap_or(0);
            self.campaigns.look(posted == known, || {
                format!("{posted} entries are a {}, of {known} that campaigns know", kind.as_str())
            });
        }
        Ok(())
    }
}
