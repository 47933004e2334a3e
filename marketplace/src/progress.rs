//! How far the jobs are: when each ran last, how long it took, what it did, and what went wrong.
//!
//! Kept in memory, so that a turn without work costs no write, and begins anew with the process.
//!
//! **Not here:** what a job does ([`crate::jobs`]) and how it is shown (the status of the REST API and the
//! command line).

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use telematics::Timestamp;

use crate::clock::Clock;

/// What happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// Batches move to the lake.
    Flush,
    /// Small files of the lake are merged.
    Compaction,
    /// Datasets are measured and described.
    Statistics,
    /// What is kept for a time only is let go.
    Retention,
    /// Files of the lake that nobody needs are removed.
    Vacuum,
    /// Periods of subscriptions are ordered.
    Subscriptions,
    /// Orders are refunded or delivered.
    Sales,
    /// Live streams that are over are settled.
    Live,
    /// Data campaigns count days and pay.
    DataCampaigns,
    /// Weeks are closed and paid.
    Rewards,
    /// What owners took back is erased.
    Erasure,
    /// Roots are published.
    Roots,
    /// The search index follows the datasets.
    Index,
    /// Profiles of datasets are made.
    Profile,
}

impl Job {
    /// All, in the order in which they take turns.
    pub const ALL: [Self; 14] = [
        Self::Flush,
        Self::Compaction,
        Self::Statistics,
        Self::Retention,
        Self::Vacuum,
        Self::Subscriptions,
        Self::Sales,
        Self::Live,
        Self::DataCampaigns,
        Self::Rewards,
        Self::Erasure,
        Self::Roots,
        Self::Index,
        Self::Profile,
    ];

    /// How it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flush => "flush",
            Self::Compaction => "compaction",
            Self::Statistics => "statistics",
            Self::Retention => "retention",
            Self::Vacuum => "vacuum",
            Self::Subscriptions => "subscriptions",
            Self::Sales => "sales",
            Self::Live => "live",
            Self::DataCampaigns => "data-campaigns",
            Self::Rewards => "rewards",
            Self::Erasure => "erasure",
            Self::Roots => "roots",
            Self::Index => "index",
            Self::Profile => "profile",
        }
    }

    /// What its work is counted in.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Flush => "rows moved",
            Self::Compaction => "files merged",
            Self::Statistics => "datasets described anew",
            Self::Retention => "files and payloads let go",
            Self::Vacuum => "files removed",
            Self::Subscriptions => "periods ordered",
            Self::Sales => "orders settled",
            Self::Live => "live streams settled",
            Self::DataCampaigns => "vehicles paid for collecting",
            Self::Rewards => "weeks closed or paid",
            Self::Erasure => "vehicles erased",
            Self::Roots => "roots published",
            Self::Index => "datasets indexed",
            Self::Profile => "profiles made",
        }
    }

    const fn purpose(self) -> &'static str {
        match self {
            Self::Flush => "move batches to the lake",
            Self::Compaction => "merge small files of the lake",
            Self::Statistics => "describe the datasets",
            Self::Retention => "let go of what is over",
            Self::Vacuum => "remove files of the lake that nobody needs",
            Self::Subscriptions => "order the periods of subscriptions",
            Self::Sales => "settle orders",
            Self::Live => "settle live streams",
            Self::DataCampaigns => "count days of data campaigns and pay",
            Self::Rewards => "close and pay weeks",
            Self::Erasure => "erase what an owner took back",
            Self::Roots => "publish a root",
            Self::Index => "bring the search index up to the datasets",
            Self::Profile => "make the profile of a dataset",
        }
    }
}

/// One turn of a job that ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub micros: i64,
    /// How much it did, in the unit of the job.
    pub done: u64,
}

impl Turn {
    /// How much it did in a second; none when it took no time.
    #[must_use]
    pub fn per_second(&self) -> Option<u64> {
        let micros = u64::try_from(self.micros).ok()?;
        self.done.saturating_mul(1_000_000).checked_div(micros)
    }
}

/// A turn that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// What went wrong, causes included.
    pub message: String,
}

/// How far one job is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Since when it has been at work; none between turns.
    pub running_since: Option<Timestamp>,
    /// The last turn that ended well.
    pub last: Option<Turn>,
    /// The last one that had something to do.
    pub last_with_work: Option<Turn>,
    /// The last that failed.
    pub failure: Option<Failure>,
    /// Whether it failed the last time.
    pub failing: bool,
}

/// How far all jobs are. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<BTreeMap<Job, State>>>);

impl Progress {
    /// Runs `turn` of `job`, which says how much it did, and notes how it went. What went wrong is logged.
    ///
    /// # Errors
    /// What `turn` returns.
    pub async fn watch<E: Error + 'static>(
        &self,
        job: Job,
        clock: Clock,
        turn: impl Future<Output = Result<u64, E>>,
    ) -> Result<u64, E> {
        let at = clock.now();
        self.note(job, |state| state.running_since = Some(at));
        let result = turn.await;
        let now = clock.now();
        match &result {
            Ok(done) => {
                let turn = Turn { at, micros: now.micros_since(at).max(0), done: *done };
                self.note(job, |state| state.succeed(turn));
            }
            Err(error) => {
                let error: &(dyn Error + 'static) = error;
                tracing::error!(error, "cannot {}", job.purpose());
                self.note(job, |state| state.fail(Failure { at: now, message: chain(error) }));
            }
        }
        result
    }

    /// How far `job` is.
    #[must_use]
    pub fn of(&self, job: Job) -> State {
        self.states().get(&job).cloned().unwrap_or_default()
    }

    fn note(&self, job: Job, change: impl FnOnce(&mut State)) {
        change(self.states().entry(job).or_default());
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<Job, State>> {
        // A note is one assignment: there is no half of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn succeed(&mut self, turn: Turn) {
        (self.running_since, self.failing) = (None, false);
        self.last = Some(turn);
        if turn.done > 0 {
            self.last_with_work = Some(turn);
        }
    }

    fn fail(&mut self, failure: Failure) {
        (self.running_since, self.failing) = (None, true);
        self.failure = Some(failure);
    }
}

/// The error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let (mut said, mut cause) = (Vec::new(), Some(error));
    while let Some(error) = cause {
        said.push(error.to_string());
        cause = error.source();
    }
    // A transparent error says what its cause says.
    said.dedup();
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    const CLOCK: Clock = Clock::Fixed(T0);

    async fn turn(progress: &Progress, result: Result<u64, std::io::Error>) {
        progress.watch(Job::Flush, CLOCK, async { result }).await.ok();
    }

    #[tokio::test]
    async fn a_turn_without_work_does_not_hide_the_last_that_had_some() {
        let progress = Progress::default();
        for done in [5, 0] {
            turn(&progress, Ok(done)).await;
        }

        let state = progress.of(Job::Flush);
        assert_eq!(state.last.unwrap().done, 0);
        assert_eq!(state.last_with_work.unwrap().done, 5);
        assert_eq!(progress.of(Job::Sales), State::default());
    }

    #[tokio::test]
    async fn what_went_wrong_is_told_after_it_went_well_again() {
        let progress = Progress::default();
        turn(&progress, Err(std::io::Error::other("the disk is gone"))).await;
        let state = progress.of(Job::Flush);
        assert!(state.failing && state.last.is_none() && state.running_since.is_none());

        turn(&progress, Ok(1)).await;

        let state = progress.of(Job::Flush);
        assert!(!state.failing);
        assert_eq!(state.failure.unwrap().message, "the disk is gone");
    }

    #[tokio::test]
    async fn a_job_that_is_at_work_says_since_when() {
        let progress = Progress::default();
        let seen = async {
            Ok::<_, std::io::Error>(u64::from(progress.of(Job::Roots).running_since == Some(T0)))
        };
        assert_eq!(progress.watch(Job::Roots, CLOCK, seen).await.unwrap(), 1);
        assert_eq!(progress.of(Job::Roots).running_since, None);
    }

    #[test]
    fn work_is_told_by_the_second() {
        let turn = |micros, done| Turn { at: T0, micros, done }.per_second();
        assert_eq!(turn(500_000, 10), Some(20));
        assert_eq!(turn(0, 10), None);
    }
}
