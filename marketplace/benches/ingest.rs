//! What taking in a batch costs, step by step: checking it, committing it, moving it to the lake.
//!
//! `marketplace load` measures the whole road with cars at its end; this says where the time goes. Each
//! batch has 10,000 samples of 20 signals, as a car sends after a tunnel.

#![expect(clippy::unwrap_used, reason = "a bench stops when it can not run")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::SigningKey;
use marketplace::consent::{self, Decision};
use marketplace::db::Db;
use marketplace::identity::{self, ApiKey, NewVehicle, Vehicle};
use marketplace::ingest::{self, IngestError, Standing};
use marketplace::lake::{Arrived, Lake};
use telematics::payload::{self, Contents, SAMPLES_MAX};
use telematics::testing::{self, T0, signing_key};
use telematics::{
    BatchHeader, OwnerId, PolicyVersion, Powertrain, Sample, SealedBatch, Signal, Value,
    VehicleDescription,
};
use tokio::runtime::Runtime;

const SIGNALS: usize = 20;
/// Batches in one transaction and in one commit of the lake.
const BATCHES: u64 = 100;

/// A market with one car, whose owner shares how it moves and is driven.
struct Market {
    _folder: tempfile::TempDir,
    runtime: Runtime,
    db: Db,
    car: Vehicle,
    key: SigningKey,
}

impl Market {
    fn new() -> Self {
        let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
        let db = Db::open_in(folder.path()).unwrap();
        let key = signing_key(1);
        let public = key.verifying_key();
        let enrol = move |conn: &mut _| {
            let operator = identity::create_operator(conn, &ApiKey::new([1; 32]), T0)?;
            let (id, api_key) = (OwnerId::new(T0, [1; 10]), ApiKey::new([2; 32]));
            let owner = identity::create_owner(conn, &operator, "Ada", id, &api_key, T0)?;
            identity::create_enrolment_code(conn, &owner, &[1; 10], "", T0)?;
            let car = NewVehicle {
                id: testing::vehicle(255),
                key: public,
                identity: zk::IdentityCommitment::from_bytes(&[1; 32]).unwrap(),
                description: VehicleDescription::new("VW", "ID.4", 2022, Powertrain::Electric)
                    .unwrap(),
            };
            identity::enroll(conn, &[1; 10], &car, T0)?;
            let shared = Decision::parse("motion=share,driving=share").unwrap();
            consent::grant(conn, car.id, &shared, T0)?;
            Ok::<_, IngestError>(identity::vehicle(conn, car.id, public)?)
        };
        let car = runtime.block_on(db.write(enrol)).unwrap();
        Self { _folder: folder, runtime, db, car, key }
    }

    fn standing(&self) -> Standing {
        let car = self.car;
        self.runtime.block_on(self.db.read(move |conn| ingest::standing(conn, &car))).unwrap()
    }

    /// The batch behind `standing`.
    fn next(&self, standing: &Standing) -> SealedBatch {
        let header = BatchHeader {
            vehicle: testing::vehicle(255),
            seq: standing.position.next_seq(),
            prev_hash: standing.position.last_hash,
            consent_version: PolicyVersion::FIRST,
        };
        let samples = samples(header.seq);
        let payload = payload::encode(&Contents { samples, ..Contents::default() });
        SealedBatch::seal(header, payload, &self.key)
    }
}

/// As many samples as a batch may have, measured after those of the batch before.
fn samples(seq: u64) -> Vec<Sample> {
    let rows = i64::try_from(SAMPLES_MAX / SIGNALS).unwrap();
    let begun = T0.plus_seconds(i64::try_from(seq).unwrap() * 60);
    let column = |signal: Signal| {
        (0..rows).map(move |row| Sample {
            signal,
            time: begun.plus_micros(row * 100_000),
            value: Value::from_raw((row * row) % 97),
        })
    };
    Signal::all().take(SIGNALS).flat_map(column).collect()
}

fn checking(criterion: &mut Criterion) {
    let market = Market::new();
    let standing = market.standing();
    let batch = market.next(&standing);
    let now = T0.plus_seconds(3_600);
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(SAMPLES_MAX.try_into().unwrap()));
    group.bench_function("check", |bencher| {
        let check = |batch| ingest::check(&market.car, &standing, batch, now).unwrap();
        bencher.iter_batched(|| batch.clone(), check, BatchSize::SmallInput);
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| payload::decode(black_box(&batch.payload)).unwrap());
    });
    group.finish();
}

fn recording(criterion: &mut Criterion) {
    let market = Market::new();
    let now = T0.plus_seconds(3_600);
    let mut group = criterion.benchmark_group("ingest");
    group.sample_size(20);
    group.throughput(Throughput::Elements(BATCHES * u64::try_from(SAMPLES_MAX).unwrap()));
    group.bench_function("record", |bencher| {
        let checked = || {
            let mut standing = market.standing();
            let accept = |_| {
                let batch = market.next(&standing);
                let accepted = ingest::check(&market.car, &standing, batch, now).unwrap();
                standing.follow(&accepted);
                accepted
            };
            (0..BATCHES).map(accept).collect::<Vec<_>>()
        };
        bencher.iter_batched(
            checked,
            |batches| {
                let record = move |conn: &mut _| ingest::record(conn, &batches, now);
                market.runtime.block_on(market.db.write(record)).unwrap()
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn moving_to_the_lake(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lake = runtime.block_on(Lake::open(folder.path())).unwrap();
    let mut group = criterion.benchmark_group("ingest");
    group.sample_size(10);
    group.throughput(Throughput::Elements(BATCHES * u64::try_from(SAMPLES_MAX).unwrap()));
    let mut arrival = 0;
    group.bench_function("lake", |bencher| {
        let arrived = || {
            let batch = |seq: u64| {
                arrival += 1;
                let vehicle = testing::vehicle(u8::try_from(seq % 50).unwrap());
                Arrived { arrival, vehicle, samples: samples(seq) }
            };
            (0..BATCHES).map(batch).collect::<Vec<_>>()
        };
        let append = |batches: Vec<Arrived>| runtime.block_on(lake.append(&batches)).unwrap();
        bencher.iter_batched(arrived, append, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, checking, recording, moving_to_the_lake);
criterion_main!(benches);
