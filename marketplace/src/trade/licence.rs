//! What an order permits: the terms, and what was bought on them, as a document that is hashed into the order.
//!
//! **Invariant:** a licence is made of nothing that changes after the purchase, and its bytes are always the same. A published
//! version of the terms never changes.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Order, Quote};
use crate::consent::Purpose;

/// The number of the terms.
pub const LICENCE_TERMS_VERSION: u32 = 1;
/// The terms, in Markdown.
pub const LICENCE_TERMS: &str = include_str!("licence_terms_1.md");

/// Hash of [`LICENCE_TERMS`].
#[must_use]
pub fn licence_terms_sha256() -> [u8; 32] {
    Sha256::digest(LICENCE_TERMS.as_bytes()).into()
}

/// The right to use what was bought.
#[derive(Clone, Debug, Serialize)]
pub struct Licence {
    terms_version: u32,
    terms_sha256: String,
    order: String,
    buyer: String,
    dataset: String,
    signals: Vec<&'static str>,
    rows: u64,
    vehicles: usize,
    lake_version: u64,
    purpose: Option<&'static str>,
    price: String,
    placed_at: String,
}

impl Licence {
    /// The licence that `order` of `quote` gives.
    #[must_use]
    pub fn of(order: &Order, quote: &Quote) -> Self {
        Self {
            terms_version: LICENCE_TERMS_VERSION,
            terms_sha256: hex::encode(licence_terms_sha256()),
            order: order.id.to_string(),
            buyer: order.buyer.to_string(),
            dataset: quote.dataset.to_string(),
            signals: quote.signals.iter().map(|signal| signal.path()).collect(),
            rows: quote.rows,
            vehicles: quote.vehicles.len(),
            lake_version: quote.lake_version,
            purpose: quote.purpose.map(Purpose::as_str),
            price: quote.price.to_string(),
            placed_at: order.placed_at.to_string(),
        }
    }

    /// The document: JSON whose fields are in the order above.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // Texts and numbers always have a form in JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Hash of [`Self::bytes`].
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.bytes()).into()
    }
}
