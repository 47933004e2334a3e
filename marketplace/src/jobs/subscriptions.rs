//! Periods of subscriptions end: what came in is ordered.

use crate::app::App;
use crate::catalog::{self, CatalogError};
use crate::lake::{LakeError, RowFilter};
use crate::subscriptions::{self, Drawn, Period, Subscription, SubscriptionsError};
use crate::trade::QuoteId;

/// Why a turn failed. The next one repeats it.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// Subscriptions could not be read, or their rows not be ordered.
    #[error(transparent)]
    Subscriptions(#[from] SubscriptionsError),
    /// Datasets could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Rows could not be counted.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

/// Ends every period that is over, and says how many orders that made. One that can not be ended does not hold up the others.
///
/// # Errors
/// When subscriptions can not be read.
pub async fn turn(app: &App) -> Result<u64, TurnError> {
    let now = app.clock.now();
    let due = app.db.read(move |conn| subscriptions::due(conn, now)).await?;
    let mut ordered = 0;
    for subscription in due {
        match end(app, &subscription).await {
            Ok(Drawn::Ordered(order)) => {
                ordered += 1;
                tracing::info!(subscription = %subscription.id, %order, "a period was ordered");
            }
            Ok(Drawn::Nothing(waits_for)) => {
                let waits_for = waits_for.as_str();
                tracing::info!(subscription = %subscription.id, waits_for, "a period brought nothing");
            }
            Ok(Drawn::Over) => {}
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(subscription = %subscription.id, error, "cannot end a period");
            }
        }
    }
    Ok(ordered)
}

async fn end(app: &App, subscription: &Subscription) -> Result<Drawn, TurnError> {
    let period = measure(app, subscription).await?;
    let (rules, now) = (app.config.rules.clone(), app.clock.now());
    let draw = move |conn: &mut _| subscriptions::draw(conn, &period, &rules, now);
    Ok(app.db.write::<_, SubscriptionsError, _>(draw).await?)
}

/// What came in since the last order, at one version of the lake.
async fn measure(app: &App, subscription: &Subscription) -> Result<Period, TurnError> {
    let dataset = subscription.dataset;
    let dataset =
        app.db.read::<_, CatalogError, _>(move |conn| catalog::dataset(conn, dataset)).await?;
    let lake_version = app.lake.version();
    let filter = RowFilter {
        signals: dataset.signals(),
        vehicles: None,
        after_arrival: subscription.after_arrival,
    };
    Ok(Period {
        subscription: subscription.id,
        quote: QuoteId::new(app.clock.now(), rand::random()),
        lake_version,
        last_arrival: app.lake.last_arrival_at(lake_version).await?,
        rows: app.lake.count(lake_version, &filter).await?,
    })
}
