//! How many frames one core decodes.
//!
//! Two numbers matter: a full CAN bus of 500 kbit/s carries some 4,000 frames a second, and the agent
//! may spend 2 % of a core on it, most of which is not decoding; and a recording of an hour must be
//! replayed in seconds. So frames in memory to physical values at 20 million a second, and the text of
//! candump to samples at 8 million.
//!
//! With the recordings in `../shared/data` these are a real car's; without, our simulator's.

#![expect(clippy::unwrap_used, reason = "a bench stops when it can not run")]

use std::hint::black_box;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use edge_agent::dbc::Dbc;
use edge_agent::decoder::Decoder;
use edge_agent::frames::{Frame, LogReader};
use edge_agent::mapping::Mapping;

/// A recording: its text, and what explains it.
struct Drive {
    text: Vec<u8>,
    dbc: (PathBuf, Vec<u8>),
    map: String,
}

impl Drive {
    fn recorded_or_simulated() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let data = root.join("../../shared/data");
        let log = data.join("logs/toyota_rav4_2017_comma2k19.log.gz");
        let Ok(packed) = std::fs::read(&log) else { return Self::simulated() };
        let mut text = Vec::new();
        let mut unpacked = flate2::read::MultiGzDecoder::new(&packed[..]);
        std::io::Read::read_to_end(&mut unpacked, &mut text).unwrap();
        // The bus that the DBC file explains.
        let text = text
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.windows(6).any(|window| window == b" can0 "));
        let dbc = data.join("dbc/opendbc/toyota_new_mc_pt_generated.dbc");
        let map = std::fs::read_to_string(root.join("vehicles/toyota_rav4_2017.map.toml"));
        Self {
            text: text.flatten().copied().collect(),
            dbc: (dbc.clone(), std::fs::read(dbc).unwrap()),
            map: map.unwrap(),
        }
    }

    fn dbc(&self) -> Dbc {
        Dbc::parse(&self.dbc.0, &self.dbc.1).unwrap()
    }

    fn decoder(&self) -> Decoder {
        let dbc = self.dbc();
        let mapping = Mapping::parse(Path::new("bench"), &self.map, &dbc).unwrap();
        Decoder::new(dbc, &mapping)
    }

    fn reader(&self) -> LogReader {
        LogReader::read(Path::new("bench"), None, Cursor::new(self.text.clone())).unwrap()
    }

    fn frames(&self) -> Vec<Frame> {
        let mut reader = self.reader();
        std::iter::from_fn(|| reader.next_frame().unwrap()).collect()
    }
}

impl Drive {
    fn simulated() -> Self {
        use edge_agent::simulate::{DBC, DriveProfile, MAP, simulate, write_candump};

        let start = "2026-03-01T08:00:00Z".parse().unwrap();
        let mut text = Vec::new();
        let profile = DriveProfile::from_seed(1, start, 300);
        write_candump(&mut text, "can0", simulate(&profile)).unwrap();
        Self { text, dbc: (PathBuf::from("axle_ev.dbc"), DBC.into()), map: MAP.to_owned() }
    }
}

/// Frames in memory to every physical value in them.
fn physical(criterion: &mut Criterion) {
    let drive = Drive::recorded_or_simulated();
    let (dbc, frames) = (drive.dbc(), drive.frames());
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(frames.len().try_into().unwrap()));
    group.bench_function("frames to physical values", |bencher| {
        bencher.iter(|| {
            let mut sum = 0.0;
            for frame in black_box(&frames) {
                if let Some(message) = dbc.message_by_id(frame.id) {
                    message.each_physical(frame.data(), |_, value| sum += value);
                }
            }
            sum
        });
    });
}

/// Frames in memory to samples of the catalogue, and the text of candump to the same.
fn samples(criterion: &mut Criterion) {
    let drive = Drive::recorded_or_simulated();
    let (mut decoder, frames) = (drive.decoder(), drive.frames());
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(frames.len().try_into().unwrap()));
    group.bench_function("frames to samples", |bencher| {
        bencher.iter(|| {
            let mut count = 0_u64;
            for frame in black_box(&frames) {
                decoder.decode(frame, |sample| count += u64::from(sample.value.raw() != 0));
            }
            count
        });
    });
    group.bench_function("candump text to samples", |bencher| {
        bencher.iter_batched(
            || drive.reader(),
            |mut reader| {
                let mut count = 0_u64;
                while let Some(frame) = reader.next_frame().unwrap() {
                    decoder.decode(&frame, |sample| count += u64::from(sample.value.raw() != 0));
                }
                count
            },
            criterion::BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, physical, samples);
criterion_main!(benches);
