//! Opening and reading live streams.

use telematics::ids::{Id, Kind};
use telematics::{BuyerId, Signal, Timestamp, VehicleId};

use super::{LiveError, queries};
use crate::catalog::{self, DatasetId};
use crate::config::Rules;
use crate::consent::Purpose;
use crate::db::Conn;
use crate::identity::{Buyer, Owner};
use crate::ledger::{self, Account, Amount, PendingId, Reservation};
use crate::trade::{self, PriceInputs};

/// Hours that a stream may be open: owners are paid when it ends.
pub const HOURS_MAX: u32 = 24;
/// How long after its end a stream can be settled: longer than a market is ever off.
const SETTLE_WITHIN_SECONDS: i64 = 3_650 * 86_400;
const SECONDS_PER_HOUR: i64 = 3_600;

/// A live stream.
pub enum LiveStreamMark {}
impl Kind for LiveStreamMark {
    const PREFIX: &'static str = "stream";
}
/// Names a live stream.
pub type LiveStreamId = Id<LiveStreamMark>;

/// What a buyer wants streamed.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Names the stream.
    pub id: LiveStreamId,
    /// Of this dataset.
    pub dataset: DatasetId,
    /// Only these of its signals; all when none is named.
    pub signals: Vec<Signal>,
    /// What for.
    pub purpose: Purpose,
    /// For so long.
    pub hours: u32,
    /// What it may cost at most.
    pub cap: Amount,
}

/// A live stream as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveStream {
    /// Which.
    pub id: LiveStreamId,
    /// Whose.
    pub buyer: BuyerId,
    /// Of this dataset.
    pub dataset: DatasetId,
    /// These of its signals.
    pub signals: Vec<Signal>,
    /// What for.
    pub purpose: Purpose,
    /// What it may cost at most.
    pub cap: Amount,
    /// Where the cap is reserved.
    pub pending: PendingId,
    /// What its price follows from; `rows` is what was metered.
    pub price_inputs: PriceInputs,
    /// The market's share, in hundredths of a percent.
    pub fee_basis_points: u32,
    /// Since when.
    pub opened_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// The last batch before it was opened.
    pub opened_arrival: i64,
    /// The last batch that was metered.
    pub metered_arrival: i64,
    /// What was paid; none until it is settled.
    pub price: Option<Amount>,
}

/// What one stream brought one owner, or will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earned {
    /// The stream.
    pub stream: LiveStream,
    /// The vehicles whose rows were sent.
    pub vehicles: Vec<VehicleId>,
    /// How many rows.
    pub rows: u64,
    /// When the last of them was.
    pub last_at: Timestamp,
    /// What they earned; none until the stream is settled.
    pub amount: Option<Amount>,
}

impl LiveStream {
    /// What its rows cost so far.
    #[must_use]
    pub fn cost(&self) -> Option<Amount> {
        self.price_inputs.price()
    }

    /// The account that pays.
    pub(super) const fn payer(&self) -> Account {
        Account::Buyer(self.buyer)
    }

    /// The key of the entry that pays for it.
    pub(super) fn settlement_key(&self) -> String {
        format!("live/{}", self.id)
    }
}

/// Opens a stream for `buyer`, whose cap is reserved, of what comes behind `arrival`.
///
/// # Errors
/// Refused for too long, with signals of another dataset, for a dataset that the buyer does not see, and without the money.
pub fn open(
    conn: &mut Conn,
    buyer: &Buyer,
    wish: &Wish,
    arrival: i64,
    rules: &Rules,
    now: Timestamp,
) -> Result<LiveStream, LiveError> {
    if !(1..=HOURS_MAX).contains(&wish.hours) {
        return Err(LiveError::BadHours { hours: wish.hours });
    }
    let dataset = catalog::seen_by(conn, Some(buyer.id), wish.dataset)?;
    let offered = dataset.signals();
    if let Some(signal) = wish.signals.iter().find(|signal| !offered.contains(signal)) {
        return Err(LiveError::NotInDataset { signal: *signal, dataset: wish.dataset });
    }
    let signals = if wish.signals.is_empty() { offered } else { wish.signals.clone() };
    let ends_at = now.plus_seconds(i64::from(wish.hours) * SECONDS_PER_HOUR);
    let reservation = Reservation {
        key: format!("live/{}", wish.id),
        account: Account::Buyer(buyer.id),
        amount: wish.cap,
        expires_at: ends_at.plus_seconds(SETTLE_WITHIN_SECONDS),
    };
    let stream = LiveStream {
        id: wish.id,
        buyer: buyer.id,
        dataset: wish.dataset,
        signals,
        purpose: wish.purpose,
        cap: wish.cap,
        pending: ledger::reserve(conn, &reservation, now)?,
        // What streams is new: its age is none.
        price_inputs: PriceInputs {
            rows: 0,
            age_seconds: 0,
            ..trade::price_now(conn, &dataset, rules, now)?
        },
        fee_basis_points: rules.fee_basis_points,
        opened_at: now,
        ends_at,
        opened_arrival: arrival,
        metered_arrival: arrival,
        price: None,
    };
    queries::insert(conn, &stream)?;
    Ok(stream)
}

/// A stream of this buyer.
///
/// # Errors
/// Another's stream is refused like one that does not exist.
pub fn opened(conn: &mut Conn, buyer: &Buyer, id: LiveStreamId) -> Result<LiveStream, LiveError> {
    let found = queries::stream(conn, id)?;
    found.filter(|found| found.buyer == buyer.id).ok_or(LiveError::Unknown { stream: id })
}

/// The streams of this buyer, newest first, at most 100.
///
/// # Errors
/// When they can not be read.
pub fn streams(conn: &mut Conn, buyer: &Buyer) -> Result<Vec<LiveStream>, LiveError> {
    queries::streams_of(conn, buyer.id)
}

/// What live streams paid for rows of `vehicle`.
///
/// # Errors
/// When it can not be read.
pub fn earned_by(conn: &mut Conn, vehicle: VehicleId) -> Result<Amount, LiveError> {
    queries::earned_by(conn, vehicle)
}

/// What was streamed of the vehicles of `owner`, newest first, at most 100 streams.
///
/// # Errors
/// When it can not be read.
pub fn earned_of(conn: &mut Conn, owner: &Owner) -> Result<Vec<Earned>, LiveError> {
    queries::earned_of(conn, owner.id)
}
