//! Hostile TOML: as a mapping, as a file of UDS requests, and as the settings of an agent; the first byte
//! chooses.
//!
//! A mapping that is taken gives only values that the catalogue calls possible, whatever is on the bus.
#![no_main]

use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

use edge_agent::config::{AgentConfig, ReplaySpeed, SourceConfig};
use edge_agent::dbc::Dbc;
use edge_agent::decoder::Decoder;
use edge_agent::frames::{CanId, Frame};
use edge_agent::mapping::Mapping;
use edge_agent::obd::Templates;
use libfuzzer_sys::fuzz_target;
use telematics::Timestamp;

const DBC: &str = "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: X\n\nBO_ 180 SPEED: 8 X\n \
    SG_ SPEED : 47|16@0+ (0.01,0) [0|250] \"km/h\" X\n SG_ ON : 0|1@0+ (1,0) [0|1] \"\" X\n \
    SG_ WIDE : 0|64@1- (1e300,0) [0|0] \"m\" X\n SG_ F : 0|64@1- (1,0) [0|0] \"km/h\" X\n\
    BO_ 2147483649 LONG: 20 X\n SG_ FAR : 100|32@1- (1,0) [0|0] \"degC\" X\n\
    SIG_VALTYPE_ 180 F : 2;\n";

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => drop(settings(rest)),
        1 => drop(std::str::from_utf8(rest).map(|text| Templates::parse(Path::new("uds.toml"), text))),
        _ => drop(std::str::from_utf8(rest).map(mapping)),
    }
});

fn mapping(text: &str) {
    let dbc = || Dbc::parse(Path::new("car.dbc"), DBC.as_bytes()).unwrap();
    let Ok(mapping) = Mapping::parse(Path::new("car.map.toml"), text, &dbc()) else { return };
    assert!(!mapping.targets().is_empty());
    let mut decoder = Decoder::new(dbc(), &mapping);
    let payloads = text.as_bytes().chunks(8).chain([[0; 8].as_slice(), &[0xff; 8]]);
    for (index, payload) in (1_i64..).zip(payloads) {
        for id in [CanId::Standard(180), CanId::Extended(1)] {
            let time = Timestamp::from_micros(1_000_000_000 + index * 300_000);
            decoder.decode(&Frame::new(time, id, payload).unwrap(), |sample| {
                assert_eq!(sample.signal.value(sample.physical()), Some(sample.value));
                assert!(sample.time.is_in_calendar());
            });
        }
    }
}

/// As an agent reads them: from a file.
fn settings(text: &[u8]) -> Option<()> {
    static FILE: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
        std::env::temp_dir().join(format!("axle-fuzz-{}.toml", std::process::id()))
    });
    std::fs::File::create(&*FILE).unwrap().write_all(text).unwrap();
    let config = AgentConfig::load(&FILE);
    std::fs::remove_file(&*FILE).unwrap();
    let config = config.ok()?;
    assert!(config.batch_samples_max.get() <= 10_000 && config.batch_age_seconds_max.get() <= 3_600);
    if let ReplaySpeed::Times(times) = config.replay_speed {
        assert!(times.is_finite() && times > 0.0);
    }
    match config.source() {
        SourceConfig::Interfaces(names) => assert!(!names.is_empty()),
        SourceConfig::Replay(_) => assert!(config.bus.is_empty()),
    }
    Some(())
}
