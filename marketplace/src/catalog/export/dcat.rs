//! A listing as a DCAT 3 dataset (<https://www.w3.org/TR/vocab-dcat-3/#Class:Dataset>), in JSON-LD.
//!
//! What was measured are quality measurements of DQV (<https://www.w3.org/TR/vocab-dqv/>), as DCAT asks for
//! in its section on quality; signals are `schema:variableMeasured`, with VSS paths as names. Prices and
//! permissions are in the offer ([`super::odrl`]).

use std::collections::BTreeMap;

use serde::Serialize;

use super::context::{Term, context};
use super::odrl::{Offer, offer};
use super::{Listing, PARQUET, VSS};
use crate::archive::Score;
use crate::catalog::SignalRows;

/// Counts rows.
const ROWS: &str = "urn:axle:metric:rows";

/// A `dcat:Dataset`. It is written, and never read back.
#[derive(Debug, Serialize)]
pub struct DcatDataset<'a> {
    #[serde(rename = "@context")]
    context: BTreeMap<&'static str, Term>,
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "dct:title")]
    title: &'a str,
    #[serde(rename = "dct:description")]
    description: &'a str,
    #[serde(rename = "dct:identifier")]
    identifier: String,
    #[serde(rename = "dcat:keyword")]
    keyword: Vec<&'a str>,
    /// The version of the lake that was measured.
    #[serde(rename = "dcat:version")]
    version: String,
    #[serde(rename = "dct:issued")]
    issued: String,
    #[serde(rename = "dct:modified")]
    modified: String,
    #[serde(rename = "dct:publisher")]
    publisher: Agent,
    #[serde(rename = "dct:conformsTo")]
    conforms_to: Standard,
    #[serde(rename = "dct:temporal", skip_serializing_if = "Option::is_none")]
    temporal: Option<PeriodOfTime>,
    #[serde(rename = "dcat:distribution")]
    distribution: Distribution,
    #[serde(rename = "schema:variableMeasured")]
    variable_measured: Vec<PropertyValue>,
    #[serde(rename = "dqv:hasQualityMeasurement")]
    quality_measurement: Vec<QualityMeasurement>,
    #[serde(rename = "odrl:hasPolicy")]
    policy: Offer,
    /// The contract of the same dataset.
    #[serde(rename = "rdfs:seeAlso")]
    see_also: String,
}

#[derive(Debug, Serialize)]
struct Agent {
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "foaf:name")]
    name: String,
}

#[derive(Debug, Serialize)]
struct Standard {
    #[serde(rename = "@id")]
    id: &'static str,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "dct:title")]
    title: &'static str,
}

#[derive(Debug, Serialize)]
struct PeriodOfTime {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "dcat:startDate")]
    start_date: String,
    #[serde(rename = "dcat:endDate")]
    end_date: String,
}

/// <https://www.w3.org/TR/vocab-dcat-3/#Class:Distribution>
#[derive(Debug, Serialize)]
struct Distribution {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "dct:title")]
    title: &'static str,
    #[serde(rename = "dct:description")]
    description: String,
    /// Where to begin: there is no address that has the rows before they are bought.
    #[serde(rename = "dcat:accessURL")]
    access_url: String,
    #[serde(rename = "dcat:mediaType")]
    media_type: String,
}

/// A signal: <https://schema.org/variableMeasured>.
#[derive(Debug, Serialize)]
struct PropertyValue {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "schema:name")]
    name: &'static str,
    #[serde(rename = "schema:unitText")]
    unit_text: &'static str,
    #[serde(rename = "dqv:hasQualityMeasurement")]
    quality_measurement: QualityMeasurement,
}

/// <https://www.w3.org/TR/vocab-dqv/#dqv:QualityMeasurement>
#[derive(Debug, Serialize)]
struct QualityMeasurement {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "dqv:computedOn", skip_serializing_if = "Option::is_none")]
    computed_on: Option<String>,
    #[serde(rename = "dqv:isMeasurementOf")]
    metric: Metric,
    #[serde(rename = "dqv:value")]
    value: u64,
}

/// A metric, said once in full and then by its name.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Metric {
    Named(&'static str),
    Defined {
        #[serde(rename = "@id")]
        id: &'static str,
        #[serde(rename = "@type")]
        kind: &'static str,
        #[serde(rename = "skos:definition")]
        definition: &'static str,
        #[serde(rename = "dqv:expectedDataType")]
        expected_data_type: &'static str,
    },
}

/// The listing as a DCAT dataset.
#[must_use]
pub fn dcat<'a>(listing: &Listing<'a>) -> DcatDataset<'a> {
    let dataset = listing.dataset;
    let described_at = dataset.described_at.to_string();
    DcatDataset {
        context: context(),
        id: listing.address(),
        kind: "dcat:Dataset",
        title: &dataset.title,
        description: &dataset.description,
        identifier: dataset.id.to_string(),
        keyword: listing.keywords(),
        version: dataset.lake_version.to_string(),
        issued: described_at.clone(),
        modified: described_at,
        publisher: Agent {
            id: listing.market.of(""),
            kind: "foaf:Agent",
            name: listing.market.host(),
        },
        conforms_to: Standard {
            id: VSS,
            kind: "dct:Standard",
            title: "COVESA Vehicle Signal Specification",
        },
        temporal: dataset.first_at.zip(dataset.last_at).map(|(first, last)| PeriodOfTime {
            kind: "dct:PeriodOfTime",
            start_date: first.to_string(),
            end_date: last.to_string(),
        }),
        distribution: distribution(listing),
        variable_measured: dataset.signals.iter().map(variable).collect(),
        quality_measurement: measurements(listing),
        policy: offer(listing),
        see_also: listing.contract_address(),
    }
}

fn distribution(listing: &Listing<'_>) -> Distribution {
    Distribution {
        kind: "dcat:Distribution",
        title: "The Parquet file of an order",
        description: listing.delivery(),
        access_url: listing.market.of("v1/quotes"),
        media_type: format!("https://www.iana.org/assignments/media-types/{PARQUET}"),
    }
}

fn variable(line: &SignalRows) -> PropertyValue {
    PropertyValue {
        kind: "schema:PropertyValue",
        name: line.signal.path(),
        unit_text: line.signal.unit().as_str(),
        quality_measurement: QualityMeasurement {
            kind: "dqv:QualityMeasurement",
            computed_on: None,
            metric: Metric::Named(ROWS),
            value: line.rows,
        },
    }
}

/// What was measured of the whole dataset.
fn measurements(listing: &Listing<'_>) -> Vec<QualityMeasurement> {
    let dataset = listing.dataset;
    let measured = |id, definition, value| QualityMeasurement {
        kind: "dqv:QualityMeasurement",
        computed_on: Some(listing.address()),
        metric: Metric::Defined {
            id,
            kind: "dqv:Metric",
            definition,
            expected_data_type: "xsd:integer",
        },
        value,
    };
    let mut all = vec![
        measured(ROWS, "Rows that could be bought.", dataset.rows),
        measured("urn:axle:metric:vehicles", "Vehicles that the rows come from.", dataset.vehicles),
        measured(
            "urn:axle:metric:flagged-rows",
            "Rows that something speaks against, such as a value that is physically impossible. They are kept.",
            dataset.quality.flagged_rows,
        ),
    ];
    let score = dataset.quality.score.map(Score::per_mille);
    all.extend(score.map(|score| {
        let definition = "How plausible everything is that these vehicles sent, in per mille: their mean, \
                          weighted by samples.";
        measured("urn:axle:metric:score", definition, score.into())
    }));
    all
}
