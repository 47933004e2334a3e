//! Paid orders are delivered, and overdue ones refunded. Campaigns that are over give back what is left.

use crate::app::App;
use crate::campaigns::{self, CampaignsError};
use crate::delivery::{self, Delivered, Depot, Pseudonyms};
use crate::trade::{self, TradeError};

/// Why a turn failed. The next one repeats it.
#[derive(Debug, thiserror::Error)]
pub enum SalesError {
    /// The secret of the pseudonyms could not be read.
    #[error("cannot name vehicles for buyers")]
    Pseudonyms(#[source] delivery::DeliveryError),
    /// Orders could not be read or refunded.
    #[error(transparent)]
    Trade(#[from] TradeError),
    /// Campaigns could not be ended.
    #[error(transparent)]
    Campaigns(#[from] CampaignsError),
}

/// Refunds what is overdue, ends campaigns, then delivers what waits, and says how many orders and campaigns it settled. One order that
/// can not be delivered does not hold up the others.
///
/// # Errors
/// When orders can not be read or refunded.
pub async fn turn(app: &App) -> Result<u64, SalesError> {
    let mut settled = refund_overdue(app).await?;
    let now = app.clock.now();
    let end = move |conn: &mut _| campaigns::end_overdue(conn, now);
    settled += app.db.write::<_, CampaignsError, _>(end).await?;
    let waiting = app.db.read(move |conn| trade::undelivered(conn, now)).await?;
    if waiting.is_empty() {
        return Ok(settled);
    }
    let depot = depot(app)?;
    for order in waiting {
        match delivery::deliver(&depot, order).await {
            Ok(Delivered::Version(version)) => {
                settled += 1;
                tracing::info!(%order, rows = version.rows, bytes = version.bytes, "delivered");
            }
            Ok(Delivered::Refunded(_)) => {
                settled += 1;
                tracing::warn!(%order, "refunded, because too few vehicles still share");
            }
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(%order, error, "cannot deliver");
            }
        }
    }
    Ok(settled)
}

async fn refund_overdue(app: &App) -> Result<u64, SalesError> {
    let mut refunded = 0;
    let now = app.clock.now();
    for order in app.db.read(move |conn| trade::overdue(conn, now)).await? {
        app.db.write(move |conn| trade::refund(conn, order, now)).await?;
        refunded += 1;
        tracing::warn!(%order, "refunded, because it was not delivered in time");
    }
    Ok(refunded)
}

fn depot(app: &App) -> Result<Depot, SalesError> {
    Ok(Depot {
        db: app.db.clone(),
        lake: app.lake.clone(),
        clock: app.clock,
        folder: app.config.deliveries_dir(),
        pseudonyms: Pseudonyms::of_market(&app.config.data_dir, rand::random())
            .map_err(SalesError::Pseudonyms)?,
        rules: app.config.rules.clone(),
    })
}
