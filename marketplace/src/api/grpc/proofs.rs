//! `axle.v1.Proofs`: campaigns, roots and paths for cars that do not say who they are.

use proto::convert::BadMessage;
use proto::v1;
use telematics::{CampaignId, OwnerId};
use tonic::{Request, Response, Status};
use zk::{Nullifier, Payee, Proof, Root};

use super::status;
use super::verifying::Verifying;
use crate::app::App;
use crate::campaigns::{self, Admission, CampaignsError, ClaimRefusal, Kept, Submission};
use crate::epochs::{self, Bucket};

pub(super) struct ProofsService {
    pub(super) app: App,
    pub(super) verifying: Verifying,
}

#[tonic::async_trait]
impl v1::proofs_server::Proofs for ProofsService {
    async fn list_campaigns(
        &self,
        request: Request<v1::ListCampaignsRequest>,
    ) -> Result<Response<v1::ListCampaignsResponse>, Status> {
        let after = anonymous(request)?.after_campaign_id;
        let after = Some(after).filter(|id| !id.is_empty());
        let after = after.map(|id| CampaignId::from_bytes(&id)).transpose().map_err(unreadable)?;
        let now = self.app.clock.now();
        let open = move |conn: &mut _| campaigns::open_campaigns(conn, after, now);
        let open = self.app.db.read(open).await.map_err(|error| status::campaigns(&error))?;
        let campaigns = open.iter().map(v1::Campaign::from).collect();
        Ok(Response::new(v1::ListCampaignsResponse { campaigns }))
    }

    async fn fetch_root(
        &self,
        request: Request<v1::FetchRootRequest>,
    ) -> Result<Response<v1::FetchRootResponse>, Status> {
        let epoch = anonymous(request)?.epoch;
        let newest = move |conn: &mut _| epochs::newest_root(conn, epoch);
        let newest = self.app.db.read(newest).await.map_err(|error| status::epochs(&error))?;
        Ok(Response::new(v1::FetchRootResponse {
            size: newest.size,
            root: newest.root.to_bytes().to_vec(),
            published_at_micros: newest.published_at.as_micros(),
        }))
    }

    async fn fetch_bucket(
        &self,
        request: Request<v1::FetchBucketRequest>,
    ) -> Result<Response<v1::FetchBucketResponse>, Status> {
        let v1::FetchBucketRequest { epoch, size, bucket } = anonymous(request)?;
        let found = move |conn: &mut _| epochs::bucket(conn, epoch, size, bucket);
        let found = self.app.db.read(found).await.map_err(|error| status::epochs(&error))?;
        Ok(Response::new(shown(&found)))
    }

    async fn submit_claim(
        &self,
        request: Request<v1::SubmitClaimRequest>,
    ) -> Result<Response<v1::SubmitClaimResponse>, Status> {
        let submission = read(&anonymous(request)?)?;
        let now = self.app.clock.now();
        let rules = self.app.config.rules.clone();
        let admit = move |conn: &mut _| campaigns::admit(conn, &submission, &rules, now);
        let admitted = self.app.db.read(admit).await.map_err(|error| status::campaigns(&error))?;
        let kept = match admitted.map_err(|refusal| refused(&refusal))? {
            Admission::Kept => Kept::Before,
            Admission::Pending(claim) => self.verifying.decide(*claim).await?,
        };
        Ok(Response::new(v1::SubmitClaimResponse { existed: kept == Kept::Before }))
    }

    async fn sweep_payee(
        &self,
        request: Request<v1::SweepPayeeRequest>,
    ) -> Result<Response<v1::SweepPayeeResponse>, Status> {
        let v1::SweepPayeeRequest { owner_id, salt } = anonymous(request)?;
        let owner = OwnerId::from_bytes(&owner_id).map_err(unreadable)?;
        let length = BadMessage::Length { field: "salt", actual: salt.len(), expected: 16 };
        let salt = salt.try_into().or(Err(unreadable(length)))?;
        let known = move |conn: &mut _| campaigns::is_payee(conn, owner, salt);
        let is_known = self.app.db.read(known).await.map_err(|error| status::campaigns(&error))?;
        if !is_known {
            return Err(refused(&ClaimRefusal::UnknownPayee));
        }
        let now = self.app.clock.now();
        let sweep = move |conn: &mut _| campaigns::sweep(conn, owner, salt, now);
        let swept = self.app.db.write::<_, CampaignsError, _>(sweep).await;
        let swept = swept.map_err(|error| status::storage(&self.app, &error))?;
        let amount = swept.map_err(|refusal| refused(&refusal))?.amount;
        // Nothing less than more than zero is swept.
        let micro_tokens = u64::try_from(amount.micros()).unwrap_or_default();
        Ok(Response::new(v1::SweepPayeeResponse { micro_tokens }))
    }
}

/// The message of a caller who did not say who he is. Who did is told to stop: the market does not want to
/// know which car proves what.
fn anonymous<T>(request: Request<T>) -> Result<T, Status> {
    if request.peer_certs().is_some_and(|certificates| !certificates.is_empty()) {
        return Err(Status::invalid_argument(
            "this call must come without a client certificate: open a connection of its own for \
             proofs, so that the market can not tell which car makes them",
        ));
    }
    Ok(request.into_inner())
}

fn read(wire: &v1::SubmitClaimRequest) -> Result<Submission, Status> {
    let actual = wire.proof.len();
    let length = BadMessage::Length { field: "proof", actual, expected: Proof::BYTES };
    Ok(Submission {
        campaign: CampaignId::from_bytes(&wire.campaign_id).map_err(unreadable)?,
        root: Root::from_bytes(&wire.root).map_err(unreadable)?,
        nullifier: Nullifier::from_bytes(&wire.nullifier).map_err(unreadable)?,
        payee: Payee::from_bytes(&wire.payee).map_err(unreadable)?,
        proof: wire.proof.as_slice().try_into().or(Err(unreadable(length)))?,
    })
}

fn unreadable(error: impl std::error::Error) -> Status {
    Status::invalid_argument(error.to_string())
}

/// A refusal in the words of the contract.
pub(super) fn refused(refusal: &ClaimRefusal) -> Status {
    let text = refusal.to_string();
    match refusal {
        ClaimRefusal::UnknownCampaign { .. }
        | ClaimRefusal::UnknownRoot { .. }
        | ClaimRefusal::UnknownPayee => Status::not_found(text),
        ClaimRefusal::Closed { .. } => Status::failed_precondition(text),
        ClaimRefusal::OtherPayee { .. } | ClaimRefusal::PayeeUsed => Status::already_exists(text),
        ClaimRefusal::TooFewToHide { .. } => Status::unavailable(text),
        ClaimRefusal::WrongProof(_) => Status::invalid_argument(text),
    }
}

fn shown(bucket: &Bucket) -> v1::FetchBucketResponse {
    let siblings = bucket.path.siblings.iter().flatten();
    v1::FetchBucketResponse {
        leaves: bucket.leaves.iter().map(|leaf| leaf.to_bytes().to_vec()).collect(),
        siblings: siblings.map(|sibling| sibling.to_bytes().to_vec()).collect(),
    }
}
