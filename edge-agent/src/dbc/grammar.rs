//! Reads the statements of a DBC file, one by one.
//!
//! The grammar is `can-dbc`'s. Giving it one statement at a time confines a fault to its statement:
//! what it still refuses after the repairs is left out and reported, and the rest is used. Statements
//! that decoding does not need (comments, nodes, senders) are not read at all.
//!
//! **Invariant:** memory is proportional to the file, which is of bounded size: what many messages and signals
//! may refer to is shared, or short.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use can_dbc::{AttributeDefinition, AttributeValue, AttributeValueType, ValueDescription};

use super::repair;
use super::report::Report;
use super::text::{self, Statement};

/// Bytes of the longest statement that is read. A value table of a real car has some thousands.
const STATEMENT_BYTES_MAX: usize = 256 << 10;
/// Messages and signals of the largest file: ten times those of all J1939.
const MESSAGES_MAX: usize = 20_000;
const SIGNALS_MAX: usize = 100_000;

/// Bytes of the longest name that an attribute gives. The tools that do so allow half of it.
const NAME_BYTES_MAX: usize = 256;

/// A signal, by the identifier of its message (with bit 31) and its name.
pub(super) type Key = (u32, String);
/// Names of raw numbers, in rising order; shared, as many signals may refer to one table.
pub(super) type Labels = Arc<[(i64, String)]>;

/// What a file says, before it is compiled.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) messages: Vec<MessagePart>,
    /// True when a statement that every DBC file begins with was seen.
    pub(super) has_head: bool,
    /// True when a message was seen, usable or not.
    pub(super) has_messages: bool,
    /// The multiplexor of a signal, and its values with which the signal is there.
    pub(super) multiplexed: HashMap<Key, (String, Vec<(u64, u64)>)>,
    pub(super) floats: HashSet<Key>,
    pub(super) labels: HashMap<Key, Labels>,
    pub(super) long_message_names: HashMap<u32, String>,
    pub(super) long_signal_names: HashMap<Key, String>,
    /// Whether the `VFrameFormat` of a message is that of J1939, and that of those that have none.
    pub(super) is_j1939: HashMap<u32, bool>,
    pub(super) is_j1939_by_default: bool,
    /// `ProtocolType` of the file.
    pub(super) protocol: Option<String>,
    signals: usize,
    tables: HashMap<String, Labels>,
    frame_format_names: Vec<String>,
}

/// A message and the line where each part of it stands.
#[derive(Debug)]
pub(super) struct MessagePart {
    pub(super) line: usize,
    pub(super) message: can_dbc::Message,
    pub(super) signal_lines: Vec<usize>,
}

/// Reads the statements of `text`.
pub(super) fn read(text: &str, report: &mut Report) -> Parts {
    let mut parts = Parts::default();
    // Signals of a message that was left out are left out with it, and not complained of again.
    let mut is_in_message = false;
    for statement in text::statements(text) {
        parts.has_head |= matches!(statement.keyword, "VERSION" | "NS_" | "BS_" | "BU_");
        let outcome = match statement.keyword {
            "BO_" => {
                parts.has_messages = true;
                let outcome = parts.read_message(&statement, report);
                is_in_message = outcome.is_ok();
                outcome
            }
            "SG_" if is_in_message => parts.read_signal(&statement, report),
            "SG_" => Ok(()),
            "" => Err("begins with no word of the format".to_owned()),
            _ => parts.read_other(&statement, report),
        };
        if let Err(why) = outcome {
            report.left_out.push(statement.line, statement.text, why);
        }
    }
    parts
}

/// Gives one statement to the grammar.
fn parse(text: &str) -> Result<can_dbc::Dbc, String> {
    if text.len() > STATEMENT_BYTES_MAX {
        return Err(format!("is longer than {STATEMENT_BYTES_MAX} bytes"));
    }
    can_dbc::Dbc::try_from(text).map_err(|error| reason(&error.to_string()))
}

/// The last line of what the grammar says, without its drawing.
fn reason(error: &str) -> String {
    let last = error.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim_start_matches([' ', '=']).to_owned()
}

impl Parts {
    fn read_message(
        &mut self,
        statement: &Statement<'_>,
        report: &mut Report,
    ) -> Result<(), String> {
        if statement.text.contains("VECTOR__INDEPENDENT_SIG_MSG") {
            return Err("holds signals that no message carries".to_owned());
        }
        if self.messages.len() >= MESSAGES_MAX {
            return Err(format!("is beyond the {MESSAGES_MAX} messages that are read"));
        }
        let text = repair::mend(statement, &mut report.repairs)?;
        let parsed = parse(&text).or_else(|why| {
            let mended = repair::without_sender(&text).ok_or_else(|| why.clone())?;
            let parsed = parse(&mended).or(Err(why))?;
            report.repairs.push(statement.line, &text, "read without its sender");
            Ok::<_, String>(parsed)
        })?;
        let message = parsed.messages.into_iter().next().ok_or("is no message")?;
        self.messages.push(MessagePart { line: statement.line, message, signal_lines: Vec::new() });
        Ok(())
    }

    fn read_signal(
        &mut self,
        statement: &Statement<'_>,
        report: &mut Report,
    ) -> Result<(), String> {
        if self.signals >= SIGNALS_MAX {
            return Err(format!("is beyond the {SIGNALS_MAX} signals that are read"));
        }
        let in_message = |text: &str| parse(&format!("BO_ 0 M: 8 X\n {text}\n"));
        let text = repair::mend(statement, &mut report.repairs)?;
        let text = text.trim_end_matches(';');
        let parsed = in_message(text).or_else(|why| {
            let mended = repair::without_ornaments(text).ok_or_else(|| why.clone())?;
            let parsed = in_message(&mended).or(Err(why))?;
            report.repairs.push(statement.line, text, "read without its range and receivers");
            Ok::<_, String>(parsed)
        })?;
        let signal = parsed.messages.into_iter().flat_map(|message| message.signals).next();
        let (signal, part) =
            signal.zip(self.messages.last_mut()).ok_or("is no signal of a message")?;
        self.signals += 1;
        part.message.signals.push(signal);
        part.signal_lines.push(statement.line);
        Ok(())
    }

    fn read_other(&mut self, statement: &Statement<'_>, report: &mut Report) -> Result<(), String> {
        let is_needed = match statement.keyword {
            "VAL_" | "VAL_TABLE_" | "SIG_VALTYPE_" | "SG_MUL_VAL_" => true,
            "BA_" | "BA_DEF_" | "BA_DEF_DEF_" => [
                "VFrameFormat",
                "ProtocolType",
                "SystemMessageLongSymbol",
                "SystemSignalLongSymbol",
            ]
            .iter()
            .any(|name| statement.text.contains(name)),
            _ => false,
        };
        if !statement.is_closed {
            let why = "added the semicolon that is missing at its end";
            report.repairs.push(statement.line, statement.text, why);
        }
        if !is_needed {
            return Ok(());
        }
        let text = repair::mend(statement, &mut report.repairs)?;
        if statement.keyword == "VAL_" && self.refer_to_table(&text) {
            return Ok(());
        }
        let parsed = parse(&format!("{text};\n"))?;
        self.take(parsed);
        Ok(())
    }

    /// `VAL_ id signal table`: the labels are those of a table.
    fn refer_to_table(&mut self, text: &str) -> bool {
        let [_, id, signal, table] = text.split_whitespace().collect::<Vec<_>>()[..] else {
            return false;
        };
        let (Ok(id), Some(labels)) = (id.parse(), self.tables.get(table)) else { return false };
        self.labels.insert((id, signal.to_owned()), labels.clone());
        true
    }

    fn take(&mut self, parsed: can_dbc::Dbc) {
        for table in parsed.value_tables {
            self.tables.insert(table.name, labels(table.descriptions));
        }
        for description in parsed.value_descriptions {
            if let ValueDescription::Signal { message_id, name, value_descriptions } = description {
                self.labels.insert((message_id.raw(), name), labels(value_descriptions));
            }
        }
        for float in parsed.signal_extended_value_type_list {
            use can_dbc::SignalExtendedValueType::SignedOrUnsignedInteger;
            if float.signal_extended_value_type != SignedOrUnsignedInteger {
                self.floats.insert((float.message_id.raw(), float.signal_name));
            }
        }
        for line in parsed.extended_multiplex {
            let switch = line.multiplexor_signal_name;
            let ranges = line.mappings.iter().map(|range| (range.min_value, range.max_value));
            let key = (line.message_id.raw(), line.signal_name);
            let (known, values) = self.multiplexed.entry(key).or_insert((switch.clone(), vec![]));
            if *known == switch {
                values.extend(ranges);
            }
        }
        self.take_attributes(
            parsed.attribute_definitions,
            parsed.attribute_defaults,
            parsed.attribute_values_database,
        );
        for attribute in parsed.attribute_values_message {
            let id = attribute.message_id.raw();
            match attribute.name.as_str() {
                "VFrameFormat" => {
                    let is_j1939 = names_j1939(self.frame_format(&attribute.value));
                    self.is_j1939.insert(id, is_j1939);
                }
                "SystemMessageLongSymbol" => {
                    if let Some(name) = long_name(attribute.value) {
                        self.long_message_names.insert(id, name);
                    }
                }
                _ => {}
            }
        }
        for attribute in parsed.attribute_values_signal {
            if attribute.name == "SystemSignalLongSymbol"
                && let Some(name) = long_name(attribute.value)
            {
                let key = (attribute.message_id.raw(), attribute.signal_name);
                self.long_signal_names.insert(key, name);
            }
        }
    }

    fn take_attributes(
        &mut self,
        definitions: Vec<AttributeDefinition>,
        defaults: Vec<can_dbc::AttributeDefault>,
        values: Vec<can_dbc::AttributeValueForDatabase>,
    ) {
        for definition in definitions {
            if let AttributeDefinition::Message(name, AttributeValueType::Enum(names)) = definition
                && name == "VFrameFormat"
            {
                self.frame_format_names = names;
            }
        }
        for default in defaults {
            match default.name.as_str() {
                "VFrameFormat" => {
                    self.is_j1939_by_default = names_j1939(self.frame_format(&default.value));
                }
                "ProtocolType" if self.protocol.is_none() => {
                    self.protocol = text_of(default.value);
                }
                _ => {}
            }
        }
        for value in values {
            if value.name == "ProtocolType" {
                self.protocol = text_of(value.value);
            }
        }
    }

    /// The name of a frame format, which a message states by its number in the definition.
    fn frame_format<'a>(&'a self, value: &'a AttributeValue) -> &'a str {
        let number = match value {
            AttributeValue::Uint(number) => usize::try_from(*number).ok(),
            AttributeValue::String(text) => return text,
            _ => None,
        };
        number.and_then(|number| self.frame_format_names.get(number)).map_or("", String::as_str)
    }
}

pub(super) fn names_j1939(format: &str) -> bool {
    format.contains("J1939")
}

fn labels(list: Vec<can_dbc::ValDescription>) -> Labels {
    let mut list: Vec<_> = list.into_iter().map(|label| (label.id, label.description)).collect();
    list.sort_by_key(|(number, _)| *number);
    list.into()
}

fn text_of(value: AttributeValue) -> Option<String> {
    match value {
        AttributeValue::String(text) => Some(text),
        _ => None,
    }
}

fn long_name(value: AttributeValue) -> Option<String> {
    text_of(value).filter(|name| (1..=NAME_BYTES_MAX).contains(&name.len()))
}
