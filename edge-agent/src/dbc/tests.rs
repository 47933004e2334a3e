//! Whole files, from their text to the values of payloads: each trap that a real file holds.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;

const FILE: &str = r#"VERSION ""

NS_ :

BS_:

BU_: XXX

BO_ 36 KINEMATICS: 8 XXX
 SG_ YAW_RATE : 1|10@0+ (0.244,-125) [0|65535] "deg/s" XXX

BO_ 100 CELLS: 8 XXX
 SG_ FIRST m0 : 8|16@1- (0.5,0) [0|0] "mV" XXX
 SG_ WHICH M : 0|8@1+ (1,0) [0|0] "" XXX
 SG_ SECOND m1 : 8|16@1+ (2,1) [0|0] "mV" XXX
 SG_ ALWAYS : 24|8@1+ (1,0) [0|0] "" XXX

BO_ 316495015 FAR: 8 XXX
 SG_ FLOAT : 0|32@1- (1,0) [0|0] "" XXX

SIG_VALTYPE_ 316495015 FLOAT : 1;
"#;

fn parse(text: &str) -> Result<Dbc, DbcError> {
    Dbc::parse(Path::new("car.dbc"), text.as_bytes())
}

fn physical(message: &str, signal: &str, data: &str) -> Option<f64> {
    let dbc = parse(FILE).unwrap();
    let message = dbc.message(message).unwrap();
    message.physical(message.position(signal).unwrap(), &hex::decode(data).unwrap())
}

#[test]
fn signals_are_cut_out_and_scaled() {
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // message       signal       frame               physical
        ("KINEMATICS",   "YAW_RATE",  "0200000000000000", Some(512.0 * 0.244 - 125.0)),
        ("CELLS",        "FIRST",     "00fffffe",         Some(-0.5)),
        ("CELLS",        "SECOND",    "00fffffe",         None),
        ("CELLS",        "SECOND",    "010300fe",         Some(7.0)),
        ("CELLS",        "FIRST",     "010300fe",         None),
        ("CELLS",        "ALWAYS",    "070300fe",         Some(254.0)),
        ("CELLS",        "ALWAYS",    "000300",           None),
        ("CELLS",        "FIRST",     "000300",           Some(1.5)),
        ("FAR",          "FLOAT",     "0000c03f",         Some(1.5)),
    ];
    for (message, signal, data, expected) in cases {
        assert_eq!(physical(message, signal, data), expected, "{message}.{signal} {data}");
    }
}

#[test]
fn an_identifier_without_bit_31_is_mended() {
    let dbc = parse(FILE).unwrap();

    assert_eq!(dbc.report().repairs.kept()[0].line, 18);
    assert_eq!(dbc.report().repairs.count(), 1);
    assert_eq!(dbc.message_by_id(CanId::Extended(316_495_015)).unwrap().name, "FAR");
    assert!(dbc.message_by_id(CanId::Standard(0x54A7)).is_none());
}

#[test]
fn a_file_that_is_no_dbc_is_named_with_its_line() {
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // content                          the message says
        ("",                                "no line begins with BO_"),
        ("\n\nhello",                       "at line 3"),
        ("VERSION \"\"\nBO_ x",             "at line 2"),
        ("BO_ 1073741824 A: 8 X",           "11 or 29 bits"),
        ("CM_ \"BO_ 1 A: 8 X",              "no line begins with BO_"),
    ];
    assert_eq!(parse("VERSION \"\"\nNS_ :\n BA_\nBS_:\nBU_:\n").unwrap().messages().len(), 0);
    for (content, expected) in cases {
        let error = parse(content).unwrap_err().to_string();
        assert!(error.contains("car.dbc") && error.contains(expected), "{error}");
    }
    assert!(Dbc::load(Path::new("/nowhere/car.dbc")).is_err());
}

#[test]
fn a_file_larger_than_any_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endless.dbc");
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();

    assert!(matches!(Dbc::load(&path), Err(DbcError::TooLarge { .. })));
}

#[test]
fn a_file_of_nothing_but_signals_or_labels_is_bounded() {
    let signals = "SG_ A:0|1@1+(1,0)[0|0]\"\"X\n".repeat(100_010);
    let dbc = parse(&format!("BO_ 1 M: 8 X\n{signals}")).unwrap();
    assert_eq!(dbc.messages()[0].signals.len(), 100_000);
    assert_eq!(dbc.report().left_out.count(), 10);

    let labels = "1 \"\" ".repeat(60_000);
    let dbc = parse(&format!("BO_ 1 M: 8 X\nVAL_ 1 A {labels};\n")).unwrap();
    assert!(dbc.report().left_out.kept()[0].why.contains("longer than"));
}

#[test]
fn what_can_not_be_used_is_left_out_alone() {
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // in the file          instead                   line  why
        ("24|8@1+",             "24|99@1+",                 16, "1 to 64 bits"),
        ("24|8@1+",             "x|8@1+",                   16, "expected"),
        ("ALWAYS : ",           "ALWAYS m0 x : ",           16, "expected"),
        ("WHICH M",             "WHICH",                    13, "a signal that is not there"),
        ("8|16@1+ (2,1)",       "600000|16@1+ (2,1)",       15, "1 to 64 bits"),
    ];
    for (text, instead, line, why) in cases {
        let dbc = parse(&FILE.replace(text, instead)).unwrap();
        let note = &dbc.report().left_out.kept()[0];
        assert_eq!(note.line, line, "{note:?}");
        assert!(note.why.contains(why), "{note:?}");
        assert_eq!(dbc.messages().len(), 3, "{instead}");
        assert!(dbc.message("CELLS").unwrap().position("WHICH").is_some(), "{instead}");
    }
    let dbc = parse(&FILE.replace("BO_ 100 CELLS: 8 XXX", "BO_ 100 CELLS 8 XXX (")).unwrap();
    assert!(dbc.message("CELLS").is_none());
    assert_eq!(dbc.report().left_out.count(), 1, "the message, with its signals");
    assert!(dbc.message("FAR").is_some());
}

const TRAPS: &str = r#"VERSION ""
BO_ 1 NESTED: 8 X
 SG_ ROOT M : 0|8@1+ (1,0) [0|0] "" X
 SG_ INNER m2M : 8|16@1+ (1,0) [0|0] "" X
 SG_ DEEP m300 : 24|8@1+ (1,0) [0|0] "" X
 SG_ RANGED m3 : 24|8@1- (1,0) [0|0] "" X
 SG_ OTHER M : 32|8@1+ (1,0) [0|0] "" X
 SG_ BEHIND m1 : 40|8@1+ (1,0) [0|0] "" X
BO_ 2 WIDE: 64 X
 SG_ U64 : 3|64@1+ (1,0) [0|0] "" X
 SG_ I64 : 448|64@1- (0.5,1) [0|0] "" X
 SG_ HALF : 71|16@0- (1,0) [0|0] "" X
 SG_ ODD : 100|13@1- (-.25,0) [0|0] "" X
BO_ 2147483650 EMPTY: 0 X
 SG_ PAST : 16|8@1+ (1,0) [0|0] "" X
BO_ 2 TWICE: 8 X
BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX
 SG_ UNUSED : 0|8@1+ (1,0) [0|0] "" X
VAL_TABLE_ STATES 1 "on" 0 "off" ;
VAL_ 1 DEEP 255 "none" -1 "under" ;
VAL_ 1 OTHER STATES ;
BA_DEF_ BO_ "SystemMessageLongSymbol" STRING ;
BA_ "SystemMessageLongSymbol" BO_ 1 "NESTED_MESSAGE_WITH_A_LONG_NAME";
BA_ "SystemSignalLongSymbol" SG_ 1 DEEP "A_LONG_NAME"
SIG_VALTYPE_ 2 HALF : 1;
SG_MUL_VAL_ 1 INNER ROOT 2-2;
SG_MUL_VAL_ 1 DEEP INNER 300-300, 310-320;
SG_MUL_VAL_ 1 RANGED ROOT 3-5, 4-9;
SG_MUL_VAL_ 1 BEHIND OTHER 1-1;
"#;

/// The names of the signals in a frame and their values, by the one-pass plan and one by one.
fn all(message: &Message, data: &[u8]) -> Vec<(String, f64)> {
    let mut values = Vec::new();
    message.each_physical(data, |index, value| values.push((index, value)));
    values.sort_by_key(|(index, _)| *index);
    let one_by_one: Vec<_> = (0..message.signals.len())
        .filter_map(|index| Some((index, message.physical(index, data)?)))
        .collect();
    assert_eq!(values, one_by_one);
    let name = |index: usize| message.signals[index].short_name.clone();
    values.into_iter().map(|(index, value)| (name(index), value)).collect()
}

#[test]
fn several_multiplexors_nest_and_stand_beside_each_other() {
    let dbc = parse(TRAPS).unwrap();
    let message = dbc.message("NESTED").unwrap();
    #[rustfmt::skip] // a table is read by column
    let cases: [(&str, &[&str]); 7] = [
        ("022c017f0105", &["ROOT", "INNER", "DEEP", "OTHER", "BEHIND"]),
        ("0236017f0005", &["ROOT", "INNER", "DEEP", "OTHER"]),
        ("022d017f0005", &["ROOT", "INNER", "OTHER"]),
        ("03000080ff05", &["ROOT", "RANGED", "OTHER"]),
        ("09000080ff05", &["ROOT", "RANGED", "OTHER"]),
        ("0a000080ff05", &["ROOT", "OTHER"]),
        ("022c01",       &["ROOT", "INNER"]),
    ];
    for (data, expected) in cases {
        let names: Vec<_> =
            all(message, &hex::decode(data).unwrap()).into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, expected, "{data}");
    }
}

#[test]
fn wide_and_odd_signals_are_exact() {
    let dbc = parse(TRAPS).unwrap();
    let message = dbc.message("WIDE").unwrap();
    let mut data = [0xFF; 64];
    data[8..10].copy_from_slice(&[0xC0, 0x00]);
    data[12..14].copy_from_slice(&[0x1F, 0xFF]);

    let values = all(message, &data);
    // Bits 64 to 66 are those of the half float's first byte.
    assert_eq!(message.raw(0, &data), Some(Raw::Integer((1 << 61) - 1)));
    assert_eq!(
        values[1..],
        [("I64".to_owned(), 0.5), ("HALF".to_owned(), -2.0), ("ODD".to_owned(), 3.75)]
    );
    data[8] = 0xC7;
    assert_eq!(message.raw(0, &data), Some(Raw::Integer(u64::MAX.into())));
    assert_eq!(all(message, &data)[0], ("U64".to_owned(), 18_446_744_073_709_551_616.0));
    assert_eq!(all(message, &data[..15]).len(), 3, "what lies inside is read");
}

#[test]
fn doubles_empty_messages_and_unused_signals_do_no_harm() {
    let dbc = parse(TRAPS).unwrap();

    assert_eq!(dbc.message_by_id(CanId::Standard(2)).unwrap().name, "WIDE");
    assert!(dbc.message("TWICE").is_some());
    assert!(dbc.message("VECTOR__INDEPENDENT_SIG_MSG").is_none());
    let empty = dbc.message_by_id(CanId::Extended(2)).unwrap();
    assert_eq!(all(empty, &[0, 0, 7, 9]), [("PAST".to_owned(), 7.0)]);
    assert_eq!(all(empty, &[0, 0]), []);
    let lines: Vec<_> = dbc.report().left_out.kept().iter().map(|note| note.line).collect();
    assert_eq!(lines, [16, 17]);
    let repaired: Vec<_> = dbc.report().repairs.kept().iter().map(|note| note.line).collect();
    assert_eq!(repaired, [24], "a semicolon");
}

#[test]
fn names_may_be_long_and_numbers_have_labels() {
    let dbc = parse(TRAPS).unwrap();
    let message = dbc.message("NESTED_MESSAGE_WITH_A_LONG_NAME").unwrap();
    let signal = &message.signals[message.position("A_LONG_NAME").unwrap()];

    assert_eq!(message.position("DEEP"), message.position("A_LONG_NAME"));
    assert_eq!(signal.label(Raw::Integer(255)), Some("none"));
    assert_eq!(signal.label(Raw::Integer(-1)), Some("under"));
    assert_eq!(signal.label(Raw::Integer(0)), None);
    let other = &message.signals[message.position("OTHER").unwrap()];
    assert_eq!(other.label(Raw::Integer(1)), Some("on"));
}

#[test]
fn a_message_is_j1939_by_its_format_or_its_file() {
    let frame = "BO_ 2364540158 EEC1: 8 X\n SG_ SPEED : 24|16@1+ (0.125,0) [0|0] \"rpm\" X\n";
    let enumerated = "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"Can\",\"Ext\",\"r\",\"J1939PG\";\n";
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("",                                                        false),
        ("BA_ \"ProtocolType\" \"J1939\";",                         true),
        ("BA_ \"ProtocolType\" \"GMLAN\";",                         false),
        ("BA_DEF_DEF_ \"VFrameFormat\" \"J1939PG\";",               true),
        ("BA_ \"VFrameFormat\" BO_ 2364540158 3;",                  true),
        ("BA_DEF_DEF_ \"VFrameFormat\" \"J1939PG\";\n\
          BA_ \"VFrameFormat\" BO_ 2364540158 1;",                  false),
    ];
    for (attributes, expected) in cases {
        let dbc = parse(&format!("{frame}{enumerated}{attributes}\n")).unwrap();
        let other = dbc.message_by_id(CanId::Extended(0x18F0_0421));
        assert_eq!(other.is_some(), expected, "{attributes}");
        assert!(dbc.message_by_group(0xF004).is_some());
    }
}

#[test]
fn in_j1939_what_is_not_available_or_in_error_is_no_value() {
    let text = "BO_ 2364540158 EEC1: 8 X\n SG_ S : 24|16@1+ (0.125,0) [0|0] \"\" X\n \
                SG_ G : 0|8@1+ (1,-125) [0|0] \"\" X\n SG_ H : 8|8@1+ (1,0) [0|0] \"\" X\n\
                VAL_ 2364540158 G 251 \"park\" 255 \"n/a\";\nBA_ \"ProtocolType\" \"J1939\";\n";
    let dbc = parse(text).unwrap();
    let message = dbc.message("EEC1").unwrap();
    #[rustfmt::skip] // a table is read by column
    let cases: [(&str, &[(&str, f64)]); 4] = [
        ("fbfaffff", &[("G", 126.0), ("H", 250.0)]),
        ("fffb00fffa", &[("S", 8031.875)]),
        ("fefe0000ff", &[]),
        ("fdff0000fe", &[]),
    ];
    for (data, expected) in cases {
        let actual = all(message, &hex::decode(data).unwrap());
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        assert_eq!(actual, expected, "{data}");
    }
    assert_eq!(message.raw(0, &[0, 0, 0, 0xFF, 0xFF]), Some(Raw::Integer(0xFFFF)));
}

/// Up to 30 signals of every form, in a text that says so.
fn arb_file() -> impl Strategy<Value = String> {
    let signal = (0..60_u32, 1..=64_u32, 0..2_u32, any::<bool>(), 0..5_usize, any::<bool>());
    let file = |signals: Vec<(u32, u32, u32, bool, usize, bool)>| {
        let mut text = "BO_ 2566844926 M: 8 X\n SG_ W M : 0|8@1+ (1,0) [0|0] \"\" X\n".to_owned();
        for (index, (start, length, order, signed, scale, hidden)) in (0..).zip(signals) {
            let sign = if signed { '-' } else { '+' };
            let hidden = if hidden { format!("m{}", index % 3) } else { String::new() };
            let scale = ["1,0", "0.1,-40", "-1,7", "4294967295,0", "0,5"][scale];
            writeln!(
                text,
                " SG_ S{index} {hidden} : {start}|{length}@{order}{sign} ({scale}) [0|0] \"\" X"
            )
            .unwrap();
        }
        text
    };
    prop::collection::vec(signal, 0..30).prop_map(file)
}

proptest! {
    /// What the plan gives at once, one by one gives too, to the last bit; also in J1939.
    #[test]
    fn a_plan_agrees_with_the_careful_way(
        file in arb_file(),
        payload in prop::collection::vec(prop_oneof![Just(0xFF), Just(1), any::<u8>()], 0..=20),
        j1939 in any::<bool>(),
    ) {
        let attribute = if j1939 { "BA_ \"ProtocolType\" \"J1939\";\n" } else { "" };
        let dbc = parse(&format!("{file}{attribute}")).unwrap();

        prop_assert_eq!(dbc.messages()[0].is_j1939, j1939);
        all(&dbc.messages()[0], &payload);
    }
}

/// Files of half a megabyte, each made to cost more than its size.
fn hostile_files() -> Vec<(&'static str, String)> {
    let full = |head: &str, line: &str| {
        let lines = ((512 << 10) - head.len()) / line.len();
        head.to_owned() + &line.repeat(lines)
    };
    let half = |line: &str| line.repeat((256 << 10) / line.len());
    let message = "BO_ 1 M: 8 X\n";
    let signal = " SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" X\n";
    let switch = format!("{message} SG_ W M : 0|8@1+ (1,0) [0|0] \"\" X\n");
    let long = "N".repeat(60_000);
    let ranges = (0..10_000).map(|n| format!("{0}-{0}", 2 * n)).collect::<Vec<_>>().join(",");
    let ranges = format!("SG_MUL_VAL_ 1 S W {ranges};\n");
    let in_messages = format!("{message} SG_ W M : 0|8@1+ (1,0) [0|0] \"\" X\n{signal}");
    vec![
        ("messages of one identifier", full("", message)),
        ("signals of one name", full(&switch, signal)),
        ("ranges for signals of one name", format!("{switch}{}{}", half(signal), half(&ranges))),
        ("ranges for messages of one name", format!("{}{}", half(&in_messages), half(&ranges))),
        (
            "a long name for signals of one name",
            format!("{switch}{}BA_ \"SystemSignalLongSymbol\" SG_ 1 S \"{long}\";\n", half(signal)),
        ),
        (
            "a long name of a format",
            full(
                &format!("BA_DEF_ BO_ \"VFrameFormat\" ENUM \"{long}\";\n{message}"),
                "BA_ \"VFrameFormat\" BO_ 1 0;\n",
            ),
        ),
        ("values without end", full(&switch, "VAL_ 1 S 0 \"a\" 1 \"b\" ;\n")),
        ("one statement", full(&format!("{switch}VAL_ 1 S "), "0 \"a\" ")),
        ("no semicolons", full(&switch, "VAL_ 1 S 0 \"a\"\n")),
        ("an open string", full(&format!("{switch}CM_ \""), "VAL_ 1 S 0 ;\n")),
        ("names without end", full("BU_: ", "A ")),
        ("NUL", full(message, "\0")),
        ("brackets", full(&format!("{message} SG_ S : "), "((((")),
    ]
}

#[test]
fn a_hostile_file_makes_no_more_of_itself() {
    for (name, text) in hostile_files() {
        let Ok(dbc) = parse(&text) else { continue };
        let (mut ranges, mut names) = (0, 0);
        for message in dbc.messages() {
            names += message.name.len();
            for signal in &message.signals {
                names += signal.name.len() + signal.unit.len();
                if let Presence::When { values, .. } = &signal.presence {
                    ranges += values.len();
                }
            }
        }
        assert!(ranges <= 300_000, "{name}: {ranges} ranges of values");
        assert!(names <= 4 * text.len(), "{name}: {names} bytes of names");
    }
}
