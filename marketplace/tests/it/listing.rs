//! A dataset in the words of standards: what DCAT and the contract say is what the API says and what a
//! buyer gets, and others who know the standards agree.

use std::path::Path;
use std::process::Command;

use deltalake::arrow::datatypes::{DataType, TimeUnit};
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::market_support::{Answer, Market, get};

/// A market that sells, a buyer's key and the dataset about speed.
async fn market() -> (Market, String, String) {
    let market = Market::with_cars(12, 10).await;
    market.fill().await;
    let key = market.buyer("Acme", "100").await;
    let dataset = market.find(&key, "speed+road").await;
    (market, key, dataset)
}

async fn read(market: &Market, key: &str, dataset: &str, document: &str) -> Answer {
    market.call(get(format!("/v1/datasets/{dataset}{document}")).by(key)).await
}

/// The DCAT document and the contract, which must be of their types.
async fn documents(market: &Market, key: &str, dataset: &str) -> (Value, String) {
    let dcat = read(market, key, dataset, "/dcat.jsonld").await;
    assert_eq!(dcat.header("content-type"), "application/ld+json");
    let contract = read(market, key, dataset, "/contract.yaml").await;
    assert_eq!(contract.header("content-type"), "application/yaml");
    assert_eq!(contract.status, 200);
    (dcat.expect(200), String::from_utf8(contract.bytes.to_vec()).unwrap())
}

/// The value of a custom property among `all`.
fn custom<'a>(all: &'a Value, name: &str) -> &'a Value {
    let found = all.as_array().unwrap().iter().find(|property| property["property"] == name);
    &found.unwrap_or_else(|| panic!("no {name} in {all}"))["value"]
}

#[actix_web::test]
async fn both_documents_say_what_the_dataset_says() {
    let (market, key, id) = market().await;
    let dataset = read(&market, &key, &id, "").await.expect(200);

    let (dcat, contract) = documents(&market, &key, &id).await;

    let contract: Value = yaml_serde::from_str(&contract).unwrap();
    let table = &contract["schema"][0];
    assert_eq!(dataset["rows"], 780);
    for (metric, name) in [(0, "rows"), (1, "vehicles")] {
        assert_eq!(dcat["dqv:hasQualityMeasurement"][metric]["dqv:value"], dataset[name]);
        assert_eq!(custom(&table["customProperties"], name), &dataset[name]);
    }
    let permission = &dcat["odrl:hasPolicy"]["odrl:permission"];
    let refinement = &permission["odrl:duty"]["odrl:action"]["odrl:refinement"];
    assert_eq!(refinement["odrl:rightOperand"], dataset["price_per_row"]);
    // 0.000200 for a row are 200 for a million.
    assert_eq!(
        (&dataset["price_per_row"], &contract["price"]["priceAmount"]),
        (&json!("0.000200"), &json!(200))
    );

    let column = table["properties"].as_array().unwrap().iter().find(|one| one["name"] == "signal");
    assert_eq!(custom(&column.unwrap()["customProperties"], "signals"), &dataset["signals"]);
    let measured = dcat["schema:variableMeasured"].as_array().unwrap().iter().map(|one| {
        let rows = &one["dqv:hasQualityMeasurement"]["dqv:value"];
        json!({ "path": one["schema:name"], "unit": one["schema:unitText"], "rows": rows })
    });
    assert_eq!(Value::Array(measured.collect()), dataset["signals"]);
    assert_eq!(dcat["dct:temporal"]["dcat:startDate"], dataset["first_at"]);
    assert_eq!(contract["status"], "active");
}

#[actix_web::test]
async fn an_unknown_dataset_has_neither_document() {
    let (market, key, _) = market().await;
    let unknown = "dataset_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b";

    for document in ["/dcat.jsonld", "/contract.yaml"] {
        let detail = read(&market, &key, unknown, document).await.problem(404, "not-found");
        assert!(detail.contains(unknown), "{detail}");
        let detail = read(&market, &key, "speed", document).await.problem(400, "invalid-request");
        assert!(detail.contains("`speed`"), "{detail}");
    }
}

#[actix_web::test]
async fn a_delivered_file_has_the_columns_of_the_contract() {
    let (market, key, id) = market().await;
    let (_, contract) = documents(&market, &key, &id).await;
    let contract: Value = yaml_serde::from_str(&contract).unwrap();
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;
    let path = format!("/v1/orders/{}/versions/1/data.parquet", order["id"].as_str().unwrap());
    let file = market.call(get(path).by(&key)).await;
    assert_eq!(file.status, 200);

    let reader = ParquetRecordBatchReaderBuilder::try_new(file.bytes.clone()).unwrap();
    let physical = reader.parquet_schema().columns().to_vec();
    let fields = reader.schema().clone();
    let columns = physical.iter().zip(fields.fields()).map(|(physical, field)| {
        let logical = match field.data_type() {
            DataType::Utf8 => "string",
            DataType::Int32 => "integer",
            DataType::Float64 => "number",
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp",
            other => panic!("{} is {other}", field.name()),
        };
        (field.name().clone(), logical.to_owned(), physical.physical_type().to_string())
    });
    let text = |property: &Value, name: &str| property[name].as_str().unwrap().to_owned();
    let promised = contract["schema"][0]["properties"].as_array().unwrap().iter().map(|one| {
        assert_eq!(one["required"], true);
        (text(one, "name"), text(one, "logicalType"), text(one, "physicalType"))
    });
    assert_eq!(columns.collect::<Vec<_>>(), promised.collect::<Vec<_>>());

    for batch in reader.build().unwrap() {
        assert!(batch.unwrap().columns().iter().all(|column| column.null_count() == 0));
    }
}

/// What those who know the standards say of these documents.
fn judged(folder: &Path, dcat: &str, contract: &str) -> Value {
    std::fs::write(folder.join("dcat.jsonld"), dcat).unwrap();
    std::fs::write(folder.join("contract.yaml"), contract).unwrap();
    let python = std::env::var_os("AXLE_PYTHON").expect("AXLE_PYTHON names a Python");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/listing.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[actix_web::test]
#[ignore = "needs AXLE_PYTHON, a Python with what is in marketplace/tests/peers/requirements.txt"]
async fn both_documents_are_valid_to_those_who_know_the_standards() {
    let (market, key, id) = market().await;
    let folder = tempfile::tempdir().unwrap();
    // One with rows and one without: nobody shares what it is made of.
    for words in ["speed+road", "odometer"] {
        let dataset = market.find(&key, words).await;
        let (dcat, contract) = documents(&market, &key, &dataset).await;

        let judged = judged(folder.path(), &dcat.to_string(), &contract);

        assert_eq!((&judged["dcat"], &judged["contract"]), (&json!([]), &json!([])), "{words}");
        let read = &judged["read"]["dcat"];
        assert_eq!(read["datasets"], json!([dcat["@id"]]));
        assert_eq!(read["title"], json!([dcat["dct:title"]]));
        let refinement = &dcat["odrl:hasPolicy"]["odrl:permission"]["odrl:duty"]["odrl:action"]["odrl:refinement"];
        assert_eq!(read["price"], json!([refinement["odrl:rightOperand"]]));
        assert_eq!(judged["read"]["contract"]["apiVersion"], "v3.1.0");
        assert_eq!(judged["read"]["contract"]["name"], dcat["dct:title"]);
    }

    let (dcat, contract) = documents(&market, &key, &id).await;
    let (dcat, mut whole) = (dcat.to_string(), contract.lines().collect::<Vec<_>>());
    whole.retain(|line| !line.starts_with("status:"));
    for (broken, path) in [
        (dcat.replace("dct:title", "dct:titel"), "http://purl.org/dc/terms/title"),
        (dcat.replace("dcat:accessURL", "dcat:downloadURL"), "http://www.w3.org/ns/dcat#accessURL"),
        (dcat.replace("odrl:assigner", "odrl:assignee"), "http://www.w3.org/ns/odrl/2/assigner"),
        (dcat.replace("odrl:sell", "odrl:resell"), "odrl/2/resell is no term"),
    ] {
        let judged = judged(folder.path(), &broken, &whole.join("\n"));

        assert!(judged["dcat"].to_string().contains(path), "{path}: {judged}");
        assert!(judged["contract"].to_string().contains("'status' is a required property"));
    }
}
