//! A lake in a bucket of S3, or of a store that speaks as S3 does.
//!
//! Keys, region and endpoint come from the usual `AWS_*` variables. A commit is a conditional put
//! (`If-None-Match: *`): of several processes that write the same version one succeeds, and the
//! others look again. Nothing else keeps them apart, so no lock and no other service is needed.
//!
//! **Invariant:** a store that overwrites where it should refuse is never used: [`open`] asks it for
//! a refusal first.
//!
//! **Not here:** the table, which is the same in a folder ([`super::Lake`]).

use std::sync::Arc;
use std::time::Duration;

use deltalake::logstore::{
    IORuntime, LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig,
    default_logstore, logstore_factories, object_store_factories,
};
use deltalake::{DeltaResult, DeltaTableError};
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::client::SpawnedReqwestConnector;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, PutMode, PutOptions, RetryConfig};
use reqwest::Url;

/// Below the lake's prefix: an object that is there, so that nobody may put it again. What begins with
/// `_` is no file of a table.
const MARK: &str = "_axle_once";
/// How often a request is made again that the store could not answer: for some seconds, as jobs try
/// again by themselves.
const RETRIES_MAX: usize = 6;
/// After this time it is not made again.
const RETRY_TIME_MAX: Duration = Duration::from_secs(30);

/// Why a bucket can not hold a lake.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// Settings that do not go together.
    #[error("cannot use {url}: check the AWS_* variables")]
    Settings {
        /// The lake.
        url: Url,
        /// What is wrong with them.
        #[source]
        source: Box<Error>,
    },
    /// It is not there.
    #[error("there is no bucket for {url}: make it, or correct the setting `lake`")]
    Missing {
        /// The lake.
        url: Url,
        /// What the store says.
        #[source]
        source: Box<Error>,
    },
    /// The store does not let us in.
    #[error(
        "not permitted to read and write {url}: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the \
         bucket's policy"
    )]
    Forbidden {
        /// The lake.
        url: Url,
        /// What the store says.
        #[source]
        source: Box<Error>,
    },
    /// The store does not answer, or not as S3 does.
    #[error("cannot reach the store of {url}: check AWS_ENDPOINT_URL, AWS_REGION and the network")]
    Away {
        /// The lake.
        url: Url,
        /// What happened.
        #[source]
        source: Box<Error>,
    },
    /// The store ignores conditions.
    #[error(
        "the store of {url} overwrites what is there although it is told not to (If-None-Match): two \
         writers would lose rows; use a store or a version of it that honours conditional writes"
    )]
    Overwrites {
        /// The lake.
        url: Url,
    },
}

/// Makes tables at `s3://` known, and tries whether one can be at `url`.
pub(super) async fn open(url: &Url) -> Result<(), BucketError> {
    register();
    let store = store(url)
        .map_err(|source| BucketError::Settings { url: url.clone(), source: Box::new(source) })?;
    let prefix = Path::from_url_path(url.path()).map_err(Error::from);
    let mark = prefix.map_err(|source| refusal(url, source))?.join(MARK);
    // The first may find the mark of an earlier start; a second one must.
    for _ in 0..2 {
        let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match store.put_opts(&mark, "once\n".into(), once).await {
            Ok(_) => {}
            Err(Error::AlreadyExists { .. }) => return Ok(()),
            Err(source) => return Err(refusal(url, source)),
        }
    }
    Err(BucketError::Overwrites { url: url.clone() })
}

fn refusal(url: &Url, source: Error) -> BucketError {
    let (url, source) = (url.clone(), Box::new(source));
    match *source {
        Error::NotFound { .. } => BucketError::Missing { url, source },
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            BucketError::Forbidden { url, source }
        }
        _ => BucketError::Away { url, source },
    }
}

/// The bucket of `url`, from its root.
fn store(url: &Url) -> Result<AmazonS3, Error> {
    let retry = RetryConfig {
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_TIME_MAX,
        ..RetryConfig::default()
    };
    // The library blocks threads while it reads a log. Connections may not need the same ones to be served.
    let connections = SpawnedReqwestConnector::new(IORuntime::default().get_handle());
    AmazonS3Builder::from_env()
        .with_http_connector(connections)
        .with_url(url.as_str())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry)
        .build()
}

/// What Delta Lake needs for a kind of address; those of a folder it has itself.
struct S3;

fn register() {
    let Ok(scheme) = Url::parse("s3://") else { return };
    object_store_factories().insert(scheme.clone(), Arc::new(S3));
    logstore_factories().insert(scheme, Arc::new(S3));
}

impl ObjectStoreFactory for S3 {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let prefix = Path::from_url_path(url.path())
            .map_err(|source| DeltaTableError::ObjectStore { source: Error::from(source) })?;
        Ok((Arc::new(store(url)?), prefix))
    }
}

impl LogStoreFactory for S3 {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        // Commits by putting where nothing is.
        Ok(default_logstore(prefixed_store, root_store, location, options))
    }
}
