//! The parts of an Open Data Contract that a listing uses, by the names of the standard
//! (ODCS 3.1.0, <https://bitol-io.github.io/open-data-contract-standard/v3.1.0/>).
//!
//! **Not here:** what is said in them ([`super::odcs`]).

use serde::Serialize;

/// An Open Data Contract. It is written, and never read back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataContract<'a> {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) name: &'a str,
    pub(super) version: String,
    pub(super) status: &'static str,
    pub(super) data_product: &'a str,
    pub(super) tags: Vec<&'a str>,
    pub(super) description: Description<'a>,
    pub(super) authoritative_definitions: Vec<AuthoritativeDefinition>,
    pub(super) servers: [Server; 1],
    pub(super) schema: [Object<'a>; 1],
    pub(super) price: Pricing,
    pub(super) sla_properties: [SlaProperty; 3],
    pub(super) contract_created_ts: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Description<'a> {
    pub(super) purpose: &'a str,
    pub(super) usage: String,
    pub(super) limitations: String,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct AuthoritativeDefinition {
    pub(super) url: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) description: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Server {
    #[serde(rename = "server")]
    pub(super) name: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) location: String,
    pub(super) description: String,
}

/// A table, which is one element of `schema`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object<'a> {
    pub(super) name: &'static str,
    pub(super) physical_name: &'static str,
    pub(super) logical_type: &'static str,
    pub(super) physical_type: &'static str,
    pub(super) business_name: &'a str,
    pub(super) description: &'static str,
    pub(super) data_granularity_description: &'static str,
    pub(super) properties: Vec<Property>,
    pub(super) quality: Vec<Quality>,
    pub(super) custom_properties: Vec<CustomProperty>,
}

/// A column.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Property {
    pub(in super::super) name: &'static str,
    pub(in super::super) logical_type: LogicalType,
    pub(in super::super) physical_type: &'static str,
    pub(in super::super) description: &'static str,
    pub(in super::super) required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) logical_type_options: Option<TypeOptions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) authoritative_definitions: Vec<AuthoritativeDefinition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) quality: Vec<Quality>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) custom_properties: Vec<CustomProperty>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum LogicalType {
    String,
    Integer,
    Number,
    Timestamp,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(in super::super) struct TypeOptions {
    /// Whether a timestamp says its time zone.
    pub(in super::super) timezone: bool,
}

/// A rule that can be checked, or a text about quality.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(in super::super) enum Quality {
    #[serde(rename_all = "camelCase")]
    Library {
        metric: &'static str,
        arguments: ValidValues,
        must_be: u64,
    },
    Text {
        name: &'static str,
        description: String,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ValidValues {
    pub(super) valid_values: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct CustomProperty {
    pub(super) property: &'static str,
    pub(super) value: CustomValue,
    pub(super) description: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum CustomValue {
    Count(u64),
    Text(String),
    Signals(Vec<SignalLine>),
    Reasons(Vec<ReasonLine>),
}

#[derive(Debug, Serialize)]
pub(super) struct SignalLine {
    pub(super) path: &'static str,
    pub(super) unit: &'static str,
    pub(super) rows: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct ReasonLine {
    pub(super) reason: &'static str,
    pub(super) signal: &'static str,
    pub(super) rows: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Pricing {
    #[serde(rename = "priceAmount")]
    pub(super) amount: i64,
    #[serde(rename = "priceCurrency")]
    pub(super) currency: &'static str,
    #[serde(rename = "priceUnit")]
    pub(super) unit: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct SlaProperty {
    pub(super) property: &'static str,
    pub(super) value: u32,
    pub(super) unit: &'static str,
    pub(super) description: &'static str,
}
