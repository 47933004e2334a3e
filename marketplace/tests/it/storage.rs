//! Storage that fails, and storage of the other kind.

use diesel::connection::SimpleConnection as _;
use marketplace::app::App;
use marketplace::archive;
use marketplace::db::DbError;
use marketplace::identity::ApiKey;
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::cars::Car;
use crate::market::Market;
use crate::market_support::{Market as Cars, OPERATOR, get, post};

/// Lets the market's database grow by no more than `pages`, as a disk does that is nearly full.
async fn leave_room_for(app: &App, pages: i32) {
    use diesel::RunQueryDsl as _;
    use diesel::sql_types::Integer;
    app.db
        .write::<_, diesel::result::Error, _>(move |conn| {
            let count = diesel::dsl::sql::<Integer>("SELECT page_count FROM pragma_page_count");
            let count = count.get_result::<i32>(conn)?;
            conn.batch_execute(&format!("PRAGMA max_page_count = {}", count + pages))
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_loses_nothing_in_sqlite() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let first = car.batch();
    car.send(&market, [first.clone()]).await.receipts();
    leave_room_for(&market.app, 8).await;
    let many = (0..64).map(|_| car.batch_of_noise(1_000)).collect::<Vec<_>>();

    let answers = car.send(&market, many.clone()).await;

    let full = answers.end.unwrap();
    assert_eq!(full.code(), Code::ResourceExhausted);
    assert!(full.message().contains("marketplace.db"), "{}", full.message());
    assert!(full.message().contains("free space"), "{}", full.message());
    assert!(full.get_details_retry_info().unwrap().retry_delay.is_some());
    assert!(answers.outcomes.is_empty(), "{:?}", answers.outcomes);
    let kept = market.app.db.read(archive::totals).await.unwrap();
    assert_eq!(kept.batches, 1);

    leave_room_for(&market.app, 1_000_000).await;
    assert_eq!(car.send(&market, [first]).await.receipts(), [(1, true)]);
    assert_eq!(car.send(&market, many).await.receipts().len(), 64);
}

#[actix_web::test]
async fn a_call_that_a_full_disk_has_no_room_for_is_refused_in_sqlite() {
    let market = Cars::with_cars(1, 1).await;
    let operator = ApiKey::new(OPERATOR).reveal();
    let open = |name: String| post("/v1/owners", &json!({ "name": name })).by(&operator);
    leave_room_for(&market.app, 4).await;
    let mut opened = 0;
    let refused = loop {
        let answer = market.call(open(format!("{opened:0>100}"))).await;
        if answer.status != 201 {
            break answer;
        }
        opened += 1;
        assert!(opened < 1_000, "the disk is not full");
    };

    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    refused.problem(507, "storage-full");
    market.call(get("/v1/me").by(&operator)).await.expect(200);

    leave_room_for(&market.app, 1_000_000).await;
    market.call(open("Ada".to_owned())).await.expect(201);
}

#[tokio::test]
async fn a_database_that_can_not_be_opened_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("missing/market.db");

    let error = marketplace::db::Db::open(&url.to_string_lossy()).err().unwrap();

    assert!(matches!(error, DbError::Open { .. }));
    assert!(error.to_string().contains("missing/market.db"), "{error}");
    let shown = marketplace::db::without_credentials("postgres://axle:secret@db/axle");
    assert_eq!(shown, "postgres://db/axle");
}
