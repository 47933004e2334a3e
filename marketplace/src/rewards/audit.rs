//! Computing every week again.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::close::{ClosedWeek, Earned};
use super::error::RewardsError;
use super::read::published;
use super::vest::{paid, postings};
use super::{publication::Publication, queries};
use crate::db::Conn;
use crate::identity::{self, VehicleStatus};
use crate::ledger::{self, Amount, Check, EntryKind};

/// The checks of weeks, as they fill.
struct Checks {
    weeks: Check,
    shares: Check,
    entries: Check,
}

/// Computes what each week must have given, and compares it with what was published, owed and posted.
///
/// # Errors
/// When weeks, vehicles or the ledger can not be read.
pub fn audit(conn: &mut Conn) -> Result<Vec<Check>, RewardsError> {
    let mut checks = Checks {
        weeks: Check::of("a week's pool, points and file are what the rules make of its facts"),
        shares: Check::of("a share of a week is the published one, and paid whole or forfeited"),
        entries: Check::of("a week is given once, when it vests, and nothing else is a reward"),
    };
    let (mut posted, mut next) = (0, None);
    let mut weeks = queries::weeks(conn)?;
    weeks.reverse();
    for closed in weeks {
        let published = published(conn, &closed)?;
        let shares = queries::shares(conn, closed.week.number)?;
        let follows = next.is_none_or(|next| next == closed.week);
        next = Some(closed.week.next());
        checks.look_at_week(&closed, &published, follows)?;
        checks.look_at_shares(conn, &closed, &published, &shares)?;
        posted += u64::from(checks.look_at_entry(conn, &closed, &shares)?);
    }
    let found = ledger::count(conn, EntryKind::Reward)?;
    checks
        .entries
        .look(found == posted, || format!("{found} entries are a reward, of {posted} weeks"));
    Ok(vec![checks.weeks, checks.shares, checks.entries])
}

impl Checks {
    fn look_at_week(
        &mut self,
        closed: &ClosedWeek,
        published: &Publication,
        follows: bool,
    ) -> Result<(), RewardsError> {
        let again = published.again();
        let bytes = again.bytes()?;
        let file_hash: [u8; 32] = Sha256::digest(&bytes).into();
        let vehicles = u64::try_from(again.rows.len()).unwrap_or(u64::MAX);
        let is_right = follows
            && again == *published
            && (closed.points, closed.vehicles) == (again.points(), vehicles)
            && closed.file_hash == file_hash;
        self.weeks.look(is_right, || {
            let ClosedWeek { week, pool, points, .. } = closed;
            format!("week {} says {pool} tokens for {points} points", week.number)
        });
        Ok(())
    }

    fn look_at_shares(
        &mut self,
        conn: &mut Conn,
        closed: &ClosedWeek,
        published: &Publication,
        shares: &[Earned],
    ) -> Result<(), RewardsError> {
        let vehicles = shares.iter().map(|share| share.vehicle).collect::<Vec<_>>();
        let known = identity::vehicles(conn, &vehicles)?;
        let active = known.iter().filter(|vehicle| vehicle.status == VehicleStatus::Active);
        let active = active.map(|vehicle| vehicle.id).collect::<BTreeSet<_>>();
        let mut names = BTreeSet::new();
        for share in shares {
            let is_published = share.pseudonym.is_none_or(|name| {
                let row = published.rows.get(&name);
                names.insert(name) && row.is_some_and(|(_, row)| row.amount == share.amount)
            });
            let is_paid = match closed.vested_at {
                None => share.paid == Amount::ZERO,
                // Who is shut out may have been paid before.
                Some(_) => share.paid == share.amount || !active.contains(&share.vehicle),
            };
            self.shares.look(is_published && is_paid, || {
                let Earned { week, vehicle, amount, paid, .. } = share;
                format!("{vehicle} earned {amount} in week {week}, and was paid {paid}")
            });
        }
        Ok(())
    }

    /// Whether the ledger should have an entry of this week.
    fn look_at_entry(
        &mut self,
        conn: &mut Conn,
        closed: &ClosedWeek,
        shares: &[Earned],
    ) -> Result<bool, RewardsError> {
        let postings = postings(shares);
        let key = closed.entry_key();
        let is_posted =
            postings.is_empty() || ledger::is_posted(conn, &key, EntryKind::Reward, &postings)?;
        let is_right = is_posted && closed.paid == paid(shares);
        self.entries.look(is_right, || {
            format!("`{key}` is not posted as week {} says", closed.week.number)
        });
        Ok(!postings.is_empty())
    }
}
