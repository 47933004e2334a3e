//! `axle.v1.Earnings`: what a car earned for its owner, asked by the car.

use proto::v1;
use telematics::VehicleId;
use tonic::{Request, Response, Status};

use super::{caller, status};
use crate::app::App;
use crate::data_campaigns::{self, DataCampaignsError};
use crate::db::Conn;
use crate::ledger::Amount;
use crate::live::{self, LiveError};
use crate::trade::{self, TradeError};

pub(super) struct EarningsService {
    pub(super) app: App,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
enum EarningsError {
    #[error(transparent)]
    Trade(#[from] TradeError),
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error(transparent)]
    DataCampaigns(#[from] DataCampaignsError),
    #[error("what a vehicle earned is more than an amount can hold")]
    TooMuch,
    #[error("cannot read what a vehicle earned")]
    Storage(#[from] diesel::result::Error),
}

#[tonic::async_trait]
impl v1::earnings_server::Earnings for EarningsService {
    async fn fetch_earnings(
        &self,
        request: Request<v1::FetchEarningsRequest>,
    ) -> Result<Response<v1::FetchEarningsResponse>, Status> {
        let vehicle = caller::vehicle(&self.app, &request).await?;
        let earned = self.app.db.read(move |conn| earned_by(conn, vehicle.id)).await;
        let earned = earned.map_err(|error| status::storage(&self.app, &error))?;
        // The database keeps no pay-out below zero.
        let earned_micro_tokens = u64::try_from(earned.micros()).unwrap_or_default();
        Ok(Response::new(v1::FetchEarningsResponse { earned_micro_tokens }))
    }
}

/// With orders, live streams and data campaigns. What claims were paid nobody can say of a vehicle.
fn earned_by(conn: &mut Conn, vehicle: VehicleId) -> Result<Amount, EarningsError> {
    let parts = [
        trade::earned_by(conn, vehicle)?,
        live::earned_by(conn, vehicle)?,
        data_campaigns::earned_by(conn, vehicle)?,
    ];
    Amount::sum(parts).ok_or(EarningsError::TooMuch)
}
