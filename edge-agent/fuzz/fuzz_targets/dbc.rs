//! Hostile DBC files: loading never panics, and what loads decodes any payload, all at once as one by
//! one.
#![no_main]

use std::path::Path;

use edge_agent::dbc::{Dbc, Report};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(dbc) = Dbc::parse(Path::new("fuzz.dbc"), bytes) else { return };
    let Report { repairs, left_out } = dbc.report();
    assert!(repairs.count() >= repairs.kept().len() && left_out.count() >= left_out.kept().len());
    // The file itself serves as payloads: of a frame, a long frame, and a reassembled message.
    for length in [3, 8, 64, 300] {
        let payload = &bytes[bytes.len().saturating_sub(length)..];
        for message in dbc.messages() {
            let mut values = 0;
            message.each_physical(payload, |index, value| {
                let one = message.physical(index, payload).map(f64::to_bits);
                assert_eq!(one, Some(value.to_bits()), "{}", message.signals[index].name);
                values += 1;
            });
            let there = |index: &usize| message.physical(*index, payload).is_some();
            assert_eq!((0..message.signals.len()).filter(there).count(), values);
            assert!(dbc.message_by_id(message.id).is_some());
        }
    }
});
