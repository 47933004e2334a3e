//! What a sample costs on a mobile network, measured on a real car's recording.

use std::path::Path;

use edge_agent::batcher::Batcher;
use edge_agent::config::AgentConfig;
use edge_agent::dbc::Dbc;
use edge_agent::decoder::Decoder;
use edge_agent::frames::LogReader;
use edge_agent::mapping::Mapping;
use edge_agent::seal::{Head, Sealer};
use telematics::{PolicyVersion, SealedBatch, testing};

/// Bytes of a batch on the stream: the fields of the protobuf message with their tags and lengths, the
/// five bytes before a gRPC message, and a frame head of HTTP/2 and a record of TLS 1.3 around it.
fn wire_bytes(batch: &SealedBatch) -> usize {
    let varint = |number: usize| usize::try_from(number.max(1).ilog2()).unwrap() / 7 + 1;
    let seq = usize::try_from(batch.header.seq).unwrap();
    let payload = batch.payload.len();
    let fields = (2 + 16) + (1 + varint(seq)) + (2 + 32) + (1 + 1) + (2 + 64);
    let message = fields + 1 + varint(payload) + payload;
    let frames = (message + 5).div_ceil(16_384);
    message + 5 + frames * (9 + 22)
}

/// At most two bytes a sample, signatures and framing included.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn a_sample_of_the_rav4_costs_two_bytes_at_most() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let dbc = Dbc::load(&data.join("dbc/opendbc/toyota_new_mc_pt_generated.dbc")).unwrap();
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/vehicles/toyota_rav4_2017.map.toml");
    let mapping = Mapping::load(Path::new(map), &dbc).unwrap();
    let mut decoder = Decoder::new(dbc, &mapping);
    let log = data.join("logs/toyota_rav4_2017_comma2k19.log.gz");
    let mut reader = LogReader::open(&log, Some("can0")).unwrap();
    let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/axle-agent.example.toml"));
    let mut batcher = Batcher::new(&AgentConfig::load(example).unwrap());
    let sealer = Sealer::new(testing::vehicle(1), testing::signing_key(1));

    let (mut head, mut bytes, mut samples, mut cuts) = (Head::START, 0, 0, 0);
    let mut payloads = 0;
    let mut send = |batcher: &mut Batcher| {
        let contents = batcher.take();
        let batch = sealer.seal(head, PolicyVersion::FIRST, &contents);
        head = Head::after(&batch);
        bytes += wire_bytes(&batch);
        payloads += batch.payload.len();
        samples += contents.samples.len();
        cuts += 1;
    };
    while let Some(frame) = reader.next_frame().unwrap() {
        let time = frame.time;
        decoder.decode(&frame, |sample| batcher.push(sample, time));
        if batcher.is_due(time) {
            send(&mut batcher);
        }
    }
    send(&mut batcher);

    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    let (bytes, payloads, count) = (number(bytes), number(payloads), number(samples));
    println!(
        "{cuts} batches, {samples} samples: {:.3} bytes a sample on the wire, {:.3} of payload",
        bytes / count,
        payloads / count,
    );
    assert!(bytes / count <= 2.0, "{:.3} bytes a sample", bytes / count);
}
