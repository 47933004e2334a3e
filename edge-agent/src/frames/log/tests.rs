//! Any bytes as a log: nothing panics, and a reader goes on anywhere as if it had read all.

use std::io::Cursor;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

use super::LogReader;
use crate::frames::Frame;

/// The front of a log of each form.
const HEADS: [&str; 11] = [
    "(1.5) can0 123#00\n",
    " (0.000000)  can0  123   [1]  00\n (0.500000)  can0  123   [0]\n (0.25)  can0  123   [0]\n",
    " (1.5)  can0  RX - -  123   [1]  00\n",
    "date Fri Feb 14 08:51:20 am 2020\nbase hex  timestamps absolute\n1.5 1 123 Rx d 1 00\n",
    "date Fri Feb 14 08:51:20 am 2020\nbase dec  timestamps relative\n1.5 CANFD 1 Rx 1 1 0 1 1 0\n",
    ";$FILEVERSION=1.1\n;$STARTTIME=43874.5\n1) 1.5 Rx 0123 1 00\n",
    ";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n1 1.5 FB 1 0123 Rx - 1 00\n",
    "1.5 R11 123 00\n",
    "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n1,1,false,Rx,0,1,00\n",
    "***BUSMASTER***\n***START DATE AND TIME 1:2:2020 23:59:00:0***\n23:59:59:0 Rx 1 1 s 0\n",
    "Microchip Technology Inc.\nLogging Started: 23/9/2015 22:17:43\n1;RX;0x1;1;0x00;\n",
];

/// Words that mean something in one form or another, and bytes that mean nothing.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "\n",
        "\n",
        "\n",
        " ",
        " ",
        " ",
        ";",
        ",",
        "#",
        "##",
        "(",
        ")",
        ".",
        ":",
        "[8]",
        "[64]",
        "Rx",
        "d",
        "123",
        "18DAF110x",
        "0x1F",
        "00",
        "FF",
        "1.5",
        "0.25",
        "99999999999999999999",
        "22:20:14:992",
        "***",
        "date",
        "base",
        "dec",
        ";$COLUMNS=N,O,T,I,L,D",
        ";$FILEVERSION=1.3",
        "R29",
        "RX",
        "CANFD",
        "true",
        "ErrorFrame",
        "can0",
        "-",
        "+1",
        "8",
        "15",
    ];
    prop_oneof![
        9 => proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..4),
    ]
}

/// Frames after that many lines, with the number of the line of each.
fn read(log: &[u8], from: u64) -> Vec<(u64, Frame)> {
    let mut reader = LogReader::read(Path::new("x"), None, Cursor::new(log.to_vec())).unwrap();
    reader.skip_to_line(from).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        assert!(frame.time.is_in_calendar());
        frames.push((reader.lines_read(), frame));
    }
    frames
}

proptest! {
    #[test]
    fn a_reader_goes_on_anywhere_as_if_it_had_read_all(
        head in 0..HEADS.len(),
        pieces in vec(piece(), 0..120),
        from in 0..20_u64,
    ) {
        let log = [HEADS[head].as_bytes(), &pieces.concat()].concat();
        let expected: Vec<_> =
            read(&log, 0).into_iter().filter(|(line, _)| *line > from).collect();

        prop_assert_eq!(read(&log, from), expected);
    }

    /// A log of nothing known is refused or read, but nothing panics.
    #[test]
    fn any_bytes_are_borne(bytes in vec(any::<u8>(), 0..300), pieces in vec(piece(), 0..40)) {
        let log = [bytes, pieces.concat()].concat();
        if let Ok(mut reader) = LogReader::read(Path::new("x"), None, Cursor::new(log)) {
            while reader.next_frame().unwrap().is_some() {}
        }
    }
}
