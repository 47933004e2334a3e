//! A buyer: finds a dataset, quotes it, buys it and downloads it, over the REST API.
//!
//! **Invariant:** a dataset is taken only when it was measured after everything that the market had
//! accepted reached its lake, so that what is bought does not depend on who was quicker.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::market::{Market, Rest, count, list, text};

const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long the market may take from the last receipt to a measured dataset, and from a purchase to its
/// delivery.
const MARKET_WAIT: Duration = Duration::from_mins(2);

/// An account that buys.
#[derive(Clone, Debug)]
pub struct Buyer {
    rest: Rest,
}

impl Buyer {
    /// The buyer who holds `api_key`.
    #[must_use]
    pub fn new(market: &Market, api_key: &str) -> Self {
        Self { rest: market.rest(api_key) }
    }

    /// The REST API as this buyer sees it.
    #[must_use]
    pub const fn rest(&self) -> &Rest {
        &self.rest
    }

    /// The dataset that fits `words` best.
    ///
    /// # Errors
    /// When there is none in time, or the market refuses.
    pub async fn find(&self, words: &str) -> anyhow::Result<Value> {
        poll(&format!("a dataset for \"{words}\""), async || self.measured(words).await).await
    }

    /// The best dataset, if everything accepted so far is in its measure.
    async fn measured(&self, words: &str) -> anyhow::Result<Option<Value>> {
        let market = self.rest.read("/v1/market").await?;
        let found = self.rest.read(&format!("/v1/datasets?q={words}")).await?;
        let all_in_lake = count(&market, "batches_waiting")? == 0;
        let version = count(&market, "lake_version")?;
        let best = list(&found, "datasets")?.first().filter(|_| all_in_lake);
        Ok(match best {
            Some(dataset) if count(dataset, "lake_version")? == version => Some(dataset.clone()),
            _ => None,
        })
    }

    /// Quotes and buys `dataset`, and returns the order once it is delivered.
    ///
    /// # Errors
    /// When the market refuses, refunds instead, or does not deliver in time.
    pub async fn buy(&self, dataset: &Value) -> anyhow::Result<Value> {
        let wanted = json!({ "dataset": text(dataset, "id")?, "purpose": "product-development" });
        let quote = self.rest.create("/v1/quotes", wanted).await?;
        let quote = text(&quote, "id")?;
        // A quote is bought once, so its id makes a good key.
        let order = self.rest.create_once("/v1/orders", quote, json!({ "quote": quote })).await?;
        let path = format!("/v1/orders/{}", text(&order, "id")?);
        poll("a delivery", async || {
            let order = self.rest.read(&path).await?;
            match text(&order, "status")? {
                "paid" => Ok(None),
                "delivered" => Ok(Some(order)),
                status => bail!("the order was {status} instead of delivered"),
            }
        })
        .await
    }

    /// Downloads what an order delivered into `file`; returns its length in bytes.
    ///
    /// # Errors
    /// When nothing was delivered, or the file can not be written.
    pub async fn download(&self, order: &Value, file: &Path) -> anyhow::Result<usize> {
        self.rest.download(text(version(order)?, "data")?, file).await
    }
}

/// The delivered version of `order`.
///
/// # Errors
/// When there is none.
pub fn version(order: &Value) -> anyhow::Result<&Value> {
    list(order, "versions")?.first().with_context(|| format!("nothing was delivered in {order}"))
}

/// Asks until there is an answer.
///
/// # Errors
/// When asking fails, or nothing comes in time.
pub(crate) async fn poll<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let asked = async {
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let answer = tokio::time::timeout(MARKET_WAIT, asked).await;
    answer.with_context(|| format!("waited {} s for {what}", MARKET_WAIT.as_secs()))?
}
