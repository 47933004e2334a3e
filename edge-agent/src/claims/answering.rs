//! The task that answers campaigns.

use std::sync::Arc;
use std::time::Duration;

use telematics::{Campaign, CampaignId, Disclosure, Offer, Timestamp};
use tokio_util::sync::CancellationToken;
use zk::{ClassNumbers, Payee, Statement, Witness};

use super::claim::{Claim, ClaimState, counts, pay};
use super::error::ClaimError;
use super::find::{Found, find};
use super::market::Market;
use super::thread::ProvingThread;
use crate::clock;
use crate::identity::Identity;
use crate::status::{Board, chain_text};
use crate::uplink::Shared;

/// Records that are tried for one campaign in one round: the newest may be too new for the newest root.
const FOUND_MAX: usize = 4;

/// How often it is looked whether the uplink is connected.
const CONNECTION_CHECK: Duration = Duration::from_millis(200);

/// When to ask and when to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time between two looks at the campaigns.
    pub check_period: Duration,
    /// A claim is sent after a random part of this.
    pub delay_max: Duration,
    /// What a claim was paid is moved to the owner after a random part of this.
    pub sweep_delay_max: Duration,
    /// Vehicles among which this one hides, itself included: a campaign in whose scope there are fewer is not answered.
    pub vehicles_min: u32,
}

/// Answers campaigns for one car.
pub struct Answering {
    market: Market,
    identity: Identity,
    shared: Shared,
    thread: ProvingThread,
    settings: Settings,
}

impl Answering {
    /// Answers for the car that `identity` is, from what `shared` keeps.
    #[must_use]
    pub const fn new(
        market: Market,
        identity: Identity,
        shared: Shared,
        thread: ProvingThread,
        settings: Settings,
    ) -> Self {
        Self { market, identity, shared, thread, settings }
    }

    /// Asks and answers until `stop` is cancelled. What fails is logged, shown and tried again.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let round = async {
                self.hear_the_owner().await;
                let sent = self.send_due().await;
                let answered = self.answer_new().await;
                let sent = sent.and(answered).and(self.send_due().await);
                sent.and(self.sweep_due().await)
            };
            let result = tokio::select! {
                () = stop.cancelled() => return,
                result = round => result,
            };
            let error = result.err().map(|error| chain_text(&error));
            if let Some(error) = &error {
                tracing::warn!(%error, "campaigns not answered yet");
            }
            self.shared.board.update(|status| status.last_claim_error = error);
            let pause = self.pause();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Waits until the uplink is connected, and so has asked what the owner permits by now.
    async fn hear_the_owner(&self) {
        self.shared.quiet.over().await;
        while !self.shared.board.snapshot().connected {
            self.shared.quiet.over().await;
            tokio::time::sleep(CONNECTION_CHECK).await;
        }
    }

    /// Until the next look, or the next claim that is due.
    fn pause(&self) -> Duration {
        let claims = self.claims().unwrap_or_default();
        show(&self.shared.board, &claims);
        let now = clock::now();
        let until = |due_at: Timestamp| {
            // What is due already could not be sent just now.
            let micros = u64::try_from(due_at.micros_since(now)).ok();
            micros.filter(|micros| *micros > 0).map(Duration::from_micros)
        };
        let is_waiting = |claim: &Claim| claim.state == ClaimState::Waiting;
        let due = claims.iter().flat_map(|(_, claim)| {
            [Some(claim.due_at()).filter(|_| is_waiting(claim)), claim.sweep_at()]
        });
        due.flatten().filter_map(until).fold(self.settings.check_period, Duration::min)
    }

    fn claims(&self) -> Result<Vec<(CampaignId, Claim)>, ClaimError> {
        Ok(self.shared.spool.claims()?)
    }

    /// Sends what is due. A claim that could not be sent does not hold up the others.
    async fn send_due(&self) -> Result<(), ClaimError> {
        let now = clock::now();
        let mut result = Ok(());
        for (campaign, mut claim) in self.claims()?.into_iter().filter(|(_, c)| c.is_due(now)) {
            match self.send(campaign, &mut claim).await {
                Ok(()) => self.shared.spool.keep_claim(campaign, &claim)?,
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// Sends `claim`, and notes in it what became of it.
    async fn send(&self, campaign: CampaignId, claim: &mut Claim) -> Result<(), ClaimError> {
        let Some(request) = claim.request(campaign) else {
            claim.state = ClaimState::Refused("the claim is damaged".to_owned());
            return Ok(());
        };
        match self.market.submit(request).await {
            Ok(existed) => {
                tracing::info!(%campaign, existed, "claim sent");
                let delay = self.settings.sweep_delay_max.mul_f64(rand::random_range(0.0..=1.0));
                claim.sent(after(clock::now(), delay));
            }
            Err(error) => {
                let Some(reason) = error.final_words() else { return Err(error) };
                tracing::warn!(%campaign, reason, "claim refused");
                claim.state = ClaimState::Refused(reason);
            }
        }
        Ok(())
    }

    /// Moves what claims were paid to the owner, each when its time has come.
    async fn sweep_due(&self) -> Result<(), ClaimError> {
        let now = clock::now();
        let mut result = Ok(());
        for (campaign, mut claim) in self.claims()? {
            if claim.sweep_at().is_none_or(|sweep_at| sweep_at > now) {
                continue;
            }
            let Some(request) = claim.sweep(self.identity.owner) else { continue };
            match self.market.sweep(request).await {
                Ok(micro_tokens) => {
                    tracing::info!(%campaign, micro_tokens, "moved to the owner");
                    claim.state = ClaimState::Swept;
                    self.shared.spool.keep_claim(campaign, &claim)?;
                }
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// Proves for each campaign that has no claim yet and that this car can answer. One that can not be
    /// answered now does not hold up the others.
    async fn answer_new(&self) -> Result<(), ClaimError> {
        let offers = self.market.campaigns().await?;
        let answered = self.claims()?;
        let now = clock::now();
        let mut result = Ok(());
        for offer in offers {
            let campaign = &offer.campaign;
            let is_new = answered.iter().all(|(id, _)| *id != campaign.id);
            if is_new
                && now < campaign.closes_at
                && offer.vehicles_in_scope >= self.settings.vehicles_min
                && self.concerns(campaign)
                && let Err(error) = self.answer(&offer).await
            {
                result = Err(error);
            }
        }
        result
    }

    /// True when the campaign asks cars like this one, about something that its owner does not keep.
    fn concerns(&self, campaign: &Campaign) -> bool {
        let disclosure = self.shared.policy.borrow().disclosure(campaign.question.signal());
        disclosure != Disclosure::Keep && campaign.scope.class().admits(&self.identity.holder.car)
    }

    async fn answer(&self, offer: &Offer) -> Result<(), ClaimError> {
        let campaign = &offer.campaign;
        for found in self.candidates(campaign).await? {
            let salt = rand::random();
            let prepared = prepare(&self.market, &self.identity, campaign, found, salt).await;
            let (statement, witness) = match prepared {
                Ok(Some(ready)) => ready,
                Ok(None) => continue,
                Err(error @ ClaimError::NotInTree { .. }) => {
                    tracing::warn!(error = chain_text(&error), "a leaf is lost");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let (proof, _) = self.thread.prove(statement.clone(), witness).await?;
            let now = clock::now();
            let part = rand::random_range(0.0..=1.0);
            let due_at = due_at(now, campaign.closes_at, self.settings.delay_max, part);
            let claim = Claim::new(&statement, &proof, salt, due_at, offer.pay_micro_tokens);
            self.shared.spool.keep_claim(campaign.id, &claim)?;
            tracing::info!(campaign = %campaign.id, %due_at, "claim proven");
            return Ok(());
        }
        Ok(())
    }

    async fn candidates(&self, campaign: &Campaign) -> Result<Vec<Found>, ClaimError> {
        let (spool, vault) = (Arc::clone(&self.shared.spool), self.shared.vault.clone());
        let (question, scope) = (campaign.question.clone(), campaign.scope.clone());
        let days = scope.first_day()..=scope.last_day();
        let search = move || find(&spool, &vault, &question, days, FOUND_MAX);
        Ok(tokio::task::spawn_blocking(search).await??)
    }
}

/// Statement and witness of the claim that `found` answers `campaign`, or `None` while no root holds its
/// leaf.
///
/// # Errors
/// When the marketplace serves no path, or one that leads elsewhere.
pub(crate) async fn prepare(
    market: &Market,
    identity: &Identity,
    campaign: &Campaign,
    found: Found,
    salt: [u8; 16],
) -> Result<Option<(Statement, Witness)>, ClaimError> {
    let leaf = witness_leaf(identity, &found)?;
    let Some((root, path)) = market.path(leaf, found.leaf).await? else { return Ok(None) };
    let (statement, witness) = state(identity, campaign, found, salt, (root, path));
    zk::check(&statement, &witness)?;
    Ok(Some((statement, witness)))
}

/// The leaf that the marketplace made of what was found.
///
/// # Errors
/// None in practice: what is kept was committed to.
pub(crate) fn witness_leaf(identity: &Identity, found: &Found) -> Result<zk::Leaf, ClaimError> {
    let holder = &identity.holder;
    let commitment = found.kept.committable.commit(found.kept.blinding)?;
    let class = ClassNumbers::of(&holder.car);
    let identity_commitment = holder.secret.identity_commitment();
    Ok(zk::leaf(identity_commitment, class, found.leaf.day, commitment)?)
}

/// Statement and witness of the claim that `found` answers `campaign`.
pub(crate) fn state(
    identity: &Identity,
    campaign: &Campaign,
    found: Found,
    salt: [u8; 16],
    (root, path): (zk::Root, zk::tree::Path),
) -> (Statement, Witness) {
    let holder = &identity.holder;
    let statement = Statement {
        root,
        campaign: campaign.id,
        nullifier: holder.secret.nullifier(campaign.id),
        payee: Payee::of(identity.owner.as_bytes(), salt),
        scope: campaign.scope.clone(),
        question: campaign.question.clone(),
    };
    let witness = Witness {
        secret: holder.secret,
        class: ClassNumbers::of(&holder.car),
        day: found.leaf.day,
        path,
        committed: found.kept.committable,
        blinding: found.kept.blinding,
    };
    (statement, witness)
}

/// `part` (0 to 1) of the longest delay from `now`; of half the time that is left, where that is shorter.
fn due_at(now: Timestamp, closes_at: Timestamp, delay_max: Duration, part: f64) -> Timestamp {
    let left = u64::try_from(closes_at.micros_since(now) / 2).unwrap_or(0);
    after(now, delay_max.min(Duration::from_micros(left)).mul_f64(part))
}

fn after(now: Timestamp, delay: Duration) -> Timestamp {
    now.plus_micros(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX))
}

/// Shows how many `claims` there are, and what they were paid.
pub(crate) fn show(board: &Board, claims: &[(CampaignId, Claim)]) {
    let ([waiting, sent, refused], [paid, swept]) = (counts(claims), pay(claims));
    board.update(|status| {
        (status.claims_waiting, status.claims_sent) = (waiting, sent);
        status.claims_refused = refused;
        (status.claims_paid_micro_tokens, status.claims_swept_micro_tokens) = (paid, swept);
    });
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn a_claim_is_due_within_the_longest_delay_and_before_the_campaign_closes() {
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        let after = |closes: i64, part| {
            let closes_at = T0.plus_seconds(closes * 3_600);
            due_at(T0, closes_at, hours(6), part).micros_since(T0) / 3_600_000_000
        };
        assert_eq!((after(100, 0.0), after(100, 0.5), after(100, 1.0)), (0, 3, 6));
        assert_eq!((after(4, 1.0), after(0, 1.0), after(-5, 1.0)), (2, 0, 0));
    }
}
