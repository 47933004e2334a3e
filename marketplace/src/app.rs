//! What everything that serves shares. Cheap to clone.
//!
//! **Not here:** how it is served (the `serve` command) and any rule.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zk::keys::FolderError;

use crate::answers::InFlight;
use crate::catalog::{Search, SearchError};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::identity::{Authority, AuthorityError};
use crate::keys::Keys;
use crate::lake::{Lake, LakeError};
use crate::progress::Progress;
use crate::questions::{Desk, Source};

/// One running marketplace.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// Where `now` comes from.
    pub clock: Clock,
    /// How it runs.
    pub config: Arc<Config>,
    /// All samples, in columns.
    pub lake: Lake,
    /// Answers questions over them.
    pub questions: Desk,
    /// How far the jobs are.
    pub progress: Progress,
    /// Requests that are being answered.
    pub in_flight: InFlight,
    /// Finds datasets.
    pub search: Search,
    /// Signs the certificates of vehicles.
    pub authority: Arc<Authority>,
    /// Verifies proofs. `None` when no `keys_dir` is configured.
    pub keys: Option<Arc<Keys>>,
    /// Locked while this marketplace runs; the system unlocks it when the process ends, however it
    /// does.
    _lock: Arc<File>,
}

/// Why a marketplace can not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder can not be made.
    #[error("cannot make data_dir {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another process serves from the same folder: two would number batches in two orders.
    #[error("another marketplace is running in data_dir {}; stop it, or choose another folder", folder.display())]
    Running {
        /// The folder.
        folder: PathBuf,
    },
    /// No threads to answer questions on.
    #[error("cannot start the threads that answer questions")]
    Threads(#[source] io::Error),
    /// No database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// No authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// No lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// No search index.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Keys that no proof can be trusted under, or that can not be read.
    #[error("cannot use the keys in keys_dir")]
    Keys(#[from] FolderError),
}

impl App {
    /// Opens the marketplace that `config` describes, and makes what is missing of it.
    ///
    /// # Errors
    /// Whatever can not be opened or made is named.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let clock = Clock::System;
        let lock = lock(&config.data_dir)?;
        let keys = open_keys(&config)?;
        let db = Db::open(&config.database_url())?;
        for name in db.migrate()? {
            tracing::info!(name, "migrated the database");
        }
        Ok(Self {
            db,
            clock,
            lake: Lake::open(config.lake()).await?,
            questions: Desk::open(config.questions.clone()).map_err(OpenError::Threads)?,
            progress: Progress::default(),
            in_flight: InFlight::default(),
            search: Search::open(&config.search_dir())?,
            authority: Arc::new(Authority::open(&config.authority_dir(), clock.now())?),
            keys: keys.map(Arc::new),
            config: Arc::new(config),
            _lock: Arc::new(lock),
        })
    }
}

impl App {
    /// Where questions find rows.
    #[must_use]
    pub fn source(&self) -> Source {
        Source { desk: self.questions.clone(), db: self.db.clone(), lake: self.lake.clone() }
    }
}

/// The keys under which proofs are taken, if any are configured.
fn open_keys(config: &Config) -> Result<Option<Keys>, FolderError> {
    let Some(folder) = &config.keys_dir else {
        tracing::info!("no keys_dir is set: no campaigns can be opened and no proofs are taken");
        return Ok(None);
    };
    let keys = Keys::open(folder, config.allow_dev_keys)?;
    if keys.are_for_development() {
        tracing::warn!(folder = %folder.display(), "{}", zk::text::DEVELOPMENT_KEYS);
    }
    Ok(Some(keys))
}

/// Makes `folder`, and locks it against a second marketplace.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let refuse = |source| OpenError::Folder { folder: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(refuse)?;
    let file = File::create(folder.join("lock")).map_err(refuse)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Running { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(refuse(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_marketplace_in_the_same_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let open = || App::open(Config::of_test(folder.path()));
        let first = open().await.unwrap();
        let error = open().await.err().unwrap().to_string();
        assert!(error.contains(&*folder.path().to_string_lossy()), "{error}");

        drop(first);
        open().await.unwrap();
    }
}
