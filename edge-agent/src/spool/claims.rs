//! Claims of this car, by campaign: waiting to be sent, or answered.
//!
//! **Invariant:** a campaign has one claim at most, so it is answered once, whatever is killed when.

use redb::{ReadableTable, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use telematics::CampaignId;

use super::error::SpoolError;
use super::store::Spool;
use super::tables::{from_json, to_json};

pub(super) const CLAIMS: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("claims");

impl Spool {
    /// Every claim.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<Vec<(CampaignId, T)>, SpoolError> {
        self.read(|transaction| {
            let mut claims = Vec::new();
            for row in transaction.open_table(CLAIMS)?.iter()? {
                let (id, bytes) = row?;
                let claim = from_json("a claim", bytes.value())?;
                if let Ok(id) = CampaignId::from_bytes(id.value()) {
                    claims.push((id, claim));
                }
            }
            Ok(claims)
        })
    }

    /// Keeps the claim to `campaign`, in place of what was kept for it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn keep_claim<T: Serialize>(
        &self,
        campaign: CampaignId,
        claim: &T,
    ) -> Result<(), SpoolError> {
        self.write(|transaction| {
            let bytes = to_json(claim)?;
            transaction.open_table(CLAIMS)?.insert(campaign.as_bytes(), bytes.as_slice())?;
            Ok(())
        })
    }
}
