//! `axle.v1.Earnings`: what a car earned for its owner, asked by the car.

use proto::v1;
use tonic::{Request, Response, Status};

use super::{caller, status};
use crate::app::App;
use crate::trade::{self, TradeError};

pub(super) struct EarningsService {
    pub(super) app: App,
}

#[tonic::async_trait]
impl v1::earnings_server::Earnings for EarningsService {
    async fn fetch_earnings(
        &self,
        request: Request<v1::FetchEarningsRequest>,
    ) -> Result<Response<v1::FetchEarningsResponse>, Status> {
        let vehicle = caller::vehicle(&self.app, &request).await?;
        let earned = self
            .app
            .db
            .read::<_, TradeError, _>(move |conn| trade::earned_by(conn, vehicle.id))
            .await
            .map_err(|error| status::trade(&error))?;
        // The database keeps no pay-out below zero.
        let earned_micro_tokens = u64::try_from(earned.micros()).unwrap_or_default();
        Ok(Response::new(v1::FetchEarningsResponse { earned_micro_tokens }))
    }
}
