//! Opening, closing and reading campaigns.

use telematics::{BuyerId, Campaign, CampaignId, Offer, Question, Scope, Timestamp};
use zk::text::{QuestionText, ScopeText};

use super::claim::Claim;
use super::{CampaignsError, Terms, hiding, queries, terms};
use crate::config::Rules;
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::{self, Account, Amount, Entry, EntryKind, LedgerError};

/// Campaigns that one answer has at most.
pub const CAMPAIGNS_MAX: u32 = 100;

/// A campaign as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What is asked.
    pub campaign: Campaign,
    /// By whom.
    pub buyer: BuyerId,
    /// Since when.
    pub created_at: Timestamp,
    /// What it pays.
    pub terms: Terms,
    /// Vehicles among which whoever answers is hidden, as last counted.
    pub vehicles_in_scope: u32,
    /// What was left and went back to the buyer; none until it closed.
    pub returned: Option<Amount>,
}

/// Opens `campaign` for `buyer`, who funds it for as many vehicles as its `terms` say.
///
/// # Errors
/// Refused without a title, when it would be closed already, when its bounds can not be written down exactly, when too few
/// vehicles are of its class, when it would tell a few vehicles from another campaign's, and when the buyer has not enough.
pub fn create(
    conn: &mut Conn,
    buyer: &Buyer,
    campaign: Campaign,
    terms: Terms,
    rules: &Rules,
    now: Timestamp,
) -> Result<Record, CampaignsError> {
    check(&campaign, now)?;
    let vehicles = hiding::vehicles_of_class(conn, campaign.scope.class())?;
    let vehicles_min = rules.vehicles_min;
    if vehicles < vehicles_min {
        return Err(CampaignsError::TooFewVehicles { vehicles, vehicles_min });
    }
    hiding::refuse_to_tell_apart(conn, buyer.id, &campaign, vehicles_min)?;
    let vehicles_in_scope = hiding::vehicles_in_scope(conn, &campaign.scope)?;
    let (id, buyer) = (campaign.id, buyer.id);
    let record =
        Record { campaign, buyer, created_at: now, terms, vehicles_in_scope, returned: None };
    queries::insert_campaign(conn, &record)?;
    let budget = terms.budget().unwrap_or_default();
    let (key, route) = (terms::funding_key(id), terms::funded_by(buyer, id));
    let entry = Entry::transfer(EntryKind::Funding, &key, route, budget);
    ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    Ok(record)
}

/// Refuses what is no campaign.
fn check(campaign: &Campaign, now: Timestamp) -> Result<(), CampaignsError> {
    let chars = campaign.title.chars().count();
    if campaign.title.trim().is_empty() || chars > Campaign::TITLE_CHARS_MAX {
        return Err(CampaignsError::BadTitle { chars });
    }
    if campaign.title.chars().any(char::is_control) {
        return Err(CampaignsError::ControlInTitle);
    }
    if campaign.closes_at <= now {
        return Err(CampaignsError::ClosesInThePast { closes_at: campaign.closes_at });
    }
    // Claims are downloaded as text: what reads differently there would not verify.
    let scope = Scope::try_from(ScopeText::from(&campaign.scope));
    let question = Question::try_from(QuestionText::from(&campaign.question));
    if scope.as_ref() != Ok(&campaign.scope) || question.as_ref() != Ok(&campaign.question) {
        return Err(CampaignsError::NotExact);
    }
    Ok(())
}

/// Pays for a claim that was just kept. The last that the campaign can pay closes it.
pub(super) fn pay(
    conn: &mut Conn,
    id: CampaignId,
    claim: &Claim,
    now: Timestamp,
) -> Result<(), CampaignsError> {
    let mut record = campaign(conn, id)?;
    let terms = record.terms;
    if !terms.pay_per_vehicle.is_positive() {
        return Ok(());
    }
    let key = terms::claim_key(id, claim.nullifier);
    let entry = Entry::new(EntryKind::Claim, &key, terms.claim(id, claim.payee));
    ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    let left = ledger::balance(conn, Account::Campaign(id))?.available();
    if Some(left) < terms.price() {
        end(conn, &mut record, now)?;
    }
    Ok(())
}

/// Takes no more claims for `record` from `now` on, and gives back what is left.
fn end(conn: &mut Conn, record: &mut Record, now: Timestamp) -> Result<(), CampaignsError> {
    let id = record.campaign.id;
    if record.campaign.closes_at > now {
        record.campaign.closes_at = now;
        queries::move_close(conn, id, now)?;
    }
    if record.returned.is_some() {
        return Ok(());
    }
    let left = ledger::balance(conn, Account::Campaign(id))?.available();
    if left.is_positive() {
        let (buyer, campaign) = terms::funded_by(record.buyer, id);
        let key = terms::remainder_key(id);
        let entry = Entry::transfer(EntryKind::Remainder, &key, (campaign, buyer), left);
        ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    }
    record.returned = Some(left);
    queries::keep_returned(conn, id, left)
}

/// Gives back what is left of campaigns that closed by `now`, and says how many there were.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn end_overdue(conn: &mut Conn, now: Timestamp) -> Result<u64, CampaignsError> {
    let mut ended = 0;
    for mut record in queries::unreturned(conn, now, CAMPAIGNS_MAX)? {
        end(conn, &mut record, now)?;
        ended += 1;
    }
    Ok(ended)
}

/// Closes a campaign of `buyer` now, and gives back what is left. Closing it again changes nothing.
///
/// # Errors
/// A campaign that does not exist, or is another's, is refused.
pub fn close(
    conn: &mut Conn,
    buyer: &Buyer,
    id: CampaignId,
    now: Timestamp,
) -> Result<Record, CampaignsError> {
    let mut record = owned(conn, buyer, id)?;
    end(conn, &mut record, now)?;
    Ok(record)
}

/// One campaign.
///
/// # Errors
/// A campaign that does not exist is refused.
pub fn campaign(conn: &mut Conn, id: CampaignId) -> Result<Record, CampaignsError> {
    queries::campaign(conn, id)?.ok_or(CampaignsError::Unknown { campaign: id })
}

/// Claims that were taken for `campaign`.
///
/// # Errors
/// Fails when the database does.
pub fn claim_count(conn: &mut Conn, campaign: CampaignId) -> Result<u64, CampaignsError> {
    queries::claim_count(conn, campaign)
}

/// Campaigns of everybody after `after`, oldest first, at most [`CAMPAIGNS_MAX`].
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn campaigns(
    conn: &mut Conn,
    after: Option<CampaignId>,
) -> Result<Vec<Record>, CampaignsError> {
    queries::campaigns(conn, after, Timestamp::from_micros(i64::MIN), CAMPAIGNS_MAX)
}

/// Campaigns that take claims at `now`, after `after`, oldest first, at most [`CAMPAIGNS_MAX`].
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn open_campaigns(
    conn: &mut Conn,
    after: Option<CampaignId>,
    now: Timestamp,
) -> Result<Vec<Offer>, CampaignsError> {
    let open = queries::campaigns(conn, after, now, CAMPAIGNS_MAX)?;
    let offer = |record: Record| Offer {
        pay_micro_tokens: u64::try_from(record.terms.pay_per_vehicle.micros()).unwrap_or(0),
        vehicles_in_scope: record.vehicles_in_scope,
        campaign: record.campaign,
    };
    Ok(open.into_iter().map(offer).collect())
}

/// A campaign that is this buyer's.
pub(super) fn owned(
    conn: &mut Conn,
    buyer: &Buyer,
    id: CampaignId,
) -> Result<Record, CampaignsError> {
    let record = campaign(conn, id)?;
    if record.buyer == buyer.id {
        Ok(record)
    } else {
        Err(CampaignsError::NotYours { campaign: id })
    }
}
