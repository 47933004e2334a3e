//! The `@context` of an exported listing: what its prefixes stand for, and of which type its texts are.
//!
//! It is part of the document (JSON-LD 1.1, section 3.1, <https://www.w3.org/TR/json-ld11/#the-context>), so
//! a listing is read without a network.

use std::collections::BTreeMap;

use serde::Serialize;

#[rustfmt::skip] // a table is read by column
const PREFIXES: [(&str, &str); 10] = [
    ("dcat",   "http://www.w3.org/ns/dcat#"),
    ("dct",    "http://purl.org/dc/terms/"),
    ("dqv",    "http://www.w3.org/ns/dqv#"),
    ("foaf",   "http://xmlns.com/foaf/0.1/"),
    ("odrl",   "http://www.w3.org/ns/odrl/2/"),
    ("rdf",    "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs",   "http://www.w3.org/2000/01/rdf-schema#"),
    ("schema", "https://schema.org/"),
    ("skos",   "http://www.w3.org/2004/02/skos/core#"),
    ("xsd",    "http://www.w3.org/2001/XMLSchema#"),
];

/// Terms whose texts name something, or have another type than text.
#[rustfmt::skip] // a table is read by column
const TYPES: [(&str, &str); 20] = [
    ("dct:issued",           "xsd:dateTime"),
    ("dct:modified",         "xsd:dateTime"),
    ("dcat:startDate",       "xsd:dateTime"),
    ("dcat:endDate",         "xsd:dateTime"),
    ("dcat:accessURL",       "@id"),
    ("dcat:mediaType",       "@id"),
    ("dqv:computedOn",       "@id"),
    ("dqv:expectedDataType", "@id"),
    ("dqv:isMeasurementOf",  "@id"),
    ("odrl:action",          "@id"),
    ("odrl:assigner",        "@id"),
    ("odrl:conflict",        "@id"),
    ("odrl:includedIn",      "@id"),
    ("odrl:leftOperand",     "@id"),
    ("odrl:operator",        "@id"),
    ("odrl:profile",         "@id"),
    ("odrl:rightOperand",    "xsd:decimal"),
    ("odrl:target",          "@id"),
    ("rdf:value",            "@id"),
    ("rdfs:seeAlso",         "@id"),
];

/// What a term of the context stands for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Term {
    /// The beginning of its terms' addresses.
    Prefix(&'static str),
    /// Values of a type.
    Typed {
        #[serde(rename = "@id")]
        id: &'static str,
        #[serde(rename = "@type")]
        kind: &'static str,
    },
}

/// The context of every listing.
pub(super) fn context() -> BTreeMap<&'static str, Term> {
    let prefixes = PREFIXES.map(|(prefix, address)| (prefix, Term::Prefix(address)));
    let types = TYPES.map(|(id, kind)| (id, Term::Typed { id, kind }));
    prefixes.into_iter().chain(types).collect()
}
