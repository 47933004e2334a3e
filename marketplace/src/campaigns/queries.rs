//! The only file that names the tables of campaigns.

use diesel::prelude::*;
use telematics::ids::{Id, Kind};
use telematics::{Campaign, CampaignId, Question, Scope, Timestamp};
use zk::text::{QuestionText, ScopeText};
use zk::{Fingerprint, Nullifier, Payee, Root};

use super::claim::Claim;
use super::{CampaignsError, Record};
use crate::db::Conn;
use crate::schema::{campaigns, claims};

#[derive(Queryable, Selectable)]
#[diesel(table_name = campaigns)]
struct CampaignRow {
    id: Vec<u8>,
    buyer_id: Vec<u8>,
    title: String,
    scope: String,
    question: String,
    created_at: i64,
    closes_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = claims)]
struct ClaimRow {
    nullifier: Vec<u8>,
    payee: Vec<u8>,
    root: Vec<u8>,
    verifying_key: Vec<u8>,
    proof: Vec<u8>,
}

pub(super) fn insert_campaign(conn: &mut Conn, record: &Record) -> Result<(), CampaignsError> {
    let Campaign { id, title, scope, question, closes_at } = &record.campaign;
    let row = (
        campaigns::id.eq(id.to_vec()),
        campaigns::buyer_id.eq(record.buyer.to_vec()),
        campaigns::title.eq(title),
        campaigns::scope.eq(json(&ScopeText::from(scope))?),
        campaigns::question.eq(json(&QuestionText::from(question))?),
        campaigns::created_at.eq(record.created_at.as_micros()),
        campaigns::closes_at.eq(closes_at.as_micros()),
    );
    diesel::insert_into(campaigns::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn move_close(
    conn: &mut Conn,
    id: CampaignId,
    closes_at: Timestamp,
) -> Result<(), CampaignsError> {
    diesel::update(campaigns::table.find(id.to_vec()))
        .set(campaigns::closes_at.eq(closes_at.as_micros()))
        .execute(conn)?;
    Ok(())
}

pub(super) fn campaign(conn: &mut Conn, id: CampaignId) -> Result<Option<Record>, CampaignsError> {
    let row = campaigns::table
        .find(id.to_vec())
        .select(CampaignRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Record::try_from).transpose()
}

/// Campaigns that close after `closing_after`.
pub(super) fn campaigns(
    conn: &mut Conn,
    after: Option<CampaignId>,
    closing_after: Timestamp,
    limit: u32,
) -> Result<Vec<Record>, CampaignsError> {
    let after = after.map(|id| id.to_vec()).unwrap_or_default();
    let rows = campaigns::table
        .filter(campaigns::id.gt(after))
        .filter(campaigns::closes_at.gt(closing_after.as_micros()))
        .order(campaigns::id)
        .limit(i64::from(limit))
        .select(CampaignRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Record::try_from).collect()
}

/// Whom the claim with this nullifier is to be paid to, when there is one.
pub(super) fn payee(
    conn: &mut Conn,
    campaign: CampaignId,
    nullifier: Nullifier,
) -> Result<Option<Payee>, CampaignsError> {
    let row = claims::table
        .find((campaign.to_vec(), nullifier.to_bytes().to_vec()))
        .select(claims::payee)
        .first::<Vec<u8>>(conn)
        .optional()?;
    row.map(|bytes| Payee::from_bytes(&bytes).or(Err(damaged("claims")))).transpose()
}

pub(super) fn insert_claim(
    conn: &mut Conn,
    campaign: CampaignId,
    claim: &Claim,
    now: Timestamp,
) -> Result<(), CampaignsError> {
    let row = (
        claims::campaign_id.eq(campaign.to_vec()),
        claims::nullifier.eq(claim.nullifier.to_bytes().to_vec()),
        claims::payee.eq(claim.payee.to_bytes().to_vec()),
        claims::root.eq(claim.root.to_bytes().to_vec()),
        claims::verifying_key.eq(claim.verifying_key.0.to_vec()),
        claims::proof.eq(claim.proof.to_vec()),
        claims::received_at.eq(now.as_micros()),
    );
    diesel::insert_into(claims::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn claims(
    conn: &mut Conn,
    campaign: CampaignId,
    after: Option<Nullifier>,
    limit: u32,
) -> Result<Vec<Claim>, CampaignsError> {
    let after = after.map(|nullifier| nullifier.to_bytes().to_vec()).unwrap_or_default();
    let rows = claims::table
        .filter(claims::campaign_id.eq(campaign.to_vec()))
        .filter(claims::nullifier.gt(after))
        .order(claims::nullifier)
        .limit(i64::from(limit))
        .select(ClaimRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Claim::try_from).collect()
}

pub(super) fn claim_count(conn: &mut Conn, campaign: CampaignId) -> Result<u64, CampaignsError> {
    let of_campaign = claims::table.filter(claims::campaign_id.eq(campaign.to_vec()));
    let count: i64 = of_campaign.count().get_result(conn)?;
    u64::try_from(count).or(Err(damaged("claims")))
}

impl TryFrom<CampaignRow> for Record {
    type Error = CampaignsError;

    fn try_from(row: CampaignRow) -> Result<Self, CampaignsError> {
        let scope = serde_json::from_str::<ScopeText>(&row.scope).ok();
        let scope = scope.and_then(|text| Scope::try_from(text).ok());
        let question = serde_json::from_str::<QuestionText>(&row.question).ok();
        let question = question.and_then(|text| Question::try_from(text).ok());
        let campaign = Campaign {
            id: read_id(&row.id)?,
            title: row.title,
            scope: scope.ok_or(damaged("campaigns"))?,
            question: question.ok_or(damaged("campaigns"))?,
            closes_at: Timestamp::from_micros(row.closes_at),
        };
        let created_at = Timestamp::from_micros(row.created_at);
        Ok(Self { campaign, buyer: read_id(&row.buyer_id)?, created_at })
    }
}

impl TryFrom<ClaimRow> for Claim {
    type Error = CampaignsError;

    fn try_from(row: ClaimRow) -> Result<Self, CampaignsError> {
        let broken = || damaged("claims");
        Ok(Self {
            root: Root::from_bytes(&row.root).or(Err(broken()))?,
            nullifier: Nullifier::from_bytes(&row.nullifier).or(Err(broken()))?,
            payee: Payee::from_bytes(&row.payee).or(Err(broken()))?,
            verifying_key: Fingerprint(row.verifying_key.try_into().or(Err(broken()))?),
            proof: row.proof.try_into().or(Err(broken()))?,
        })
    }
}

fn json(text: &impl serde::Serialize) -> Result<String, CampaignsError> {
    serde_json::to_string(text).or(Err(CampaignsError::NotExact))
}

fn read_id<K: Kind>(bytes: &[u8]) -> Result<Id<K>, CampaignsError> {
    Id::from_bytes(bytes).or(Err(damaged("campaigns")))
}

const fn damaged(table: &'static str) -> CampaignsError {
    CampaignsError::Damaged { table }
}
