//! Claims are verified together: many proofs at a time cost a fraction of one by one.
//!
//! One task takes what is waiting, verifies it beside the threads that serve, commits what is proven in one
//! transaction, and only then answers.
//!
//! **Invariant:** the queue is bounded. Whoever finds it full is told to come again later, before anything
//! was computed for him. An answer is given after the commit that it speaks of.

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::Status;

use super::{proofs, status};
use crate::app::App;
use crate::campaigns::{self, CampaignsError, ClaimRefusal, Kept, PendingClaim, VerifiedClaim};

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
    queue: mpsc::Sender<Waiting>,
    takes_proofs: bool,
}

/// Starts the verifying task. It ends when the last [`Verifying`] is dropped.
pub(super) fn start(app: App) -> (Verifying, JoinHandle<()>) {
    let (queue, waiting) = mpsc::channel(WAITING_MAX);
    let takes_proofs = app.keys.is_some();
    (Verifying { queue, takes_proofs }, tokio::spawn(run(app, waiting)))
}

impl Verifying {
    /// Verifies `claim` and keeps it; the answer comes when it is on disk.
    pub(super) async fn decide(&self, claim: PendingClaim) -> Answer {
        if !self.takes_proofs {
            return Err(no_keys());
        }
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Waiting { claim, reply }).map_err(|error| match error {
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

async fn run(app: App, mut queue: mpsc::Receiver<Waiting>) {
    while let Some(first) = queue.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX {
            let Ok(next) = queue.try_recv() else { break };
            batch.push(next);
        }
        let (claims, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.claim, waiting.reply)).unzip();
        let answers = answer(&app, claims).await;
        // A reply fails only when its caller is gone; he will ask again.
        for (reply, answer) in replies.into_iter().zip(answers) {
            reply.send(answer).ok();
        }
    }
}

/// One answer for each claim, in their order.
async fn answer(app: &App, claims: Vec<PendingClaim>) -> Vec<Answer> {
    let count = claims.len();
    let verdicts = match verify(app, claims).await {
        Ok(verdicts) => verdicts,
        Err(status) => return vec![Err(status); count],
    };
    let proven = verdicts.iter().filter_map(|verdict| verdict.as_ref().ok());
    let mut kept = match keep(app, proven.cloned().collect()).await {
        Ok(kept) => kept.into_iter(),
        Err(status) => return vec![Err(status); count],
    };
    let outcome = |verdict: Result<VerifiedClaim, ClaimRefusal>| {
        let outcome = verdict.and_then(|_| kept.next().unwrap_or(Ok(Kept::Before)));
        outcome.map_err(|refusal| proofs::refused(&refusal))
    };
    verdicts.into_iter().map(outcome).collect()
}

async fn verify(
    app: &App,
    claims: Vec<PendingClaim>,
) -> Result<Vec<Result<VerifiedClaim, ClaimRefusal>>, Status> {
    let keys = app.keys.clone().ok_or_else(no_keys)?;
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
    let now = app.clock.now();
    let kept = app.db.write::<_, CampaignsError, _>(move |conn| {
        proven.iter().map(|claim| campaigns::keep(conn, claim, now)).collect()
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
        let verifying = Verifying { queue, takes_proofs: true };
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
