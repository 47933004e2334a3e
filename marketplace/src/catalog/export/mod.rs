//! A dataset's listing in the words of standards: for catalogues that harvest, and for data teams that
//! want a contract before they buy.
//!
//! [`dcat()`] says it as a DCAT 3 dataset with an ODRL 2.2 offer, [`odcs()`] as an Open Data Contract
//! (ODCS 3.1). Both are made of a [`Listing`] alone, so they say what `GET /v1/datasets/{id}` says at that
//! moment. Measured numbers are numbers that were measured, never rules that a delivery has to meet.
//!
//! **Invariant:** nothing is claimed that the market does not do. Prices are integers or decimal text, never
//! floats.
//!
//! ODCS documents are tested against the JSON schema of the standard. For DCAT and ODRL no package registry
//! has shapes, so those are tested against shapes of our own, `tests/peers/listing.shacl.ttl`, which cite
//! the W3C's texts, and each term against the vocabularies that come with rdflib.
//!
//! **Not here:** the routes ([`crate::api::rest`]).

mod address;
mod columns;
mod context;
mod dcat;
mod odcs;
mod odrl;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use address::{Address, NotAnAddress};
pub use dcat::{DcatDataset, dcat};
pub use odcs::{DataContract, odcs};

use super::Dataset;
use crate::config::Rules;

/// Where the signals are defined.
const VSS: &str = "https://covesa.github.io/vehicle_signal_specification/";
/// What is delivered.
const PARQUET: &str = "application/vnd.apache.parquet";

/// What is listed, by which rules, and where.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// What is for sale.
    pub dataset: &'a Dataset,
    /// How it is sold.
    pub rules: &'a Rules,
    /// Where the market is reached.
    pub market: &'a Address,
}

impl<'a> Listing<'a> {
    /// The dataset's own address.
    fn address(&self) -> String {
        self.market.of(&format!("v1/datasets/{}", self.dataset.id))
    }

    /// Where [`dcat()`] is read.
    fn dcat_address(&self) -> String {
        format!("{}/dcat.jsonld", self.address())
    }

    /// The offer in it.
    fn offer_address(&self) -> String {
        format!("{}#offer", self.dcat_address())
    }

    /// Where [`odcs()`] is read.
    fn contract_address(&self) -> String {
        format!("{}/contract.yaml", self.address())
    }

    /// Words to find it by: groups of signals, then brands and models.
    fn keywords(&self) -> Vec<&'a str> {
        let dataset = self.dataset;
        let groups: BTreeSet<&str> =
            dataset.signals.iter().map(|line| line.signal.group().as_str()).collect();
        let names = dataset.makes.iter().chain(&dataset.models).map(String::as_str);
        groups.into_iter().chain(names).collect()
    }

    /// How the rows get to a buyer, in one sentence.
    fn delivery(&self) -> String {
        format!(
            "POST /v1/quotes freezes the rows and their price for {} seconds, POST /v1/orders buys them, and \
             within {} seconds the order has a Parquet file to download, or the buyer has his tokens back.",
            self.rules.quote_valid_seconds, self.rules.deliver_within_seconds,
        )
    }
}
