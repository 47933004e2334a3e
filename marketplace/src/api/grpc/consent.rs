//! `axle.v1.Consent`: what the owner permits, asked by his car.

use proto::v1;
use tonic::{Request, Response, Status};

use super::{caller, status};
use crate::app::App;
use crate::consent;

pub(super) struct ConsentService {
    pub(super) app: App,
}

#[tonic::async_trait]
impl v1::consent_server::Consent for ConsentService {
    async fn fetch_policy(
        &self,
        request: Request<v1::FetchPolicyRequest>,
    ) -> Result<Response<v1::FetchPolicyResponse>, Status> {
        let vehicle = caller::vehicle(&self.app, &request).await?;
        let policy = self.app.db.read(move |conn| consent::in_force(conn, vehicle.id)).await;
        let policy = v1::Policy::from(&policy.map_err(|error| status::consent(&error))?);
        Ok(Response::new(v1::FetchPolicyResponse { policy: Some(policy) }))
    }
}
