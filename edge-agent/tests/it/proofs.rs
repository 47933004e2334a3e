//! The marketplace's side of proofs: one epoch, campaigns, and claims that it verifies with development
//! keys made for the tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use proto::v1;
use proto::v1::proofs_server::Proofs;
use telematics::testing::T0;
use telematics::{Campaign, CampaignId, Offer, OwnerId};
use tonic::{Request, Response, Status};
use zk::keys::{Allow, Folder, Origin};
use zk::tree::{self, MemoryTree};
use zk::{Circuit, Nullifier, Payee, Proof, Root, Statement};

use crate::market::Market;

/// A folder of development keys, made once.
pub(crate) fn keys() -> &'static Path {
    static KEYS: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let key = |circuit| (circuit, zk::keys::development(circuit).unwrap());
        let keys: BTreeMap<_, _> = Circuit::ALL.into_iter().map(key).collect();
        zk::keys::write(folder.path(), Origin::Development, &keys).unwrap();
        folder
    };
    KEYS.get_or_init(make).path()
}

/// Panics unless `proof` proves `statement`.
pub(crate) fn verify(statement: &Statement, proof: &Proof) {
    let folder = Folder::load(keys(), Allow::DevelopmentToo).unwrap();
    folder.verifier(statement.circuit()).unwrap().verify(statement, proof).unwrap();
}

/// Whose the car is.
pub(crate) fn owner() -> OwnerId {
    OwnerId::new(T0, [3; 10])
}

/// The statement that a claim makes to `campaign`.
pub(crate) fn statement(claim: &v1::SubmitClaimRequest, campaign: &Campaign) -> Statement {
    Statement {
        root: Root::from_bytes(&claim.root).unwrap(),
        campaign: campaign.id,
        nullifier: Nullifier::from_bytes(&claim.nullifier).unwrap(),
        payee: Payee::from_bytes(&claim.payee).unwrap(),
        scope: campaign.scope.clone(),
        question: campaign.question.clone(),
    }
}

impl Market {
    fn note<T>(&self, call: &'static str, request: &Request<T>) {
        let port = request.remote_addr().unwrap().port();
        let is_named = request.peer_certs().is_some_and(|certificates| !certificates.is_empty());
        self.state().nameless_calls.push((call, port, is_named));
    }

    /// The tree of the newest root.
    pub(crate) fn tree(&self) -> (MemoryTree, u32) {
        let state = self.state();
        let size = state.published.unwrap_or(u32::try_from(state.leaves.len()).unwrap());
        let mut tree = MemoryTree::default();
        tree.append(&state.leaves).unwrap();
        (tree, size)
    }
}

#[tonic::async_trait]
impl Proofs for Market {
    async fn list_campaigns(
        &self,
        request: Request<v1::ListCampaignsRequest>,
    ) -> Result<Response<v1::ListCampaignsResponse>, Status> {
        self.note("list", &request);
        let after = request.into_inner().after_campaign_id;
        let state = self.state();
        let later = state.campaigns.iter().filter(|campaign| campaign.id.to_vec() > after);
        let (pay_micro_tokens, vehicles_in_scope) =
            (state.pay_micro_tokens, state.vehicles_in_scope);
        let offer = |campaign: &Campaign| {
            let campaign = campaign.clone();
            v1::Campaign::from(&Offer { campaign, pay_micro_tokens, vehicles_in_scope })
        };
        let campaigns = later.take(100).map(offer).collect();
        Ok(Response::new(v1::ListCampaignsResponse { campaigns }))
    }

    async fn fetch_root(
        &self,
        request: Request<v1::FetchRootRequest>,
    ) -> Result<Response<v1::FetchRootResponse>, Status> {
        self.note("path", &request);
        let (mut tree, size) = self.tree();
        if request.into_inner().epoch > 0 || size == 0 {
            return Err(Status::not_found("no such epoch"));
        }
        let root = tree::root(&mut tree, size).unwrap().to_bytes().to_vec();
        Ok(Response::new(v1::FetchRootResponse { size, root, published_at_micros: 0 }))
    }

    async fn fetch_bucket(
        &self,
        request: Request<v1::FetchBucketRequest>,
    ) -> Result<Response<v1::FetchBucketResponse>, Status> {
        self.note("path", &request);
        let v1::FetchBucketRequest { size, bucket, .. } = request.into_inner();
        let (mut tree, _) = self.tree();
        let path = tree::bucket_path(&mut tree, size, bucket).unwrap();
        let leaves = self.state().leaves[..size.try_into().unwrap()].to_vec();
        let leaves = leaves.chunks(256).nth(bucket.try_into().unwrap()).unwrap().iter();
        let leaves = leaves.map(|leaf| leaf.to_bytes().to_vec()).collect();
        let siblings = path.siblings.concat().iter().map(|root| root.to_bytes().to_vec()).collect();
        Ok(Response::new(v1::FetchBucketResponse { leaves, siblings }))
    }

    async fn submit_claim(
        &self,
        request: Request<v1::SubmitClaimRequest>,
    ) -> Result<Response<v1::SubmitClaimResponse>, Status> {
        self.note("claim", &request);
        let claim = request.into_inner();
        let mut state = self.state();
        if let Some(answer) = state.claim_answers.pop() {
            return Err(answer);
        }
        let id = CampaignId::from_bytes(&claim.campaign_id).unwrap();
        let campaign = state.campaigns.iter().find(|campaign| campaign.id == id).unwrap();
        verify(&statement(&claim, campaign), &Proof::from_bytes(&claim.proof).unwrap());
        let existed = state.claims.contains(&claim);
        state.claims.push(claim);
        Ok(Response::new(v1::SubmitClaimResponse { existed }))
    }

    async fn sweep_payee(
        &self,
        request: Request<v1::SweepPayeeRequest>,
    ) -> Result<Response<v1::SweepPayeeResponse>, Status> {
        self.note("sweep", &request);
        let sweep = request.into_inner();
        let (owner, salt) = (sweep.owner_id.as_slice(), sweep.salt.as_slice());
        let payee = Payee::of(owner.try_into().unwrap(), salt.try_into().unwrap());
        let mut state = self.state();
        if !state.claims.iter().any(|claim| claim.payee == payee.to_bytes()) {
            return Err(Status::not_found("no claim was paid to this payee"));
        }
        let micro_tokens = state.pay_micro_tokens;
        state.sweeps.push(sweep);
        Ok(Response::new(v1::SweepPayeeResponse { micro_tokens }))
    }
}
