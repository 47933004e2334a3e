//! The audit: everything that can be computed again is, and compared with what is kept.
//!
//! **Invariant:** nothing is changed. What is looked at is one state of the database, whatever happens meanwhile.
//!
//! **Not here:** what is right, which each module says of its own tables.

use std::path::PathBuf;
use std::time::Duration;

use crate::campaigns::{self, CampaignsError};
use crate::catalog::{self, CatalogError, SearchError};
use crate::config::Config;
use crate::data_campaigns::{self, DataCampaignsError};
use crate::db::Db;
use crate::delivery::{self, DeliveryError};
use crate::ledger::{self, Check, LedgerError};
use crate::live::{self, LiveError};
use crate::rewards::{self, RewardsError};
use crate::subscriptions::{self, SubscriptionsError};
use crate::trade::{self, TradeError};

/// How long the index may take to follow the database.
const INDEX_FOLLOWS: Duration = Duration::from_secs(1);

/// What is audited.
#[derive(Clone)]
pub struct Books {
    /// The database.
    pub db: Db,
    /// Where delivered versions are.
    pub deliveries: PathBuf,
    /// Where the search index is.
    pub search: PathBuf,
}

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The ledger can not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Orders can not be read.
    #[error(transparent)]
    Trade(#[from] TradeError),
    /// Weeks of rewards can not be read.
    #[error(transparent)]
    Rewards(#[from] RewardsError),
    /// Versions can not be read.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// Campaigns can not be read.
    #[error(transparent)]
    Campaigns(#[from] CampaignsError),
    /// Subscriptions can not be read.
    #[error(transparent)]
    Subscriptions(#[from] SubscriptionsError),
    /// Data campaigns can not be read.
    #[error(transparent)]
    DataCampaigns(#[from] DataCampaignsError),
    /// Live streams can not be read.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// Datasets can not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The index can not be read.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The database failed.
    #[error("cannot read the database")]
    Storage(#[from] diesel::result::Error),
}

impl Books {
    /// Those of the market that runs with these settings, in `db`.
    #[must_use]
    pub fn of(db: Db, config: &Config) -> Self {
        Self { db, deliveries: config.deliveries_dir(), search: config.search_dir() }
    }

    /// Audits everything.
    ///
    /// # Errors
    /// When something can not be read. What is wrong is no error, but a finding.
    pub async fn audit(&self) -> Result<Vec<Check>, AuditError> {
        let deliveries = self.deliveries.clone();
        let replay = move |conn: &mut _| {
            let mut checks = ledger::audit(conn)?;
            checks.extend(trade::audit(conn)?);
            checks.extend(rewards::audit(conn)?);
            checks.extend(delivery::audit(conn, &deliveries)?);
            checks.extend(campaigns::audit(conn)?);
            checks.push(subscriptions::audit(conn)?);
            checks.push(data_campaigns::audit(conn)?);
            checks.push(live::audit(conn)?);
            Ok::<_, AuditError>(checks)
        };
        let mut checks = self.db.snapshot(replay).await?;
        checks.push(self.audit_index().await?);
        Ok(checks)
    }

    /// The index is written a moment after the database.
    async fn audit_index(&self) -> Result<Check, AuditError> {
        let check = self.compare_index().await?;
        if check.findings.is_empty() {
            return Ok(check);
        }
        tokio::time::sleep(INDEX_FOLLOWS).await;
        self.compare_index().await
    }

    async fn compare_index(&self) -> Result<Check, AuditError> {
        let folder = self.search.clone();
        let compare = move |conn: &mut _| {
            let datasets = catalog::datasets(conn)?;
            Ok(catalog::audit(&folder, &datasets)?)
        };
        self.db.read(compare).await
    }
}
