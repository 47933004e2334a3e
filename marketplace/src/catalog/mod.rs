//! The catalogue: what is for sale, and what is known about it.
//!
//! A dataset is a standing offer made from a template ([`templates()`]); its statistics are measured
//! from the lake by [`describe()`], over the vehicles whose owners share everything in it now. A buyer can have a listing
//! of his own ([`list_privately()`]). What it says
//! can be said in the words of standards too ([`export`]), and what is seen of it beforehand is its [`Profile`]. Owns the
//! tables `datasets` and `dataset_profiles`.
//!
//! **Invariant:** statistics never decide a sale: a quote measures again. [`Search`] is a view of the
//! table and can be deleted at any time.
//!
//! **Not here:** quotes and orders ([`crate::trade`]).

mod dataset;
mod describe;
pub mod export;
mod private;
mod profile;
mod quality;
mod queries;
mod search;
mod templates;

pub use dataset::{Dataset, DatasetId, DatasetQuality, Private, ReasonRows, SignalRows};
pub use describe::{Measurement, describe, keep};
pub use private::{Class, LISTINGS_MAX, Wish, list_privately, private_of, seen_by};
pub use profile::{
    Coverage, Model, Plan, PreviewRow, Profile, Profiled, Read, Region, Share, SignalProfile, due,
    forget, keep_profile, plan, plot, profile,
};
pub use queries::{dataset, datasets};
pub use search::{
    AgeCount, Counted, Cursor, Facets, Found, Page, PriceCount, Search, SearchError, Sort, Wanted,
    audit, follow,
};
pub use templates::{NotATemplate, Template, templates};

use crate::archive::ArchiveError;
use crate::consent::ConsentError;
use crate::identity::IdentityError;

/// Why the catalogue could not answer.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No such dataset.
    #[error("there is no dataset {dataset}")]
    Unknown {
        /// The dataset named.
        dataset: DatasetId,
    },
    /// Not what can be listed.
    #[error("{why}")]
    BadWish {
        /// Why not.
        why: String,
    },
    /// The table in the binary is wrong.
    #[error("a dataset template is wrong")]
    Template(#[from] NotATemplate),
    /// A row that no longer reads as a dataset.
    #[error("the row of dataset `{slug}` is damaged")]
    Damaged {
        /// Which.
        slug: String,
    },
    /// A row that no longer reads as a profile.
    #[error(
        "a profile of a dataset is damaged; delete it from `dataset_profiles` to have another made"
    )]
    DamagedProfile,
    /// Consent could not be read.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// How plausible rows are could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The index could not be written.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database failed.
    #[error("cannot read or store datasets")]
    Storage(#[from] diesel::result::Error),
}
