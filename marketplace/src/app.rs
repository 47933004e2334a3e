//! What everything that serves shares. Cheap to clone.
//!
//! **Not here:** how it is served (the `serve` command) and any rule.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::catalog::{Search, SearchError};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::identity::{Authority, AuthorityError};
use crate::lake::{Lake, LakeError};

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
    /// Finds datasets.
    pub search: Search,
    /// Signs the certificates of vehicles.
    pub authority: Arc<Authority>,
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
}

impl App {
    /// Opens the marketplace that `config` describes, and makes what is missing of it.
    ///
    /// # Errors
    /// Whatever can not be opened or made is named.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let clock = Clock::System;
        let folder = config.data_dir.clone();
        fs::create_dir_all(&folder).map_err(|source| OpenError::Folder { folder, source })?;
        let db = Db::open(&config.database_url())?;
        for name in db.migrate()? {
            tracing::info!(name, "migrated the database");
        }
        Ok(Self {
            db,
            clock,
            lake: Lake::open(&config.lake_dir()).await?,
            search: Search::open(&config.search_dir())?,
            authority: Arc::new(Authority::open(&config.authority_dir(), clock.now())?),
            config: Arc::new(config),
        })
    }
}
