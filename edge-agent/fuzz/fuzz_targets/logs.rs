//! Any bytes as a log, of each form: the first byte chooses a head to put before them.
//!
//! The head decides the form, whatever follows. A reader that is opened at a line must give the frames
//! that one from the front gives from there; one that gets the log in small pieces or as gzip, the same
//! frames.
#![no_main]

use std::io::{BufRead, BufReader, Cursor, Write};
use std::path::Path;

use edge_agent::frames::{CanId, Frame, LogReader};
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

/// A head, and the form that it is of. Without one, the bytes decide, gzip among them.
const HEADS: [(&str, &str); 14] = [
    ("", ""),
    ("(1.5) can0 123#00\n", "candump -l"),
    (" (0.000000)  can0  123   [1]  00\n (0.500000)  can0  123   [0]\n (0.250000)  can0  123   [0]\n", "candump"),
    (" (1.5)  can0  RX - -  123   [1]  00\n", "candump"),
    ("date Fri Feb 14 08:51:20 am 2020\nbase hex  timestamps absolute\n1.5 1 123 Rx d 1 00\n", "Vector ASC"),
    ("date Fri Feb 14 08:51:20 am 2020\nbase dec  timestamps relative\n1.5 CANFD 1 Rx 1 1 0 1 1 00\n", "Vector ASC"),
    (";$FILEVERSION=1.1\n;$STARTTIME=43874.5\n1) 1.5 Rx 0123 1 00\n", "PEAK TRC"),
    (";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n1 1.5 FB 1 0123 Rx - 1 00\n", "PEAK TRC"),
    ("1.5 R11 123 00\n", "CRTD"),
    ("Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n1,1,false,Rx,0,1,00\n", "CSV"),
    ("time;id;data\n1.5;123;00 11\n", "CSV"),
    ("ID,Data\n1,00\n", "CSV"),
    ("***BUSMASTER***\n***START DATE AND TIME 1:2:2020 23:59:00:0***\n23:59:59:0 Rx 1 1 s 0\n", "BUSMASTER"),
    ("Microchip Technology Inc.\nLogging Started: 23/9/2015 22:17:43\n1;RX;0x1;1;0x00;\n", "Microchip"),
];

fuzz_target!(|bytes: &[u8]| {
    let Some(([head, from], rest)) = bytes.split_first_chunk() else { return };
    let (head, form) = HEADS[usize::from(*head) % HEADS.len()];
    let log = [head.as_bytes(), rest].concat();
    let Some(all) = read(Cursor::new(log.clone()), 0, form) else { return };
    // How much of damaged gzip can be read depends on how it comes.
    if !log.starts_with(&[0x1f, 0x8b]) {
        let pieces = BufReader::with_capacity(usize::from(*from) + 2, Cursor::new(log.clone()));
        assert_eq!(read(pieces, 0, form).as_ref(), Some(&all), "in small pieces");
    }
    if !form.is_empty() {
        assert_eq!(read(Cursor::new(gzip(&log)), 0, form).as_ref(), Some(&all), "as gzip");
    }
    let from = u64::from(*from);
    let rest = read(Cursor::new(log), from, form).unwrap();
    let expected: Vec<_> = all.into_iter().filter(|(line, _)| *line > from).collect();
    assert_eq!(rest, expected);
});

/// Frames after that many lines, with the number of the line of each.
fn read(log: impl BufRead + Send + 'static, from: u64, form: &str) -> Option<Vec<(u64, Frame)>> {
    let mut reader = match LogReader::read(Path::new("x"), None, log) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(form.is_empty(), "{form}: {error}");
            return None;
        }
    };
    assert!(form.is_empty() || reader.form() == form, "{form} taken for {}", reader.form());
    let mut frames = Vec::new();
    // Damaged gzip is an error where the damage is, and ends the reading.
    if reader.skip_to_line(from).is_err() {
        return Some(frames);
    }
    while let Ok(Some(frame)) = reader.next_frame() {
        assert!(frame.time.is_in_calendar() && frame.data().len() <= Frame::BYTES_MAX);
        assert!(match frame.id {
            CanId::Standard(id) => id < 1 << 11,
            CanId::Extended(id) => id < 1 << 29,
        });
        frames.push((reader.lines_read(), frame));
    }
    Some(frames)
}

fn gzip(log: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(log).unwrap();
    gzip.finish().unwrap()
}
