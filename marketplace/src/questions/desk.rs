//! Where questions are answered: on threads of their own, a few at a time, each within its limits.
//!
//! **Invariant:** however many questions are asked, at most `at_once_max` of them compute, each in at
//! most its memory and its time; the threads that take samples in are not theirs.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::execution::cache::cache_manager::{
    CacheManagerConfig, FileMetadataCache,
};
use deltalake::datafusion::execution::memory_pool::FairSpillPool;
use deltalake::datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use deltalake::datafusion::prelude::SessionContext;
use deltalake::delta_datafusion::DeltaSessionContext;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use super::QuestionError;
use super::scan::Indexes;
use super::sql::Fleets;
use crate::config::QuestionLimits;

/// Stack of a thread that answers. Plans are trees, and trees are walked by recursion.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// Temporary files of one question, as a multiple of its memory.
const SPILL_FACTOR: u64 = 4;

/// Answers questions. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// What a question may cost.
    pub(super) limits: QuestionLimits,
    seats: Arc<Semaphore>,
    threads: Arc<Threads>,
    /// The indexes at the end of Parquet files, which never change; some 50 MB of them.
    footers: Arc<FileMetadataCache>,
    /// What is where in them.
    pub(super) indexes: Indexes,
    /// The vehicles of those who asked last.
    pub(super) fleets: Fleets,
}

/// A runtime may not be dropped where others run: its threads are left to end by themselves.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Desk {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system has none.
    pub fn open(limits: QuestionLimits) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("questions")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()?;
        Ok(Self {
            seats: Arc::new(Semaphore::new(usize::from(limits.at_once_max.max(1)))),
            limits,
            footers: RuntimeEnv::default().cache_manager.get_file_metadata_cache(),
            indexes: Indexes::default(),
            fleets: Fleets::default(),
            threads: Arc::new(Threads(Some(runtime))),
        })
    }

    /// Answers, or says what limit stands against it.
    ///
    /// # Errors
    /// What `question` returns; [`QuestionError::Busy`] when no place gets free in time, and
    /// [`QuestionError::TooSlow`] when it takes too long.
    pub async fn answer<T, F>(&self, question: F) -> Result<T, QuestionError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, QuestionError>> + Send + 'static,
    {
        let seconds = self.limits.seconds_max;
        let patience = Duration::from_secs(seconds);
        let busy = || QuestionError::Busy { at_once: self.limits.at_once_max.into() };
        let waiting = tokio::time::timeout(patience, Arc::clone(&self.seats).acquire_owned());
        let Ok(Ok(seat)) = waiting.await else { return Err(busy()) };
        let Some(runtime) = &self.threads.0 else { return Err(busy()) };

        let mut answering = runtime.spawn(async move {
            let answer = Box::pin(question).await;
            drop(seat);
            answer
        });
        let Ok(answer) = tokio::time::timeout(patience, &mut answering).await else {
            answering.abort();
            return Err(QuestionError::TooSlow { seconds });
        };
        answer?.map_err(|error| self.name_the_limit(error))
    }

    /// What one question may use: its memory, and room for temporary files.
    pub(super) fn resources(&self) -> RuntimeEnvBuilder {
        let bytes = self.limits.memory_mib_max.saturating_mul(1024 * 1024);
        let memory = FairSpillPool::new(usize::try_from(bytes).unwrap_or(usize::MAX));
        let spill = bytes.saturating_mul(SPILL_FACTOR);
        let resources = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(memory));
        resources.with_max_temp_directory_size(spill)
    }

    /// A session with the memory of one question, that knows what any question before has read of the files'
    /// own indexes.
    pub(super) fn session(&self) -> Result<SessionContext, DataFusionError> {
        let footers = Some(Arc::clone(&self.footers));
        let caches = CacheManagerConfig::default().with_file_metadata_cache(footers);
        let runtime = self.resources().with_cache_manager(caches).build();
        Ok(DeltaSessionContext::with_runtime_env(Arc::new(runtime?)).into())
    }

    fn name_the_limit(&self, error: QuestionError) -> QuestionError {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(inner) = cause {
            // As a cause it is in its box.
            let boxed = || inner.downcast_ref::<Box<DataFusionError>>().map(AsRef::as_ref);
            let engine = inner.downcast_ref::<DataFusionError>().or_else(boxed);
            if engine.is_some_and(is_exhausted) {
                return QuestionError::TooMuchMemory { mib: self.limits.memory_mib_max };
            }
            cause = inner.source();
        }
        error
    }
}

/// Whether memory or the room for temporary files came to an end. Of the latter the engine keeps only
/// the message.
fn is_exhausted(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => true,
        DataFusionError::ArrowError(cause, _) => {
            cause.to_string().contains("disk space during the spilling process has exceeded")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(seconds_max: u64, at_once_max: u16) -> Desk {
        let limits = QuestionLimits { seconds_max, at_once_max, ..QuestionLimits::default() };
        Desk::open(limits).unwrap()
    }

    #[tokio::test]
    async fn a_question_that_takes_too_long_is_told_so() {
        let forever = desk(0, 1).answer(std::future::pending::<Result<(), _>>()).await;

        let error = forever.unwrap_err().to_string();
        assert!(error.contains("within 0 s") && error.contains("less time"), "{error}");
    }

    #[tokio::test]
    async fn no_more_questions_are_answered_at_once_than_there_are_places() {
        let desk = desk(1, 1);
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let (sitting, first) = (desk.clone(), async move {
            receiver.await.ok();
            Ok(1)
        });
        let first = tokio::spawn(async move { sitting.answer(first).await });
        tokio::task::yield_now().await;

        let turned_away = desk.answer(async { Ok(2) }).await.unwrap_err();
        assert!(matches!(turned_away, QuestionError::Busy { at_once: 1 }), "{turned_away}");
        sender.send(()).ok();
        first.await.unwrap().ok();
        assert_eq!(desk.answer(async { Ok(3) }).await.unwrap(), 3, "a place is given back");
    }

    #[tokio::test]
    async fn a_question_that_panics_costs_nobody_a_place() {
        let desk = desk(5, 1);
        let failed = desk.answer::<(), _>(async { panic!("as a broken plan does") }).await;

        assert!(matches!(failed, Err(QuestionError::Interrupted(_))));
        assert_eq!(desk.answer(async { Ok(3) }).await.unwrap(), 3);
    }
}
