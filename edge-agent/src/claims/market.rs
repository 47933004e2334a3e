//! The marketplace as a nameless caller sees it: campaigns, roots, buckets of leaves, claims.
//!
//! **Invariant:** each errand has a connection of its own, and none brings a client certificate.

use proto::convert::required;
use proto::v1;
use proto::v1::proofs_client::ProofsClient;
use telematics::{Campaign, LeavesAt, Offer};
use tonic::transport::{Channel, Endpoint};
use zk::tree::{self, ARITY, BUCKET_LEAVES, BucketPath, DEPTH};
use zk::{Leaf, Root};

use super::error::ClaimError;
use crate::answers::{self, answer};
use crate::identity::Identity;

/// Campaigns of one answer.
const PAGE: usize = 100;
/// Pages that are asked for.
const PAGES_MAX: usize = 100;

/// The door of a marketplace.
#[derive(Clone, Debug)]
pub struct Market {
    url: String,
    endpoint: Endpoint,
}

impl Market {
    /// The marketplace that `identity` is of, at `url`.
    ///
    /// # Errors
    /// When `url` is no address.
    pub fn new(url: String, identity: &Identity) -> Result<Self, ClaimError> {
        let endpoint = identity.anonymous_endpoint(&url)?;
        Ok(Self { url, endpoint })
    }

    async fn connect(&self) -> Result<ProofsClient<Channel>, ClaimError> {
        let unreachable = |source| ClaimError::Unreachable { url: self.url.clone(), source };
        let channel = self.endpoint.connect().await.map_err(unreachable)?;
        Ok(ProofsClient::new(channel).max_decoding_message_size(answers::BYTES_MAX))
    }

    /// The campaigns that take claims now. One that this program does not understand is left out.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn campaigns(&self) -> Result<Vec<Offer>, ClaimError> {
        let mut client = self.connect().await?;
        let (mut campaigns, mut after_campaign_id) = (Vec::new(), Vec::new());
        for _ in 0..PAGES_MAX {
            let request = v1::ListCampaignsRequest { after_campaign_id };
            let listed = answer(client.list_campaigns(request)).await;
            let page = listed.map_err(ClaimError::Refused)?.campaigns;
            if page.len() > PAGE {
                return Err(ClaimError::OtherAnswer { what: "more campaigns than a page has" });
            }
            let is_last = page.len() < PAGE;
            after_campaign_id = page.last().map_or(Vec::new(), |last| last.campaign_id.clone());
            for wire in page {
                match Offer::try_from(wire) {
                    Ok(offer) => campaigns.push(offer),
                    Err(error) => tracing::warn!(%error, "campaign not understood"),
                }
            }
            if is_last {
                break;
            }
        }
        Ok(campaigns)
    }

    /// The newest published root of the epoch of `at` and the path of the leaf there, or `None` when
    /// that root is older than the leaf. Tells the marketplace one in 256 leaves.
    ///
    /// # Errors
    /// When it does not answer, or serves a path that does not lead from `leaf` to the root.
    pub async fn path(
        &self,
        leaf: Leaf,
        at: LeavesAt,
    ) -> Result<Option<(Root, tree::Path)>, ClaimError> {
        let mut client = self.connect().await?;
        let LeavesAt { epoch, position, .. } = at;
        let newest = match answer(client.fetch_root(v1::FetchRootRequest { epoch })).await {
            Err(status) if status.code() == tonic::Code::NotFound => return Ok(None),
            other => other.map_err(ClaimError::Refused)?,
        };
        let (root, size) = (Root::from_bytes(&newest.root)?, newest.size);
        if position >= size {
            return Ok(None);
        }
        let bucket = position / BUCKET_LEAVES;
        let request = v1::FetchBucketRequest { epoch, size, bucket };
        let fetched = answer(client.fetch_bucket(request)).await.map_err(ClaimError::Refused)?;
        let v1::FetchBucketResponse { leaves, siblings } = fetched;
        let leaves = leaves.iter().map(|leaf| Leaf::from_bytes(leaf));
        let leaves = leaves.collect::<Result<Vec<_>, _>>()?;
        let shared = BucketPath { bucket, siblings: levels(&siblings)? };
        let path = shared.path(&leaves, position);
        let path = path.or(Err(ClaimError::OtherAnswer { what: "another number of leaves" }))?;
        if path.root(leaf) != root {
            return Err(ClaimError::NotInTree { leaf, epoch, position });
        }
        Ok(Some((root, path)))
    }

    /// Sends a claim. Says whether the marketplace had it before.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub async fn submit(&self, claim: v1::SubmitClaimRequest) -> Result<bool, ClaimError> {
        let mut client = self.connect().await?;
        let submitted = answer(client.submit_claim(claim)).await.map_err(ClaimError::Refused)?;
        Ok(submitted.existed)
    }

    /// Moves what a payee was paid to its owner, and says how many micro-tokens that were.
    ///
    /// # Errors
    /// When it does not answer, or knows no such payee.
    pub async fn sweep(&self, request: v1::SweepPayeeRequest) -> Result<u64, ClaimError> {
        let mut client = self.connect().await?;
        let swept = answer(client.sweep_payee(request)).await.map_err(ClaimError::Refused)?;
        Ok(swept.micro_tokens)
    }

    /// The campaign with this id, if it takes claims now.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn campaign(&self, id: telematics::CampaignId) -> Result<Campaign, ClaimError> {
        let offers = self.campaigns().await?;
        let found = offers.into_iter().find(|offer| offer.campaign.id == id);
        Ok(required("campaign", found)?.campaign)
    }
}

/// The three siblings of each level above a bucket.
fn levels<const LEVELS: usize>(
    siblings: &[Vec<u8>],
) -> Result<[[Root; ARITY - 1]; LEVELS], ClaimError> {
    let other = || ClaimError::OtherAnswer { what: "another number of siblings" };
    let roots = siblings.iter().take(ARITY * DEPTH).map(|bytes| Root::from_bytes(bytes));
    let roots = roots.collect::<Result<Vec<_>, _>>()?;
    let (levels, []) = roots.as_chunks::<{ ARITY - 1 }>() else { return Err(other()) };
    levels.try_into().or(Err(other()))
}
