//! Reads a DBC file and compiles it.
//!
//! The grammar is `can-dbc`'s; the repairs before it and the compilation after it are ours. A signal
//! that no frame can hold is left out with a warning, and the rest of the file is used.
//!
//! **Invariant:** an error names the file, and the line where the grammar stopped to match.

use std::path::Path;

use can_dbc::{ByteOrder, MessageId, MultiplexIndicator, SignalExtendedValueType, ValueType};

use super::layout::{Encoding, Layout, Order};
use super::repair::{self, Repair};
use super::signal::{DbcSignal, Message, Presence};
use super::{Dbc, DbcError};
use crate::frames::CanId;

impl Dbc {
    /// Reads and compiles a file.
    ///
    /// # Errors
    /// When the file can not be read or does not follow the grammar.
    pub fn load(path: &Path) -> Result<Self, DbcError> {
        let refuse = |source| DbcError::Unreadable { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(refuse)?;
        Self::parse(path, &bytes)
    }

    /// Compiles the content of a file; `path` is for messages only.
    ///
    /// # Errors
    /// When the content does not follow the grammar.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, DbcError> {
        let text = repair::decode(bytes);
        let (text, repairs) = repair::repair(&text);
        let file = can_dbc::Dbc::try_from(text.as_str()).map_err(|error| {
            let reason = error.to_string();
            DbcError::Syntax { path: path.to_owned(), line: line_of(&reason), reason }
        })?;
        if file.messages.is_empty() {
            let reason = "it defines no message (no line begins with BO_)".to_owned();
            return Err(DbcError::Syntax { path: path.to_owned(), line: None, reason });
        }
        report(path, &repairs);
        let messages = file.messages.iter().map(|message| compile(path, &file, message)).collect();
        Ok(Self { messages, repairs })
    }
}

fn report(path: &Path, repairs: &[Repair]) {
    if let Some(first) = repairs.first() {
        tracing::warn!(
            path = %path.display(),
            count = repairs.len(),
            line = first.line,
            "set bit 31 of identifiers above 0x7FF, which the file leaves out"
        );
    }
}

/// The line in the grammar's own message, which draws `--> line:column`.
fn line_of(reason: &str) -> Option<usize> {
    reason.split_once("--> ")?.1.split(':').next()?.trim().parse().ok()
}

fn compile(path: &Path, file: &can_dbc::Dbc, message: &can_dbc::Message) -> Message {
    let id = match message.id {
        MessageId::Standard(id) => CanId::Standard(id),
        MessageId::Extended(id) => CanId::Extended(id),
    };
    let usable = |signal: &&can_dbc::Signal| match layout(file, message, signal) {
        Ok(layout) => Some(layout),
        Err(error) => {
            let (message, signal) = (&message.name, &signal.name);
            tracing::warn!(path = %path.display(), %message, %signal, "left out: {error}");
            None
        }
    };
    let stated: Vec<_> =
        message.signals.iter().filter_map(|signal| Some((signal, usable(&signal)?))).collect();
    let position = |name: &str| stated.iter().position(|(signal, _)| signal.name == name);
    let root = stated
        .iter()
        .position(|(signal, _)| signal.multiplexer_indicator == MultiplexIndicator::Multiplexor);

    let signals = stated.iter().map(|(signal, layout)| DbcSignal {
        name: signal.name.clone(),
        unit: signal.unit.clone(),
        presence: presence(file, message, signal, root, position),
        layout: *layout,
        factor: signal.factor,
        offset: signal.offset,
    });
    Message { id, name: message.name.clone(), signals: signals.collect() }
}

fn layout(
    file: &can_dbc::Dbc,
    message: &can_dbc::Message,
    signal: &can_dbc::Signal,
) -> Result<Layout, DbcError> {
    let order = match signal.byte_order {
        ByteOrder::LittleEndian => Order::Intel,
        ByteOrder::BigEndian => Order::Motorola,
    };
    let encoding = match file.extended_value_type_for_signal(message.id, &signal.name) {
        Some(SignalExtendedValueType::IEEEfloat32Bit) => Encoding::Float32,
        Some(SignalExtendedValueType::IEEEdouble64bit) => Encoding::Float64,
        _ => match signal.value_type {
            ValueType::Signed => Encoding::Signed,
            ValueType::Unsigned => Encoding::Unsigned,
        },
    };
    Layout::new(signal.start_bit, signal.size, order, encoding)
}

/// When a signal is there: by its `SG_MUL_VAL_` line if it has one, else by its `mN`.
fn presence(
    file: &can_dbc::Dbc,
    message: &can_dbc::Message,
    signal: &can_dbc::Signal,
    root: Option<usize>,
    position: impl Fn(&str) -> Option<usize>,
) -> Presence {
    let extended = file
        .extended_multiplex
        .iter()
        .find(|line| line.message_id == message.id && line.signal_name == signal.name);
    if let Some(line) = extended
        && let Some(switch) = position(&line.multiplexor_signal_name)
    {
        let range = |mapping: &can_dbc::ExtendedMultiplexMapping| {
            i128::from(mapping.min_value)..=i128::from(mapping.max_value)
        };
        return Presence::When { switch, values: line.mappings.iter().map(range).collect() };
    }
    match (signal.multiplexer_indicator, root) {
        (
            MultiplexIndicator::MultiplexedSignal(value)
            | MultiplexIndicator::MultiplexorAndMultiplexedSignal(value),
            Some(switch),
        ) => Presence::When { switch, values: vec![value.into()..=value.into()] },
        _ => Presence::Always,
    }
}

#[cfg(test)]
mod tests {
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

        assert_eq!(dbc.repairs().len(), 1);
        assert_eq!(dbc.message_by_id(CanId::Extended(316_495_015)).unwrap().name, "FAR");
        assert!(dbc.message_by_id(CanId::Standard(0x54A7)).is_none());
    }

    #[test]
    fn a_file_that_is_no_dbc_is_named_with_its_line() {
        let broken = FILE.replace("BO_ 100 CELLS: 8 XXX", "BO_ 100 CELLS 8 XXX (");
        let error = parse(&broken).unwrap_err().to_string();
        assert!(error.contains("car.dbc") && error.contains("line 12"), "{error}");

        assert!(parse("").unwrap_err().to_string().contains("car.dbc"));
        assert!(parse("hello").is_err());
        assert!(Dbc::load(Path::new("/nowhere/car.dbc")).is_err());
    }

    #[test]
    fn a_signal_that_no_frame_holds_is_left_out() {
        let dbc = parse(&FILE.replace("24|8@1+", "24|99@1+")).unwrap();

        assert!(dbc.message("CELLS").unwrap().position("ALWAYS").is_none());
        assert!(dbc.message("CELLS").unwrap().position("FIRST").is_some());
    }
}
