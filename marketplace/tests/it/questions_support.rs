//! Cars that sent what a test needs, into the archive; the lake has it after the next flush.

use std::collections::BTreeMap;

use marketplace::archive::{self, ArchiveError, Quality};
use marketplace::questions::Desk;
use serde_json::{Value, json};
use telematics::payload::{self, Contents};
use telematics::testing::{T0, signing_key, vehicle};
use telematics::{BatchHash, BatchHeader, PolicyVersion, Sample, SealedBatch, Signal};

use crate::market_support::{Answer, Market, get, post};

pub(crate) const SPEED: &str = "Vehicle.Speed";

/// A market with cars and the ends of their chains.
pub(crate) struct Asked {
    pub(crate) market: Market,
    ends: BTreeMap<u8, (u64, BatchHash)>,
}

/// A sample so many seconds after the beginning of time.
pub(crate) fn sample(path: &str, second: i64, physical: f64) -> Sample {
    let signal = Signal::by_path(path).unwrap();
    let value = signal.value(physical).unwrap();
    Sample { signal, time: T0.plus_seconds(second), value }
}

/// Samples of one signal.
pub(crate) fn series(path: &str, values: &[(i64, f64)]) -> Vec<Sample> {
    values.iter().map(|(second, value)| sample(path, *second, *value)).collect()
}

/// The time so many seconds after the beginning.
pub(crate) fn at(second: i64) -> String {
    T0.plus_seconds(second).to_string()
}

impl Asked {
    pub(crate) async fn with_cars(cars: u8) -> Self {
        Self { market: Market::with_cars(cars, 1).await, ends: BTreeMap::new() }
    }

    /// Keeps a batch of the car in the archive.
    pub(crate) async fn keep(&mut self, car: u8, samples: Vec<Sample>) {
        let (seq, prev_hash) = self.ends.get(&car).copied().unwrap_or((1, BatchHash::GENESIS));
        let consent_version = PolicyVersion::FIRST;
        let header = BatchHeader { vehicle: vehicle(car), seq, prev_hash, consent_version };
        let contents = Contents { samples, ..Contents::default() };
        let batch = SealedBatch::seal(header, payload::encode(&contents), &signing_key(car));
        let hash = batch.hash();
        self.ends.insert(car, (seq + 1, hash));
        let plausible = Quality::new(contents.samples.len(), Vec::new(), T0);
        let append =
            move |conn: &mut _| archive::append(conn, &batch, hash, &contents, &plausible, T0);
        self.market.app.db.write::<_, ArchiveError, _>(append).await.unwrap();
    }

    /// Moves everything to the lake.
    pub(crate) async fn flush(&self) {
        self.market.describe().await;
    }

    /// Answers from now on within these limits.
    pub(crate) fn limit(&mut self, change: impl FnOnce(&mut marketplace::config::QuestionLimits)) {
        let mut config = (*self.market.app.config).clone();
        change(&mut config.questions);
        self.market.app.questions = Desk::open(config.questions.clone()).unwrap();
        self.market.app.config = std::sync::Arc::new(config);
    }

    pub(crate) fn owner(&self, car: u8) -> &str {
        &self.market.owners[usize::from(car) - 1]
    }

    /// What the owner of this car is answered about the first 1,000 seconds, with more to his question.
    pub(crate) async fn ask(&self, car: u8, more: Value) -> Answer {
        let mut question = json!({ "from": at(0), "to": at(1_000) });
        let Value::Object(more) = more else { panic!("{more} is no object") };
        question.as_object_mut().unwrap().extend(more);
        self.market.call(post("/v1/query", &question).by(self.owner(car))).await
    }

    /// One value of the first car's speed.
    pub(crate) async fn speed(&self, agg: &str, filter: Value) -> Value {
        let signals = json!([{ "path": SPEED, "agg": agg, "filter": filter }]);
        let answer = self.ask(1, json!({ "signals": signals })).await.expect(200);
        answer["rows"][0]["values"][0].clone()
    }

    /// What this key is answered in SQL.
    pub(crate) async fn sql(&self, key: &str, sql: &str) -> Answer {
        self.market.call(post("/v1/sql", &json!({ "sql": sql })).by(key)).await
    }

    /// Rows that this key is answered in SQL.
    pub(crate) async fn rows(&self, key: &str, sql: &str) -> Value {
        self.sql(key, sql).await.expect(200)["rows"].clone()
    }

    pub(crate) async fn segments(&self, car: u8, query: &str) -> Answer {
        let path = format!("/v1/vehicles/{}/segments?{query}", vehicle(car));
        self.market.call(get(path).by(self.owner(car))).await
    }
}
