//! Claims are verified together: many proofs at a time cost a fraction of one by one.
//!
//! One task takes what is waiting, verifies it beside the threads that serve, commits what is proven in one
//! transaction, and only then answers.
//!
//! **Invariant:** the queue is bounded. Whoever finds it full is told to come again later, before anything
//! was computed for him. An answer is given after the commit that it speaks of.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::Status;

use super::{proofs, status};
use crate::app::App;
use crate::campaigns::{self, CampaignsError, ClaimRefusal, Kept, PendingClaim, VerifiedClaim};
use crate::keys::Keys;

/// Claims waiting: some two seconds of work of one core.
const WAITING_MAX: usize = 4_096;
/// Claims verified together: beyond that a proof hardly costs less, and the first waits longer.
const BATCH_MAX: usize = 256;

type Answer = Result<Kept, Status>;

/// One claim, and where its caller waits.
struct Waiting {
    claim: PendingClaim,
    reply: oneshot::Sender<Answer>,
}

/// Hands claims to the verifying task.
#[derive(Clone)]
pub(super) struct Verifying {
    /// `None` in a market without verifying keys.
    queue: Option<mpsc::Sender<Waiting>>,
}

/// Starts the verifying task, if the market has keys to verify with. It ends when the last
/// [`Verifying`] is dropped.
pub(super) fn start(app: App) -> (Verifying, Option<JoinHandle<()>>) {
    let Some(keys) = app.keys.clone() else { return (Verifying { queue: None }, None) };
    let (queue, waiting) = mpsc::channel(WAITING_MAX);
    (Verifying { queue: Some(queue) }, Some(tokio::spawn(run(app, keys, waiting))))
}

impl Verifying {
    /// Verifies `claim` and keeps it; the answer comes when it is on disk.
    pub(super) async fn decide(&self, claim: PendingClaim) -> Answer {
        let queue = self.queue.as_ref().ok_or_else(no_keys)?;
        let (reply, answer) = oneshot::channel();
        queue.try_send(Waiting { claim, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Status::resource_exhausted(
                "too many claims are waiting to be verified; nothing was kept: retry after 10 s",
            ),
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        answer.await.or(Err(stopped()))?
    }
}

fn stopped() -> Status {
    Status::unavailable("the market is stopping; nothing was kept: retry later")
}

fn no_keys() -> Status {
    Status::unavailable(
        "this market takes no proofs now, because it has no verifying keys: retry later; its \
         operator can set keys_dir",
    )
}

async fn run(app: App, keys: Arc<Keys>, mut queue: mpsc::Receiver<Waiting>) {
    while let Some(first) = queue.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX {
            let Ok(next) = queue.try_recv() else { break };
            batch.push(next);
        }
        let (claims, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.claim, waiting.reply)).unzip();
        let answers = answer(&app, &keys, claims).await;
        // A reply fails only when its caller is gone; he will ask again.
        for (reply, answer) in replies.into_iter().zip(answers) {
            reply.send(answer).ok();
        }
    }
}

/// One answer for each claim, in their order.
async fn answer(app: &App, keys: &Arc<Keys>, claims: Vec<PendingClaim>) -> Vec<Answer> {
    let count = claims.len();
    let verdicts = match verify(keys, claims).await {
        Ok(verdicts) => verdicts,
        Err(status) => return vec![Err(status); count],
    };
    let proven = verdicts.iter().filter_map(|verdict| verdict.as_ref().ok());
    let mut kept = match keep(app, proven.cloned().collect()).await {
        Ok(kept) => kept.into_iter(),
        Err(status) => return vec![Err(status); count],
    };
    let outcome = |verdict: Result<VerifiedClaim, ClaimRefusal>| match verdict {
        Ok(_) => kept.next().map_or_else(
            || Err(Status::internal("a claim was verified and not kept")),
            |kept| kept.map_err(|refusal| proofs::refused(&refusal)),
        ),
        Err(refusal) => Err(proofs::refused(&refusal)),
    };
    verdicts.into_iter().map(outcome).collect()
}

async fn verify(
    keys: &Arc<Keys>,
    claims: Vec<PendingClaim>,
) -> Result<Vec<Result<VerifiedClaim, ClaimRefusal>>, Status> {
    let keys = Arc::clone(keys);
    // Milliseconds of arithmetic: not on a thread that serves others.
    let verified =
        tokio::task::spawn_blocking(move || campaigns::verify(&keys, claims, &mut rand::rng()));
    verified.await.or(Err(Status::internal("verifying claims failed; nothing was kept")))
}

async fn keep(
    app: &App,
    proven: Vec<VerifiedClaim>,
) -> Result<Vec<Result<Kept, ClaimRefusal>>, Status> {
    if proven.is_empty() {
        return Ok(Vec::new());
    }
    let (rules, now) = (app.config.rules.clone(), app.clock.now());
    let kept = app.db.write::<_, CampaignsError, _>(move |conn| {
        proven.iter().map(|claim| campaigns::keep(conn, claim, &rules, now)).collect()
    });
    kept.await.map_err(|error| status::storage(app, &error))
}

#[cfg(test)]
mod tests {
    use telematics::CampaignId;
    use telematics::testing::T0;
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_names_when_to_come_again() {
        let (queue, mut waiting) = mpsc::channel(1);
        let verifying = Verifying { queue: Some(queue) };
        let campaign = CampaignId::new(T0, [1; 10]);
        let first = tokio::spawn({
            let verifying = verifying.clone();
            async move { verifying.decide(campaigns::pending_for_tests(campaign)).await }
        });
        while waiting.is_empty() {
            tokio::task::yield_now().await;
        }

        let refused = verifying.decide(campaigns::pending_for_tests(campaign)).await.unwrap_err();

        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.message().contains("retry after"), "{refused:?}");
        waiting.recv().await.unwrap().reply.send(Ok(Kept::Now)).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), Kept::Now);
    }
}
