//! Opening, closing and reading data campaigns.

use telematics::ids::{Id, Kind};
use telematics::{BuyerId, Signal, SignalGroup, Timestamp, VehicleId};

use super::{DataCampaignsError, queries};
use crate::campaigns::Terms;
use crate::catalog::{self, DatasetId};
use crate::consent::{self, Purpose};
use crate::db::Conn;
use crate::identity::{self, Buyer, Owner};
use crate::ledger::{self, Account, Amount, Entry, EntryKind, LedgerError, Posting};

/// Campaigns that one answer has at most.
pub const DATA_CAMPAIGNS_MAX: u32 = 100;
/// Characters of a title, at most.
pub(super) const TITLE_CHARS_MAX: usize = 100;
/// Days that a campaign may ask for.
pub(super) const DAYS_MAX: u32 = 366;
const DAY_SECONDS: i64 = 86_400;

/// A data campaign.
pub enum DataCampaignMark {}
impl Kind for DataCampaignMark {
    const PREFIX: &'static str = "data-campaign";
}
/// Names a data campaign.
pub type DataCampaignId = Id<DataCampaignMark>;

/// What a buyer wants collected.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Names the campaign.
    pub id: DataCampaignId,
    /// What to call it.
    pub title: String,
    /// What is to be shared, and by which vehicles.
    pub dataset: DatasetId,
    /// What for.
    pub purpose: Purpose,
    /// On how many days.
    pub days_min: u32,
    /// What it pays.
    pub terms: Terms,
    /// Until when.
    pub closes_at: Timestamp,
}

/// A data campaign as it is kept.
#[derive(Clone, Debug)]
pub struct DataCampaign {
    /// What is wanted.
    pub wish: Wish,
    /// By whom.
    pub buyer: BuyerId,
    /// Since when.
    pub created_at: Timestamp,
    /// What was left and went back to the buyer; none until it closed.
    pub returned: Option<Amount>,
}

/// How far a campaign is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Vehicles that it paid.
    pub paid: u64,
    /// Vehicles of which a day counts at least.
    pub collecting: u64,
    /// What it holds.
    pub held: Amount,
}

/// What a campaign would be for one vehicle.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Which.
    pub campaign: DataCampaign,
    /// Signals to be shared.
    pub signals: Vec<Signal>,
    /// Groups that the owner would have to share for it, and does not.
    pub groups_missing: Vec<SignalGroup>,
    /// Whether the owner permits the purpose.
    pub is_purpose_permitted: bool,
    /// Days that count so far.
    pub days: u32,
    /// What the vehicle was paid.
    pub paid: Option<Amount>,
}

impl DataCampaign {
    /// Where its tokens are.
    pub(super) fn account(&self) -> Account {
        Account::DataCampaign(*self.wish.id.as_bytes())
    }

    /// From its buyer to it.
    pub(super) fn funded(&self) -> (Account, Account) {
        (Account::Buyer(self.buyer), self.account())
    }

    /// Back.
    pub(super) fn given_back(&self) -> (Account, Account) {
        (self.account(), Account::Buyer(self.buyer))
    }

    /// What moves when a vehicle of `owner` is paid.
    pub(super) fn pay(&self, owner: telematics::OwnerId) -> [Posting; 3] {
        let terms = &self.wish.terms;
        let given = terms.price().and_then(Amount::checked_neg).unwrap_or_default();
        [
            Posting { account: self.account(), amount: given },
            Posting { account: Account::Owner(owner), amount: terms.pay_per_vehicle },
            Posting { account: Account::Fees, amount: terms.fee_per_vehicle },
        ]
    }

    /// Keys of the entries, each of which is posted once.
    pub(super) fn funding_key(&self) -> String {
        format!("data-funding/{}", self.wish.id)
    }

    pub(super) fn pay_key(&self, vehicle: VehicleId) -> String {
        format!("data-pay/{}/{vehicle}", self.wish.id)
    }

    pub(super) fn remainder_key(&self) -> String {
        format!("data-remainder/{}", self.wish.id)
    }
}

/// Opens a data campaign for `buyer`, who funds it for as many vehicles as its terms say.
///
/// # Errors
/// Refused without a title, with too many days or too little time for them, about a dataset that the buyer does not see, and
/// without the money.
pub fn open(
    conn: &mut Conn,
    buyer: &Buyer,
    wish: Wish,
    now: Timestamp,
) -> Result<DataCampaign, DataCampaignsError> {
    check(&wish, now)?;
    catalog::seen_by(conn, Some(buyer.id), wish.dataset)?;
    let budget = wish.terms.budget().unwrap_or_default();
    let campaign = DataCampaign { wish, buyer: buyer.id, created_at: now, returned: None };
    queries::insert(conn, &campaign)?;
    let (key, kind) = (campaign.funding_key(), EntryKind::DataFunding);
    let entry = Entry::transfer(kind, &key, campaign.funded(), budget);
    ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    Ok(campaign)
}

/// Refuses what is no campaign.
fn check(wish: &Wish, now: Timestamp) -> Result<(), DataCampaignsError> {
    let chars = wish.title.chars().count();
    let is_blank = wish.title.trim().is_empty() || wish.title.chars().any(char::is_control);
    if is_blank || chars > TITLE_CHARS_MAX {
        return Err(DataCampaignsError::BadTitle { chars });
    }
    let (days_min, closes_at) = (wish.days_min, wish.closes_at);
    if !(1..=DAYS_MAX).contains(&days_min) {
        return Err(DataCampaignsError::BadDays { days_min });
    }
    // The day on which it opens counts.
    if closes_at <= now.plus_seconds(i64::from(days_min - 1) * DAY_SECONDS) {
        return Err(DataCampaignsError::ClosesTooEarly { days_min, closes_at });
    }
    Ok(())
}

/// Closes a campaign of `buyer` now, and gives back what is left. Closing it again changes nothing.
///
/// # Errors
/// A campaign that does not exist, or is another's, is refused.
pub fn close(
    conn: &mut Conn,
    buyer: &Buyer,
    id: DataCampaignId,
    now: Timestamp,
) -> Result<DataCampaign, DataCampaignsError> {
    let mut campaign = data_campaign(conn, id)?;
    if campaign.buyer != buyer.id {
        return Err(DataCampaignsError::NotYours { campaign: id });
    }
    end(conn, &mut campaign, now)?;
    Ok(campaign)
}

/// Pays nobody any more from `now` on, and gives back what is left.
pub(super) fn end(
    conn: &mut Conn,
    campaign: &mut DataCampaign,
    now: Timestamp,
) -> Result<(), DataCampaignsError> {
    if campaign.returned.is_some() {
        return Ok(());
    }
    campaign.wish.closes_at = campaign.wish.closes_at.min(now);
    let left = ledger::balance(conn, campaign.account())?.available();
    if left.is_positive() {
        let (key, kind) = (campaign.remainder_key(), EntryKind::DataRemainder);
        let entry = Entry::transfer(kind, &key, campaign.given_back(), left);
        ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    }
    campaign.returned = Some(left);
    queries::end(conn, campaign.wish.id, campaign.wish.closes_at, left)
}

/// One campaign.
///
/// # Errors
/// A campaign that does not exist is refused.
pub fn data_campaign(
    conn: &mut Conn,
    id: DataCampaignId,
) -> Result<DataCampaign, DataCampaignsError> {
    queries::campaign(conn, id)?.ok_or(DataCampaignsError::Unknown { campaign: id })
}

/// Campaigns of everybody after `after`, oldest first, at most [`DATA_CAMPAIGNS_MAX`].
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn data_campaigns(
    conn: &mut Conn,
    after: Option<DataCampaignId>,
) -> Result<Vec<DataCampaign>, DataCampaignsError> {
    queries::campaigns(conn, after, None)
}

/// How far `campaign` is.
///
/// # Errors
/// Fails when the database does.
pub fn standing(conn: &mut Conn, campaign: &DataCampaign) -> Result<Standing, DataCampaignsError> {
    Ok(Standing {
        paid: queries::paid(conn, campaign.wish.id)?,
        collecting: queries::collecting(conn, campaign.wish.id)?,
        held: ledger::balance(conn, campaign.account())?.posted,
    })
}

/// What data campaigns paid for `vehicle`.
///
/// # Errors
/// Fails when the database does.
pub fn earned_by(conn: &mut Conn, vehicle: VehicleId) -> Result<Amount, DataCampaignsError> {
    queries::earned_by(conn, vehicle)
}

/// What the campaigns that are open at `now` would be for `vehicle` of `owner`: those about vehicles like it.
///
/// # Errors
/// A vehicle that is not the owner's is refused.
pub fn offers(
    conn: &mut Conn,
    owner: &Owner,
    vehicle: VehicleId,
    now: Timestamp,
) -> Result<Vec<Offer>, DataCampaignsError> {
    let known = identity::vehicles(conn, &[vehicle])?;
    let Some(known) = known.into_iter().find(|known| known.owner == owner.id) else {
        return Err(crate::consent::ConsentError::NotYours { vehicle }.into());
    };
    let policy = consent::in_force(conn, vehicle)?;
    let purposes = consent::purposes(conn, vehicle)?;
    let mut offers = Vec::new();
    for campaign in queries::campaigns(conn, None, Some(now))? {
        let dataset = catalog::dataset(conn, campaign.wish.dataset)?;
        if !dataset.admits(&known.description) {
            continue;
        }
        let signals = dataset.signals();
        let mut groups = signals.iter().map(|signal| signal.group()).collect::<Vec<_>>();
        groups.sort_unstable();
        groups.dedup();
        let is_missing = |group: &SignalGroup| {
            let of_group = signals.iter().filter(|signal| signal.group() == *group);
            !consent::shares(&policy, &of_group.copied().collect::<Vec<_>>())
        };
        offers.push(Offer {
            groups_missing: groups.into_iter().filter(is_missing).collect(),
            is_purpose_permitted: purposes.permit(campaign.wish.purpose),
            days: queries::days_of(conn, campaign.wish.id, vehicle)?,
            paid: queries::paid_to(conn, campaign.wish.id, vehicle)?,
            signals,
            campaign,
        });
    }
    Ok(offers)
}
