//! The thread that proves: one, of the lowest priority, so that the pump never waits for it.
//!
//! The proving key is read for each proof and freed after it: a car proves a few times a day, and has
//! better uses for the memory.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;
use zk::keys::{Allow, Folder, FolderError};
use zk::{Fingerprint, Proof, ProveError, Statement, Witness};

/// The nicest a thread can be.
const NICENESS: i32 = 19;

/// Proves, one statement after the other.
#[derive(Clone, Debug)]
pub struct ProvingThread {
    pool: Arc<rayon::ThreadPool>,
    keys: PathBuf,
    allow: Allow,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum NotProven {
    /// The thread could not be started.
    #[error("cannot start the thread that proves")]
    Thread(#[from] rayon::ThreadPoolBuildError),
    /// The keys can not be used.
    #[error(transparent)]
    Keys(#[from] Box<FolderError>),
    /// The statement does not hold, or its proof does not verify.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The thread died of a bug.
    #[error("the thread that proves ended unexpectedly")]
    Died,
}

impl ProvingThread {
    /// Starts the thread. It takes its keys from the folder `keys`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(keys: PathBuf, allow: Allow) -> Result<Self, NotProven> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "prover".to_owned())
            .start_handler(|_| {
                // On Linux the priority is that of the calling thread.
                if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
                    tracing::warn!(%error, "the thread that proves has the usual priority");
                }
            })
            // Without this, a panic would end the whole agent.
            .panic_handler(|_| tracing::error!("the thread that proves has met a bug"))
            .build()?;
        Ok(Self { pool: Arc::new(pool), keys, allow })
    }

    /// Proves `statement`, and names the verifying key.
    ///
    /// # Errors
    /// When the statement does not hold, or the keys can not be used.
    pub async fn prove(
        &self,
        statement: Statement,
        witness: Witness,
    ) -> Result<(Proof, Fingerprint), NotProven> {
        let (keys, allow) = (self.keys.clone(), self.allow);
        let work = move || -> Result<_, NotProven> {
            let folder = Folder::load(&keys, allow).map_err(Box::new)?;
            prove(&folder, &statement, &witness)
        };
        self.run(work).await?
    }

    /// Waits, without holding up anyone else, until the thread has done `work`.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NotProven> {
        let (sender, receiver) = oneshot::channel();
        // Whoever asked may have been told to stop.
        self.pool.spawn(move || drop(sender.send(work())));
        receiver.await.or(Err(NotProven::Died))
    }
}

fn prove(
    folder: &Folder,
    statement: &Statement,
    witness: &Witness,
) -> Result<(Proof, Fingerprint), NotProven> {
    let circuit = statement.circuit();
    let fingerprint = folder.verifying(circuit).map_err(Box::new)?.fingerprint();
    let prover = folder.prover(circuit).map_err(Box::new)?;
    Ok((prover.prove(statement, witness, &mut rand::rng())?, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread() -> ProvingThread {
        ProvingThread::start(PathBuf::new(), Allow::CeremonyOnly).unwrap()
    }

    #[test]
    fn the_thread_is_nice_and_the_others_are_not() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();

        assert_eq!(thread().pool.install(niceness), NICENESS);
        assert!(niceness() < NICENESS);
    }

    /// The work ends only when another task of the same, single thread goes on meanwhile.
    #[tokio::test]
    async fn whoever_waits_for_a_proof_holds_up_nobody() {
        let (go, wait) = std::sync::mpsc::channel();
        let patience = std::time::Duration::from_secs(20);
        let thread = thread();
        let work = thread.run(move || wait.recv_timeout(patience));
        let (done, sent) = tokio::join!(work, async move { go.send(7) });

        sent.unwrap();
        assert_eq!(done.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn a_bug_in_the_thread_ends_one_proof_and_not_the_agent() {
        let thread = thread();
        let died = thread.run(|| panic!("a bug")).await;

        assert!(matches!(died, Err::<(), _>(NotProven::Died)), "{died:?}");
        assert_eq!(thread.run(|| 7).await.unwrap(), 7, "the thread goes on");
    }

    #[tokio::test]
    async fn without_keys_there_is_an_error_that_names_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let error = Folder::load(folder.path(), Allow::CeremonyOnly).unwrap_err();
        let error = NotProven::from(Box::new(error)).to_string();
        assert!(error.contains("keys.json"), "{error}");
    }
}
