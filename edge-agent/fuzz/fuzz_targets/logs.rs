//! Any bytes as a log, of each form: the first byte chooses a head to put before them.
//!
//! A reader that is opened at a line must give the frames that one from the front gives from there.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use edge_agent::frames::{Frame, LogReader};
use libfuzzer_sys::fuzz_target;

const HEADS: [&str; 12] = [
    "",
    "(1.5) can0 123#00\n",
    " (0.000000)  can0  123   [1]  00\n (0.500000)  can0  123   [0]\n (0.250000)  can0  123   [0]\n",
    " (1.5)  can0  RX - -  123   [1]  00\n",
    "date Fri Feb 14 08:51:20 am 2020\nbase hex  timestamps absolute\n1.5 1 123 Rx d 1 00\n",
    "date Fri Feb 14 08:51:20 am 2020\nbase dec  timestamps relative\n1.5 CANFD 1 Rx 1 1 0 1 1 00\n",
    ";$FILEVERSION=1.1\n;$STARTTIME=43874.5\n1) 1.5 Rx 0123 1 00\n",
    ";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n1 1.5 FB 1 0123 Rx - 1 00\n",
    "1.5 R11 123 00\n",
    "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n1,1,false,Rx,0,1,00\n",
    "***BUSMASTER***\n***START DATE AND TIME 1:2:2020 23:59:00:0***\n23:59:59:0 Rx 1 1 s 0\n",
    "Microchip Technology Inc.\nLogging Started: 23/9/2015 22:17:43\n1;RX;0x1;1;0x00;\n",
];

fuzz_target!(|bytes: &[u8]| {
    let Some(([head, from], rest)) = bytes.split_first_chunk() else { return };
    let head = HEADS[usize::from(*head) % HEADS.len()];
    let log = [head.as_bytes(), rest].concat();
    let Some(all) = read(&log, 0) else { return };
    let from = u64::from(*from);
    let rest = read(&log, from).unwrap();
    let expected: Vec<_> = all.into_iter().filter(|(line, _)| *line > from).collect();
    assert_eq!(rest, expected);
});

/// Frames after that many lines, with the number of the line of each.
fn read(log: &[u8], from: u64) -> Option<Vec<(u64, Frame)>> {
    let mut reader = LogReader::read(Path::new("x"), None, Cursor::new(log.to_vec())).ok()?;
    reader.skip_to_line(from).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        assert!(frame.time.is_in_calendar());
        frames.push((reader.lines_read(), frame));
    }
    Some(frames)
}
