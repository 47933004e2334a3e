//! A listing as an Open Data Contract (ODCS 3.1.0).
//!
//! The schema is that of the file which a buyer gets, and each rule in it holds for every such file. What
//! was measured of the rows that could be bought is said in `customProperties` and in words, for those in
//! the file are counted by its quote.
//!
//! **Invariant:** a team, support and roles are not said, because a market knows none.

mod document;

use std::collections::BTreeSet;

pub use document::DataContract;
use document::{
    AuthoritativeDefinition, CustomProperty, CustomValue, Description, Object, Pricing, Quality,
    ReasonLine, Server, SignalLine, SlaProperty, ValidValues,
};
pub(super) use document::{LogicalType, Property, TypeOptions};

use super::columns::columns;
use super::{Listing, VSS};
use crate::archive::Score;
use crate::catalog::{ReasonRows, SignalRows};

/// The listing as a contract.
#[must_use]
pub fn odcs<'a>(listing: &Listing<'a>) -> DataContract<'a> {
    let dataset = listing.dataset;
    DataContract {
        api_version: "v3.1.0",
        kind: "DataContract",
        id: dataset.id.to_string(),
        name: &dataset.title,
        version: dataset.lake_version.to_string(),
        status: status(listing),
        data_product: &dataset.slug,
        tags: listing.keywords(),
        description: description(listing),
        authoritative_definitions: vec![AuthoritativeDefinition {
            url: listing.offer_address(),
            kind: "policy",
            description: "What a buyer may do with it, as an ODRL offer.",
        }],
        servers: [Server {
            name: "market",
            kind: "api",
            location: listing.market.of("v1"),
            description: listing.delivery(),
        }],
        schema: [Object {
            name: "samples",
            physical_name: "data.parquet",
            logical_type: "object",
            physical_type: "file",
            business_name: &dataset.title,
            description: "A Parquet file, compressed with Zstandard, sorted by vehicle, signal and time.",
            data_granularity_description: "One row is one value of one signal of one vehicle at one time.",
            properties: properties(listing),
            quality: quality(listing),
            custom_properties: measured(listing),
        }],
        price: price(listing),
        sla_properties: sla_properties(listing),
        contract_created_ts: dataset.described_at.to_string(),
    }
}

/// A dataset with fewer vehicles than the rules want can not be bought yet.
fn status(listing: &Listing<'_>) -> &'static str {
    let vehicles_min = u64::from(listing.rules.vehicles_min.max(1));
    if listing.dataset.vehicles >= vehicles_min { "active" } else { "proposed" }
}

fn description<'a>(listing: &Listing<'a>) -> Description<'a> {
    let Listing { dataset, rules, .. } = listing;
    Description {
        purpose: &dataset.description,
        usage: format!(
            "{} Each row costs {} tokens, times the factors of the market's price rule (`GET /v1/rules`), which are \
             a quarter at least and nine quarters at most. The buyer may use the rows.",
            listing.delivery(),
            dataset.price_per_row,
        ),
        limitations: format!(
            "Rows are those of vehicles whose owners share everything in it when it is bought and when it is \
             delivered; it is not sold with fewer than {} vehicles, and rows that are not delivered are not \
             paid for. Rows are not to be sold on, and nobody is to find out which person or vehicle one is \
             about. Implausible values are kept and counted.",
            rules.vehicles_min.max(1),
        ),
    }
}

/// The columns, with what this dataset says about two of them.
fn properties(listing: &Listing<'_>) -> Vec<Property> {
    let signals = &listing.dataset.signals;
    let paths: Vec<_> = signals.iter().map(|line| line.signal.path()).collect();
    let units: BTreeSet<_> = signals.iter().map(|line| line.signal.unit().as_str()).collect();
    let mut columns = columns();
    for column in &mut columns {
        match column.name {
            "signal" => {
                column.quality = vec![only(&paths)];
                column.custom_properties = vec![signal_rows(listing)];
                column.authoritative_definitions = vec![AuthoritativeDefinition {
                    url: VSS.to_owned(),
                    kind: "businessDefinition",
                    description: "What each signal means.",
                }];
            }
            "unit" => column.quality = vec![only(&units)],
            _ => {}
        }
    }
    columns
}

/// The rule that a column has these values only.
fn only<'a>(values: impl IntoIterator<Item = &'a &'static str>) -> Quality {
    let arguments = ValidValues { valid_values: values.into_iter().copied().collect() };
    Quality::Library { metric: "invalidValues", arguments, must_be: 0 }
}

fn signal_rows(listing: &Listing<'_>) -> CustomProperty {
    let line = |line: &SignalRows| SignalLine {
        path: line.signal.path(),
        unit: line.signal.unit().as_str(),
        rows: line.rows,
    };
    CustomProperty {
        property: "signals",
        value: CustomValue::Signals(listing.dataset.signals.iter().map(line).collect()),
        description: "The signals, with their units and the rows of each that could be bought.",
    }
}

/// What was measured, in words.
fn quality(listing: &Listing<'_>) -> Vec<Quality> {
    let dataset = listing.dataset;
    let flagged = Quality::Text {
        name: "flaggedRows",
        description: format!(
            "Something speaks against {} of {} rows, which is {} per mille, rounded up.",
            dataset.quality.flagged_rows,
            dataset.rows,
            dataset.flagged_per_mille(),
        ),
    };
    let score = dataset.quality.score.map(|score| Quality::Text {
        name: "score",
        description: format!(
            "What these vehicles sent is plausible to {} per mille: their mean, weighted by samples.",
            score.per_mille(),
        ),
    });
    score.into_iter().chain([flagged]).collect()
}

/// What was measured, for programs.
fn measured(listing: &Listing<'_>) -> Vec<CustomProperty> {
    let dataset = listing.dataset;
    let property = |property, value, description| CustomProperty { property, value, description };
    let count = |name, value, description| property(name, CustomValue::Count(value), description);
    let mut all = vec![
        count("rows", dataset.rows, "Rows that could be bought when this was measured."),
        count("vehicles", dataset.vehicles, "Vehicles that they come from."),
        count("flaggedRows", dataset.quality.flagged_rows, "Rows that something speaks against."),
    ];
    let score = dataset.quality.score.map(Score::per_mille);
    all.extend(score.map(|score| {
        count("score", score.into(), "How plausible what these vehicles sent is, in per mille.")
    }));
    let times = [
        ("firstAt", dataset.first_at, "Time of the first row."),
        ("lastAt", dataset.last_at, "Time of the last row."),
    ];
    all.extend(times.into_iter().filter_map(|(name, time, description)| {
        Some(property(name, CustomValue::Text(time?.to_string()), description))
    }));
    if !dataset.quality.reasons.is_empty() {
        let line = |line: &ReasonRows| ReasonLine {
            reason: line.kind.as_str(),
            signal: line.signal.path(),
            rows: line.rows,
        };
        let lines = dataset.quality.reasons.iter().map(line).collect();
        all.push(property("reasons", CustomValue::Reasons(lines), "What speaks against rows."));
    }
    all
}

/// A micro-token for a row is a token for a million rows, so the price is an integer: no reader rounds it.
fn price(listing: &Listing<'_>) -> Pricing {
    Pricing {
        amount: listing.dataset.price_per_row.micros(),
        currency: "token",
        unit: "million rows",
    }
}

fn sla_properties(listing: &Listing<'_>) -> [SlaProperty; 3] {
    let rules = listing.rules;
    [
        SlaProperty {
            property: "deliverWithin",
            value: rules.deliver_within_seconds,
            unit: "s",
            description: "From the purchase to the file; what is later is not delivered, and paid back.",
        },
        SlaProperty {
            property: "quoteValidity",
            value: rules.quote_valid_seconds,
            unit: "s",
            description: "For so long a quote can be bought: the price and the rows are held.",
        },
        SlaProperty {
            property: "minimumVehicles",
            value: rules.vehicles_min.max(1),
            unit: "vehicles",
            description: "Vehicles in a delivered file, at least; with fewer the price is paid back.",
        },
    ]
}
