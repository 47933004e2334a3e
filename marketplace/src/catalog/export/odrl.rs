//! What a buyer may do with a dataset and what it costs, as an ODRL 2.2 offer
//! (<https://www.w3.org/TR/odrl-model/>, <https://www.w3.org/TR/odrl-vocab/>).
//!
//! It says three things: whoever pays for each row may use them; nobody may sell them on, for a file is
//! handed to its buyer only and owners are paid for each sale; and nobody may find out whose car a row is
//! of, which is what pseudonyms and the least number of vehicles are there for.
//!
//! ODRL has no word for the last one. Section 4 of the vocabulary wants such words in a profile, which is
//! [`PROFILE`]; the action is defined in the offer itself.

use serde::Serialize;

use super::Listing;

/// Names the words that are ours.
const PROFILE: &str = "urn:axle:odrl";

/// An [offer](https://www.w3.org/TR/odrl-model/#policy-offer): a policy with an assigner, and with no
/// assignee yet.
#[derive(Debug, Serialize)]
pub(super) struct Offer {
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "odrl:profile")]
    profile: &'static str,
    /// To use is permitted, and to sell or to identify is a way to use: the prohibition wins.
    #[serde(rename = "odrl:conflict")]
    conflict: &'static str,
    #[serde(rename = "odrl:permission")]
    permission: Permission,
    #[serde(rename = "odrl:prohibition")]
    prohibition: [Prohibition; 2],
}

#[derive(Debug, Serialize)]
struct Permission {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "odrl:target")]
    target: String,
    #[serde(rename = "odrl:assigner")]
    assigner: String,
    #[serde(rename = "odrl:action")]
    action: &'static str,
    #[serde(rename = "odrl:duty")]
    duty: Duty,
}

#[derive(Debug, Serialize)]
struct Prohibition {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "odrl:target")]
    target: String,
    #[serde(rename = "odrl:assigner")]
    assigner: String,
    #[serde(rename = "odrl:action")]
    action: Action,
}

/// An action of the common vocabulary by its name, or one of ours with what it means.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Action {
    Common(&'static str),
    Own(OwnAction),
}

#[derive(Debug, Serialize)]
struct OwnAction {
    #[serde(rename = "@id")]
    id: &'static str,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "odrl:includedIn")]
    included_in: &'static str,
    #[serde(rename = "rdfs:label")]
    label: &'static str,
    #[serde(rename = "skos:definition")]
    definition: &'static str,
}

#[derive(Debug, Serialize)]
struct Duty {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "odrl:action")]
    action: Refined,
}

/// An action with a [refinement](https://www.w3.org/TR/odrl-model/#constraint-action).
#[derive(Debug, Serialize)]
struct Refined {
    #[serde(rename = "rdf:value")]
    action: &'static str,
    #[serde(rename = "odrl:refinement")]
    refinement: Constraint,
}

#[derive(Debug, Serialize)]
struct Constraint {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "odrl:leftOperand")]
    left_operand: &'static str,
    #[serde(rename = "odrl:operator")]
    operator: &'static str,
    #[serde(rename = "odrl:rightOperand")]
    right_operand: String,
    #[serde(rename = "odrl:unit")]
    unit: Unit,
}

#[derive(Debug, Serialize)]
struct Unit {
    #[serde(rename = "@id")]
    id: &'static str,
    #[serde(rename = "rdfs:label")]
    label: &'static str,
}

/// The offer of a listing.
pub(super) fn offer(listing: &Listing<'_>) -> Offer {
    let prohibited = |action| Prohibition {
        kind: "odrl:Prohibition",
        target: listing.address(),
        assigner: listing.market.of(""),
        action,
    };
    Offer {
        id: listing.offer_address(),
        kind: "odrl:Offer",
        profile: PROFILE,
        conflict: "odrl:prohibit",
        permission: Permission {
            kind: "odrl:Permission",
            target: listing.address(),
            assigner: listing.market.of(""),
            action: "odrl:use",
            duty: compensation(listing),
        },
        prohibition: [prohibited(Action::Common("odrl:sell")), prohibited(reidentify())],
    }
}

/// To pay for each row.
fn compensation(listing: &Listing<'_>) -> Duty {
    let refinement = Constraint {
        kind: "odrl:Constraint",
        left_operand: "odrl:payAmount",
        operator: "odrl:eq",
        right_operand: listing.dataset.price_per_row.to_string(),
        unit: Unit {
            id: "urn:axle:unit:base-token-per-row",
            label: "tokens for each row, before the factors of the market's price rule",
        },
    };
    Duty { kind: "odrl:Duty", action: Refined { action: "odrl:compensate", refinement } }
}

fn reidentify() -> Action {
    Action::Own(OwnAction {
        id: "urn:axle:odrl:reidentify",
        kind: "odrl:Action",
        included_in: "odrl:use",
        label: "re-identify",
        definition: "To find out which person or which vehicle a row is about.",
    })
}
