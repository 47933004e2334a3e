//! Reads a DBC file and compiles it.
//!
//! What can not be used (a statement that the grammar refuses, a signal that no payload holds) is left
//! out and reported, and the rest of the file is used.
//!
//! **Invariant:** an error names the file; a file larger than [`BYTES_MAX`] is not read.

use std::collections::HashMap;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;

use can_dbc::{ByteOrder, MultiplexIndicator, ValueType};

use super::grammar::{self, MessagePart, Parts};
use super::layout::{Encoding, Layout, Order};
use super::plan::Plan;
use super::report::Report;
use super::signal::{DbcSignal, Message, NESTING_MAX, Presence};
use super::table::IdTable;
use super::{Dbc, DbcError, text};
use crate::frames::CanId;

/// Bytes of the largest file that is read. The largest of a real car has one.
const BYTES_MAX: u64 = 8 << 20;

impl Dbc {
    /// Reads and compiles a file.
    ///
    /// # Errors
    /// When the file can not be read, is too large, or is no DBC file.
    pub fn load(path: &Path) -> Result<Self, DbcError> {
        let refuse = |source| DbcError::Unreadable { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(refuse)?;
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(refuse)?;
        Self::parse(path, &bytes)
    }

    /// Compiles the content of a file; `path` is for messages only.
    ///
    /// # Errors
    /// When the content is too large, or has no statement that could be used.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, DbcError> {
        if u64::try_from(bytes.len()).is_ok_and(|length| length > BYTES_MAX) {
            return Err(DbcError::TooLarge { path: path.to_owned(), max: BYTES_MAX });
        }
        let mut report = Report::default();
        let parts = grammar::read(&text::decode(bytes), &mut report);
        // A file may be as good as empty, but not without sense.
        if parts.messages.is_empty() && (parts.has_messages || !parts.has_head) {
            let first = report.left_out.kept().first();
            let reason = first.map_or_else(
                || "it defines no message (no line begins with BO_)".to_owned(),
                |note| format!("`{}` {}", note.what, note.why),
            );
            let line = first.map(|note| note.line);
            return Err(DbcError::Syntax { path: path.to_owned(), line, reason });
        }
        let messages: Vec<_> =
            parts.messages.iter().map(|part| compile(&parts, part, &mut report)).collect();
        note_doubles(&parts, &mut report);
        report.repairs.sort();
        report.left_out.sort();
        warn(path, &report);
        let entries = (0..).zip(&messages).map(|(number, m)| (m.id, m.is_j1939, number));
        Ok(Self { by_id: IdTable::new(entries), messages, report })
    }
}

fn warn(path: &Path, report: &Report) {
    let (repaired, left_out) = (report.repairs.count(), report.left_out.count());
    if repaired + left_out > 0 {
        tracing::warn!(
            path = %path.display(), repaired, left_out,
            "the DBC file has faults; `edge-agent dbc check` lists them"
        );
    }
}

/// Of messages with one identifier, only the first decodes frames.
fn note_doubles(parts: &Parts, report: &mut Report) {
    let mut seen = HashMap::new();
    for MessagePart { line, message, .. } in &parts.messages {
        let first = seen.entry(message.id.raw()).or_insert(*line);
        if first != line {
            let why = format!(
                "has the identifier of the message in line {first}: only a mapping reaches it"
            );
            report.left_out.push(*line, &message.name, why);
        }
    }
}

fn compile(parts: &Parts, part: &MessagePart, report: &mut Report) -> Message {
    let MessagePart { message, .. } = part;
    let raw_id = message.id.raw();
    let id = match message.id {
        can_dbc::MessageId::Standard(id) => CanId::Standard(id),
        can_dbc::MessageId::Extended(id) => CanId::Extended(id),
    };
    let is_j1939 = matches!(id, CanId::Extended(_)) && is_j1939(parts, raw_id);
    let mut found = Vec::new();
    for (line, signal) in part.signal_lines.iter().zip(&message.signals) {
        match layout(parts, raw_id, signal) {
            Ok(layout) => found.push(Found { line: *line, signal, layout }),
            Err(error) => report.left_out.push(*line, &signal.name, error.to_string()),
        }
    }
    let presences = presences(parts, raw_id, &mut found, report);
    let signals: Vec<_> = found
        .iter()
        .zip(presences)
        .map(|(found, presence)| compile_signal(parts, raw_id, found, presence, is_j1939))
        .collect();
    let all: Vec<_> = (0..signals.len()).map(|index| (index, index)).collect();
    let long_name = parts.long_message_names.get(&raw_id);
    Message {
        id,
        name: long_name.unwrap_or(&message.name).clone(),
        short_name: message.name.clone(),
        length: message.size,
        is_j1939,
        plan: Plan::new(&signals, &all),
        signals,
    }
}

/// A signal with a place in the payload.
struct Found<'a> {
    line: usize,
    signal: &'a can_dbc::Signal,
    layout: Layout,
}

/// By the message's own frame format, else by the file's protocol, else by the default format.
fn is_j1939(parts: &Parts, id: u32) -> bool {
    let names_j1939 = |text: &String| text.contains("J1939");
    if let Some(format) = parts.frame_formats.get(&id) {
        return names_j1939(format);
    }
    parts.protocol.as_ref().is_some_and(names_j1939)
        || parts.frame_format_default.as_ref().is_some_and(names_j1939)
}

fn compile_signal(
    parts: &Parts,
    id: u32,
    found: &Found<'_>,
    presence: Presence,
    is_j1939: bool,
) -> DbcSignal {
    let signal = found.signal;
    let key = (id, signal.name.clone());
    DbcSignal {
        name: parts.long_signal_names.get(&key).unwrap_or(&signal.name).clone(),
        short_name: signal.name.clone(),
        unit: signal.unit.clone(),
        presence,
        layout: found.layout,
        factor: signal.factor,
        // Negative zero would show in every value that is 0.
        offset: signal.offset + 0.0,
        labels: parts.labels.get(&key).cloned().unwrap_or_default(),
        is_j1939,
    }
}

fn layout(parts: &Parts, id: u32, signal: &can_dbc::Signal) -> Result<Layout, DbcError> {
    let order = match signal.byte_order {
        ByteOrder::LittleEndian => Order::Intel,
        ByteOrder::BigEndian => Order::Motorola,
    };
    let is_float = parts.floats.contains(&(id, signal.name.clone()));
    let encoding = match signal.value_type {
        _ if is_float => Encoding::Float,
        ValueType::Signed => Encoding::Signed,
        ValueType::Unsigned => Encoding::Unsigned,
    };
    Layout::new(signal.start_bit, signal.size, order, encoding)
}

/// When each signal is there. Those of which that can not be told are taken out of `found`.
fn presences(
    parts: &Parts,
    id: u32,
    found: &mut Vec<Found<'_>>,
    report: &mut Report,
) -> Vec<Presence> {
    for _ in 0..=NESTING_MAX {
        let stated = Switches::of(found).presences(parts, id, found);
        let lost: Vec<bool> = (0..stated.len()).map(|index| !ends(&stated, index)).collect();
        if !lost.contains(&true) {
            return stated.into_iter().flatten().collect();
        }
        let mut lost = lost.into_iter();
        found.retain(|f| {
            let is_lost = lost.next().unwrap_or_default();
            if is_lost {
                let why = "is multiplexed by a signal that is not there, or by itself";
                report.left_out.push(f.line, &f.signal.name, why);
            }
            !is_lost
        });
    }
    // Only a file made to be hostile gets here.
    found.clear();
    Vec::new()
}

/// True when the multiplexors behind `index` come to an end.
fn ends(stated: &[Option<Presence>], index: usize) -> bool {
    let mut at = index;
    for _ in 0..=NESTING_MAX {
        match stated.get(at) {
            Some(Some(Presence::Always)) => return true,
            Some(Some(Presence::When { switch, .. })) => at = *switch,
            _ => return false,
        }
    }
    false
}

/// Which signals may multiplex others.
struct Switches<'a> {
    by_name: HashMap<&'a str, usize>,
    /// The one that multiplexes where the file names none.
    root: Option<usize>,
}

impl<'a> Switches<'a> {
    fn of(found: &[Found<'a>]) -> Self {
        let mut by_name = HashMap::new();
        for (index, other) in found.iter().enumerate() {
            by_name.entry(other.signal.name.as_str()).or_insert(index);
        }
        let is_root = |other: &Found<'_>| {
            other.signal.multiplexer_indicator == MultiplexIndicator::Multiplexor
        };
        Self { by_name, root: found.iter().position(is_root) }
    }

    fn presences(&self, parts: &Parts, id: u32, found: &[Found<'_>]) -> Vec<Option<Presence>> {
        found.iter().map(|found| self.presence(parts, id, found.signal)).collect()
    }

    /// When a signal is there: by its `SG_MUL_VAL_` statement if it has one, else by its `mN`.
    fn presence(&self, parts: &Parts, id: u32, signal: &can_dbc::Signal) -> Option<Presence> {
        if let Some((switch, values)) = parts.multiplexed.get(&(id, signal.name.clone())) {
            let switch = *self.by_name.get(switch.as_str())?;
            return Some(Presence::When { switch, values: merged(values) });
        }
        match signal.multiplexer_indicator {
            MultiplexIndicator::MultiplexedSignal(value)
            | MultiplexIndicator::MultiplexorAndMultiplexedSignal(value) => {
                let values = vec![value.into()..=value.into()];
                Some(Presence::When { switch: self.root?, values })
            }
            _ => Some(Presence::Always),
        }
    }
}

/// Ranges in rising order, without overlaps.
fn merged(ranges: &[(u64, u64)]) -> Vec<RangeInclusive<i128>> {
    let mut ranges: Vec<(i128, i128)> =
        ranges.iter().map(|(low, high)| ((*low).into(), (*high).into())).collect();
    ranges.sort_unstable();
    let mut merged: Vec<RangeInclusive<i128>> = Vec::new();
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= *last.end() => *last = *last.start()..=high.max(*last.end()),
            _ => merged.push(low..=high),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::super::layout::Raw;
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
}
