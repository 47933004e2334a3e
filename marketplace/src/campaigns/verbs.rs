//! Opening, closing and reading campaigns.

use telematics::{BuyerId, Campaign, CampaignId, Question, Scope, Timestamp};
use zk::text::{QuestionText, ScopeText};

use super::{CampaignsError, queries};
use crate::db::Conn;
use crate::identity::Buyer;

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
}

/// Opens `campaign` for `buyer`.
///
/// # Errors
/// Refused without a title, when it would be closed already, and when its bounds can not be written
/// down exactly.
pub fn create(
    conn: &mut Conn,
    buyer: &Buyer,
    campaign: Campaign,
    now: Timestamp,
) -> Result<Record, CampaignsError> {
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
    let record = Record { campaign, buyer: buyer.id, created_at: now };
    queries::insert_campaign(conn, &record)?;
    Ok(record)
}

/// Closes a campaign of `buyer` now. Closing it again changes nothing.
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
    if record.campaign.closes_at > now {
        record.campaign.closes_at = now;
        queries::move_close(conn, id, now)?;
    }
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
) -> Result<Vec<Campaign>, CampaignsError> {
    let open = queries::campaigns(conn, after, now, CAMPAIGNS_MAX)?;
    Ok(open.into_iter().map(|record| record.campaign).collect())
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
