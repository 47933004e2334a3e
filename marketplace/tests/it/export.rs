//! An owner takes his own data home.

use std::collections::BTreeSet;

use deltalake::arrow::array::{AsArray, RecordBatch};
use deltalake::arrow::datatypes::{Float64Type, Int64Type};
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use marketplace::identity::ApiKey;
use telematics::Sample;
use telematics::payload::Contents;
use telematics::testing;

use crate::cars::Car;
use crate::market::Market;
use crate::market_support::{Answer, call, get};

const KEY: [u8; 32] = [77; 32];

async fn export(market: &Market, car: &Car, key: [u8; 32]) -> Answer {
    let path = format!("/v1/vehicles/{}/export", car.id);
    call(&market.app, get(path).by(&ApiKey::new(key).reveal())).await
}

fn rows(answer: Answer) -> Vec<RecordBatch> {
    assert_eq!(answer.header("content-type"), "application/vnd.apache.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(answer.bytes).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

/// More batches than are in a part, and one sample of the future.
#[actix_web::test]
async fn an_owner_gets_everything_that_his_car_sent_and_nothing_else() {
    let market = Market::start().await;
    let mut car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    let mut other = Car::enrol(&market).await;
    let mut batches: Vec<_> = (0..45).map(|_| car.batch()).collect();
    let future = market.now().plus_seconds(86_400);
    let samples = vec![Sample { time: future, ..testing::samples("Vehicle.Speed", 1)[0] }];
    batches.push(car.next_of(&Contents { samples, ..Contents::default() }));
    assert_eq!(car.send(&market, batches).await.receipts().len(), 46);
    let foreign = other.batch();
    other.send(&market, [foreign]).await.receipts();

    let parts = rows(export(&market, &car, KEY).await);

    assert_eq!(parts.iter().map(RecordBatch::num_rows).sum::<usize>(), 451);
    let mine = car.id.to_string();
    let mut arrivals = Vec::new();
    for part in &parts {
        assert!(part["vehicle"].as_string::<i32>().iter().all(|id| id == Some(mine.as_str())));
        arrivals.extend_from_slice(part["arrival"].as_primitive::<Int64Type>().values());
    }
    let arrivals: BTreeSet<_> = arrivals.into_iter().collect();
    assert_eq!(arrivals.len(), 46, "every batch");
    let first = parts[0]["value"].as_primitive::<Float64Type>().values();
    assert!(first.contains(&0.0) && first.contains(&0.09), "{first:?}");
}

#[actix_web::test]
async fn a_car_that_sent_nothing_has_an_empty_file() {
    let market = Market::start().await;
    let car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;

    assert!(rows(export(&market, &car, KEY).await).is_empty());
}

#[actix_web::test]
async fn another_owners_car_is_not_exported() {
    let market = Market::start().await;
    let car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    market.owner_with_key([78; 32]).await;

    export(&market, &car, [78; 32]).await.problem(404, "not-found");
}
