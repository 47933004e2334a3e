//! Listings for one buyer: the signals that he wants, of the vehicles that he wants.
//!
//! **Invariant:** nobody else sees one, and it says nothing of vehicles while they are too few to be sold. A row costs what it
//! costs in the dearest public dataset that has one of its signals, so a listing of one's own is never the cheaper one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use telematics::question::ClassPattern;
use telematics::{BuyerId, Powertrain, Signal};

use super::dataset::{Dataset, DatasetId, Private};
use super::describe::{Measurement, Offered, describe_each};
use super::templates::{Template, contents, templates};
use super::{CatalogError, queries};
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::Amount;

/// Characters of a title, at most.
const TITLE_CHARS_MAX: usize = 100;
/// Listings of one buyer, at most: each is measured again whenever rows come in.
pub const LISTINGS_MAX: usize = 100;

/// What a buyer wants listed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// What to call it.
    pub title: String,
    /// VSS paths, and groups for all of their signals.
    pub signals: Vec<String>,
    /// Of which vehicles.
    #[serde(default)]
    pub class: Class,
}

/// Which vehicles, in the words of JSON. What is not said may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    #[serde(skip_serializing_if = "Option::is_none")]
    make: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    powertrain: Option<String>,
}

impl Class {
    fn pattern(&self) -> Result<ClassPattern, CatalogError> {
        let refuse =
            |error: &dyn std::fmt::Display| CatalogError::BadWish { why: error.to_string() };
        let powertrain = self.powertrain.as_deref().map(Powertrain::parse).transpose();
        Ok(ClassPattern {
            make: self.make.clone(),
            model: self.model.clone(),
            year: self.year,
            powertrain: powertrain.map_err(|error| refuse(&error))?,
        })
    }

    /// As it is kept.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Self::to_json`] wrote.
    pub(super) fn of_json(text: &str) -> Option<ClassPattern> {
        serde_json::from_str::<Self>(text).ok()?.pattern().ok()
    }
}

impl From<&ClassPattern> for Class {
    fn from(pattern: &ClassPattern) -> Self {
        Self {
            make: pattern.make.clone(),
            model: pattern.model.clone(),
            year: pattern.year,
            powertrain: pattern.powertrain.map(|powertrain| powertrain.to_string()),
        }
    }
}

/// Lists what `buyer` wishes for, for him alone. The same signals of the same vehicles are the same listing.
///
/// # Errors
/// Refuses a title that is none, unknown signals, and signals that nobody sells: positions are proven, not sold.
pub fn list_privately(
    conn: &mut Conn,
    buyer: &Buyer,
    wish: &Wish,
    measurement: &Measurement<'_>,
) -> Result<Dataset, CatalogError> {
    let offered = offered(buyer.id, wish)?;
    let mine = queries::private(conn, Some(buyer.id))?;
    if let Some(known) = mine.iter().find(|known| known.slug == offered.template.slug) {
        return Ok(known.clone());
    }
    if mine.len() >= LISTINGS_MAX {
        return Err(CatalogError::BadWish {
            why: format!("you have {LISTINGS_MAX} listings, which is as many as there may be"),
        });
    }
    let described = describe_each(conn, vec![offered], measurement)?;
    let mut kept = super::keep(conn, &described)?;
    kept.pop().ok_or(CatalogError::Storage(diesel::result::Error::NotFound))
}

/// The listings of `buyer`.
///
/// # Errors
/// When they can not be read.
pub fn private_of(conn: &mut Conn, buyer: &Buyer) -> Result<Vec<Dataset>, CatalogError> {
    queries::private(conn, Some(buyer.id))
}

/// A dataset that `buyer` may see, or anybody when there is none.
///
/// # Errors
/// Another buyer's is refused like one that does not exist.
pub fn seen_by(
    conn: &mut Conn,
    buyer: Option<BuyerId>,
    id: DatasetId,
) -> Result<Dataset, CatalogError> {
    let found = queries::dataset(conn, id)?;
    let is_seen = found.private.as_ref().is_none_or(|private| Some(private.buyer) == buyer);
    if is_seen { Ok(found) } else { Err(CatalogError::Unknown { dataset: id }) }
}

fn offered(buyer: BuyerId, wish: &Wish) -> Result<Offered, CatalogError> {
    let refuse = |why: String| CatalogError::BadWish { why };
    let title = wish.title.trim();
    let chars = title.chars().count();
    if chars == 0 || chars > TITLE_CHARS_MAX || title.chars().any(char::is_control) {
        return Err(refuse(format!(
            "the title has {chars} characters; write 1 to {TITLE_CHARS_MAX}"
        )));
    }
    let words = wish.signals.iter().map(String::as_str);
    let signals = contents(words).map_err(|error| refuse(error.to_string()))?;
    if signals.is_empty() {
        return Err(refuse("`signals` is empty; name VSS paths or groups".to_owned()));
    }
    let price_per_row = price(&signals)?;
    let class = wish.class.pattern()?;
    Ok(Offered {
        template: Template {
            slug: slug(buyer, &signals, &class),
            title: title.to_owned(),
            description: "Listed for one buyer.".to_owned(),
            signals: signals.into_iter().collect(),
            price_per_row,
        },
        private: Some(Private { buyer, class }),
    })
}

/// What a row costs before the factors of the price rule: as much as in the dearest dataset that has one of `signals`.
fn price(signals: &BTreeSet<Signal>) -> Result<Amount, CatalogError> {
    let templates = templates()?;
    let mut dearest = Amount::ZERO;
    for signal in signals {
        let selling = templates.iter().filter(|template| template.signals.contains(signal));
        let Some(price) = selling.map(|template| template.price_per_row).max() else {
            return Err(CatalogError::BadWish {
                why: format!("{signal} is not sold by the row; ask about it with a campaign"),
            });
        };
        dearest = dearest.max(price);
    }
    Ok(dearest)
}

/// The same for the same signals and vehicles, and no name that a template will ever have.
fn slug(buyer: BuyerId, signals: &BTreeSet<Signal>, class: &ClassPattern) -> String {
    let mut hash = Sha256::new();
    hash.update(buyer.to_vec());
    for signal in signals {
        hash.update(signal.number().to_be_bytes());
    }
    hash.update(Class::from(class).to_json().to_lowercase());
    let digest = <[u8; 32]>::from(hash.finalize());
    format!("private/{}", hex::encode(digest.first_chunk::<16>().copied().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    fn wish(title: &str, signals: &[&str]) -> Wish {
        Wish {
            title: title.to_owned(),
            signals: signals.iter().map(|&signal| signal.to_owned()).collect(),
            class: Class::default(),
        }
    }

    #[test]
    fn a_row_costs_as_much_as_in_the_dearest_dataset() {
        let buyer = BuyerId::new(T0, [1; 10]);
        let price = |signals: &[&str]| {
            offered(buyer, &wish("Mine", signals)).unwrap().template.price_per_row.to_string()
        };

        assert_eq!(price(&["Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed"]), "0.000200");
        assert_eq!(price(&["Vehicle.Speed"]), "0.000400", "it is in two");
        assert_eq!(price(&["climate", "odometer"]), "0.001000");
    }

    #[test]
    fn what_is_no_listing_is_refused_with_the_reason() {
        let buyer = BuyerId::new(T0, [1; 10]);
        let long = "x".repeat(101);
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("no title",       wish(" ", &["motion"]),                           "1 to 100"),
            ("a long title",   wish(&long, &["motion"]),                         "101 characters"),
            ("nothing",        wish("Mine", &[]),                                "is empty"),
            ("no such signal", wish("Mine", &["motion", "Vehicle.Fun"]),         "`Vehicle.Fun`"),
            ("places",         wish("Mine", &["Vehicle.CurrentLocation.Latitude"]), "not sold by the row"),
        ];
        for (name, wish, expected) in cases {
            let error = offered(buyer, &wish).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn the_same_wish_is_the_same_listing() {
        let buyer = BuyerId::new(T0, [1; 10]);
        let slug = |wish: &Wish| offered(buyer, wish).unwrap().template.slug;
        let mine = wish("Mine", &["Vehicle.Speed", "climate"]);
        let of_tesla = Class { make: Some("Tesla".to_owned()), ..Class::default() };

        assert_eq!(slug(&mine), slug(&wish("Ours", &["climate", "Vehicle.Speed"])));
        assert_ne!(slug(&mine), slug(&Wish { class: of_tesla, ..mine.clone() }));
        let other = BuyerId::new(T0, [2; 10]);
        assert_ne!(slug(&mine), offered(other, &mine).unwrap().template.slug);
    }
}
