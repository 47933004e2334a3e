//! What an exported listing says, read back by others than who wrote it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use telematics::Signal;
use telematics::testing::T0;

use super::{Address, Listing, dcat, odcs};
use crate::archive::{ReasonKind, Score};
use crate::catalog::{Dataset, DatasetId, DatasetQuality, ReasonRows, SignalRows};
use crate::config::Rules;
use crate::ledger::Amount;

const ODD_TITLE: &str = "\"Größe\": 100 % – 速度 # 'no' comment";

fn full() -> Dataset {
    let speed = Signal::SPEED;
    Dataset {
        id: DatasetId::new(T0, [7; 10]),
        slug: "speed".to_owned(),
        title: ODD_TITLE.to_owned(),
        description: "One line: and\n- another\n".to_owned(),
        signals: vec![
            SignalRows { signal: speed, rows: 90 },
            SignalRows { signal: Signal::by_number(2).unwrap(), rows: 10 },
        ],
        price_per_row: Amount::from_micros(1),
        rows: 100,
        vehicles: 12,
        makes: BTreeSet::from(["Škoda".to_owned()]),
        models: BTreeSet::from(["no".to_owned(), "1e3".to_owned()]),
        years: BTreeSet::new(),
        powertrains: BTreeSet::new(),
        first_at: Some(T0),
        last_at: Some(T0.plus_seconds(60)),
        quality: DatasetQuality {
            score: Score::new(990),
            flagged_rows: 3,
            reasons: vec![ReasonRows { kind: ReasonKind::OutOfRange, signal: speed, rows: 3 }],
        },
        lake_version: 12,
        described_at: T0.plus_seconds(61),
        private: None,
    }
}

fn empty() -> Dataset {
    Dataset {
        rows: 0,
        vehicles: 0,
        makes: BTreeSet::new(),
        models: BTreeSet::new(),
        years: BTreeSet::new(),
        powertrains: BTreeSet::new(),
        first_at: None,
        last_at: None,
        quality: DatasetQuality::default(),
        ..full()
    }
}

/// Both documents: the first as it is, the second as another library reads the YAML.
fn documents(dataset: &Dataset) -> (Value, Value) {
    let market = Address::new("https", "market.example").unwrap();
    let listing = Listing { dataset, rules: &Rules::default(), market: &market };
    let contract = serde_saphyr::to_string(&odcs(&listing)).unwrap();
    (
        serde_json::to_value(dcat(&listing)).unwrap(),
        yaml_serde::from_str(&contract).unwrap_or_else(|error| panic!("{error}\n{contract}")),
    )
}

/// The value of a custom property of the table.
fn measured<'a>(contract: &'a Value, name: &str) -> Option<&'a Value> {
    let all = contract["schema"][0]["customProperties"].as_array().unwrap();
    all.iter().find(|property| property["property"] == name).map(|property| &property["value"])
}

#[test]
fn text_of_every_kind_survives() {
    let dataset = full();
    let (dcat, contract) = documents(&dataset);

    assert_eq!(dcat["dct:title"], ODD_TITLE);
    assert_eq!(contract["name"], ODD_TITLE);
    assert_eq!(contract["schema"][0]["businessName"], ODD_TITLE);
    assert_eq!(dcat["dct:description"], dataset.description);
    assert_eq!(contract["description"]["purpose"], dataset.description);
    let words = json!(["motion", "Škoda", "1e3", "no"]);
    assert_eq!((&dcat["dcat:keyword"], &contract["tags"]), (&words, &words));
}

#[test]
fn both_say_what_was_measured() {
    let (dcat, contract) = documents(&full());

    let period = json!({
        "@type": "dct:PeriodOfTime",
        "dcat:startDate": "2024-01-01T00:00:00Z",
        "dcat:endDate": "2024-01-01T00:01:00Z",
    });
    assert_eq!(dcat["dct:temporal"], period);
    assert_eq!((&dcat["dcat:version"], &contract["version"]), (&json!("12"), &json!("12")));
    let values: Vec<_> = dcat["dqv:hasQualityMeasurement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["dqv:isMeasurementOf"]["@id"].as_str().unwrap(), &one["dqv:value"]))
        .collect();
    let expected = [
        ("urn:axle:metric:rows", &json!(100)),
        ("urn:axle:metric:vehicles", &json!(12)),
        ("urn:axle:metric:flagged-rows", &json!(3)),
        ("urn:axle:metric:score", &json!(990)),
    ];
    assert_eq!(values, expected);
    for (name, value) in [
        ("rows", json!(100)),
        ("vehicles", json!(12)),
        ("flaggedRows", json!(3)),
        ("score", json!(990)),
        ("firstAt", json!("2024-01-01T00:00:00Z")),
        ("lastAt", json!("2024-01-01T00:01:00Z")),
        ("reasons", json!([{ "reason": "out-of-range", "signal": "Vehicle.Speed", "rows": 3 }])),
    ] {
        assert_eq!(measured(&contract, name), Some(&value), "{name}");
    }
}

#[test]
fn a_dataset_without_rows_has_no_time_and_no_score() {
    let (dcat, contract) = documents(&empty());

    assert_eq!(dcat.get("dct:temporal"), None);
    assert_eq!(dcat["dqv:hasQualityMeasurement"].as_array().unwrap().len(), 3);
    assert_eq!(measured(&contract, "rows"), Some(&json!(0)));
    for name in ["firstAt", "lastAt", "score", "reasons"] {
        assert_eq!(measured(&contract, name), None, "{name}");
    }
    assert_eq!(contract["schema"][0]["quality"].as_array().unwrap().len(), 1);
    assert_eq!(contract["status"], "proposed");
    assert_eq!(documents(&full()).1["status"], "active");
}

#[test]
fn the_least_price_is_said_exactly() {
    let (dcat, contract) = documents(&full());

    let duty = &dcat["odrl:hasPolicy"]["odrl:permission"]["odrl:duty"];
    let refinement = &duty["odrl:action"]["odrl:refinement"];
    assert_eq!(refinement["odrl:rightOperand"], "0.000001");
    let price = json!({ "priceAmount": 1, "priceCurrency": "token", "priceUnit": "million rows" });
    assert_eq!(contract["price"], price);
}

#[test]
fn the_rules_of_the_market_are_its_promises() {
    let (_, contract) = documents(&full());

    let promises: Vec<_> = contract["slaProperties"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["property"].as_str().unwrap(), one["value"].as_u64().unwrap()))
        .collect();
    let expected = [("deliverWithin", 3_600), ("quoteValidity", 900), ("minimumVehicles", 10)];
    assert_eq!(promises, expected);
}

#[test]
fn every_address_is_absolute() {
    let (dcat, contract) = documents(&full());

    let here = format!("https://market.example/v1/datasets/{}", full().id);
    assert_eq!(dcat["@id"], here);
    assert_eq!(dcat["odrl:hasPolicy"]["@id"], format!("{here}/dcat.jsonld#offer"));
    assert_eq!(dcat["rdfs:seeAlso"], format!("{here}/contract.yaml"));
    assert_eq!(dcat["dct:publisher"]["@id"], "https://market.example/");
    assert_eq!(contract["servers"][0]["location"], "https://market.example/v1");
}
