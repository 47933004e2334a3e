//! The only file that names the tables of campaigns.

use diesel::prelude::*;
use telematics::ids::{Id, Kind};
use telematics::{BuyerId, Campaign, CampaignId, OwnerId, Question, Scope, Timestamp};
use zk::text::{QuestionText, ScopeText};
use zk::{Fingerprint, Nullifier, Payee, Root};

use super::claim::Claim;
use super::{CampaignsError, Record, Sweep, Terms};
use crate::db::Conn;
use crate::ledger::Amount;
use crate::schema::{campaigns, claims, sweeps};

/// Sweeps that one answer lists.
const SWEEPS_MAX: i64 = 10_000;

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
    pay_per_vehicle: i64,
    fee_per_vehicle: i64,
    vehicles_max: i32,
    vehicles_in_scope: i32,
    returned: Option<i64>,
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = sweeps)]
struct SweepRow {
    payee: Vec<u8>,
    owner_id: Vec<u8>,
    amount: i64,
    swept_at: i64,
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
        campaigns::pay_per_vehicle.eq(record.terms.pay_per_vehicle.micros()),
        campaigns::fee_per_vehicle.eq(record.terms.fee_per_vehicle.micros()),
        campaigns::vehicles_max.eq(stored(record.terms.vehicles_max)),
        campaigns::vehicles_in_scope.eq(stored(record.vehicles_in_scope)),
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

/// Notes what went back to the buyer.
pub(super) fn keep_returned(
    conn: &mut Conn,
    id: CampaignId,
    returned: Amount,
) -> Result<(), CampaignsError> {
    diesel::update(campaigns::table.find(id.to_vec()))
        .set(campaigns::returned.eq(returned.micros()))
        .execute(conn)?;
    Ok(())
}

pub(super) fn keep_count(
    conn: &mut Conn,
    id: CampaignId,
    vehicles_in_scope: u32,
) -> Result<(), CampaignsError> {
    diesel::update(campaigns::table.find(id.to_vec()))
        .set(campaigns::vehicles_in_scope.eq(stored(vehicles_in_scope)))
        .execute(conn)?;
    Ok(())
}

/// Campaigns that closed by `now` and have not given back what is left, at most `limit`.
pub(super) fn unreturned(
    conn: &mut Conn,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Record>, CampaignsError> {
    let rows = campaigns::table
        .filter(campaigns::closes_at.le(now.as_micros()))
        .filter(campaigns::returned.is_null())
        .order(campaigns::id)
        .limit(i64::from(limit))
        .select(CampaignRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Record::try_from).collect()
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

/// All campaigns of `buyer`.
pub(super) fn campaigns_of(conn: &mut Conn, buyer: BuyerId) -> Result<Vec<Record>, CampaignsError> {
    let rows = campaigns::table
        .filter(campaigns::buyer_id.eq(buyer.to_vec()))
        .order(campaigns::id)
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

/// Whether any claim has this payee.
pub(super) fn is_payee(conn: &mut Conn, payee: Payee) -> Result<bool, CampaignsError> {
    let of_payee = claims::table.filter(claims::payee.eq(payee.to_bytes().to_vec()));
    let count: i64 = of_payee.count().get_result(conn)?;
    Ok(count > 0)
}

pub(super) fn insert_sweep(conn: &mut Conn, sweep: &Sweep) -> Result<(), CampaignsError> {
    let row = (
        sweeps::payee.eq(sweep.payee.to_bytes().to_vec()),
        sweeps::owner_id.eq(sweep.owner.to_vec()),
        sweeps::amount.eq(sweep.amount.micros()),
        sweeps::swept_at.eq(sweep.swept_at.as_micros()),
    );
    diesel::insert_into(sweeps::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn sweep(conn: &mut Conn, payee: Payee) -> Result<Option<Sweep>, CampaignsError> {
    let row = sweeps::table
        .find(payee.to_bytes().to_vec())
        .select(SweepRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Sweep::try_from).transpose()
}

/// What was moved to `owner`, newest first, with the campaigns that paid it.
pub(super) fn sweeps_of(
    conn: &mut Conn,
    owner: OwnerId,
) -> Result<Vec<(Sweep, CampaignId)>, CampaignsError> {
    let rows: Vec<(SweepRow, Vec<u8>)> = sweeps::table
        .inner_join(claims::table.on(claims::payee.eq(sweeps::payee)))
        .filter(sweeps::owner_id.eq(owner.to_vec()))
        .order((sweeps::swept_at.desc(), sweeps::payee))
        .limit(SWEEPS_MAX)
        .select((SweepRow::as_select(), claims::campaign_id))
        .load(conn)?;
    let read = |(row, campaign): (SweepRow, Vec<u8>)| {
        Ok((Sweep::try_from(row)?, read_id("claims", &campaign)?))
    };
    rows.into_iter().map(read).collect()
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
            id: read_id("campaigns", &row.id)?,
            title: row.title,
            scope: scope.ok_or(damaged("campaigns"))?,
            question: question.ok_or(damaged("campaigns"))?,
            closes_at: Timestamp::from_micros(row.closes_at),
        };
        let counted = |count: i32| u32::try_from(count).or(Err(damaged("campaigns")));
        Ok(Self {
            campaign,
            buyer: read_id("campaigns", &row.buyer_id)?,
            created_at: Timestamp::from_micros(row.created_at),
            terms: Terms {
                pay_per_vehicle: Amount::from_micros(row.pay_per_vehicle),
                fee_per_vehicle: Amount::from_micros(row.fee_per_vehicle),
                vehicles_max: counted(row.vehicles_max)?,
            },
            vehicles_in_scope: counted(row.vehicles_in_scope)?,
            returned: row.returned.map(Amount::from_micros),
        })
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

impl TryFrom<SweepRow> for Sweep {
    type Error = CampaignsError;

    fn try_from(row: SweepRow) -> Result<Self, CampaignsError> {
        Ok(Self {
            payee: Payee::from_bytes(&row.payee).or(Err(damaged("sweeps")))?,
            owner: read_id("sweeps", &row.owner_id)?,
            amount: Amount::from_micros(row.amount),
            swept_at: Timestamp::from_micros(row.swept_at),
        })
    }
}

fn json(text: &impl serde::Serialize) -> Result<String, CampaignsError> {
    serde_json::to_string(text).or(Err(CampaignsError::NotExact))
}

fn read_id<K: Kind>(table: &'static str, bytes: &[u8]) -> Result<Id<K>, CampaignsError> {
    Id::from_bytes(bytes).or(Err(damaged(table)))
}

/// Counts of campaigns are small.
fn stored(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

const fn damaged(table: &'static str) -> CampaignsError {
    CampaignsError::Damaged { table }
}
