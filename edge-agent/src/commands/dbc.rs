//! `edge-agent dbc check`: what a DBC file holds, and what had to be done to load it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::config::LogFormat;
use crate::dbc::{Dbc, Encoding, Notes, Presence};

/// Looks into DBC files.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent dbc check car.dbc")]
pub(super) struct DbcCommand {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Check(Check),
}

/// Loads DBC files and says what they hold, what was repaired and what was left out.
///
/// Fails when a file can not be loaded. Needs no key and no network.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent dbc check car.dbc --json")]
struct Check {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints one JSON object a file, for programs.
    #[arg(long)]
    json: bool,
}

/// What a file holds.
struct Counts {
    messages: usize,
    j1939: usize,
    signals: usize,
    multiplexed: usize,
    floats: usize,
    labelled: usize,
}

impl Counts {
    fn of(dbc: &Dbc) -> Self {
        let signals = || dbc.messages().iter().flat_map(|message| &message.signals);
        Self {
            messages: dbc.messages().len(),
            j1939: dbc.messages().iter().filter(|message| message.is_j1939).count(),
            signals: signals().count(),
            multiplexed: signals().filter(|s| s.presence != Presence::Always).count(),
            floats: signals().filter(|s| s.layout.encoding() == Encoding::Float).count(),
            labelled: signals().filter(|s| !s.labels.is_empty()).count(),
        }
    }
}

impl DbcCommand {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        super::logging::start(LogFormat::Text);
        match self.command {
            Action::Check(check) => check.run(out),
        }
    }
}

impl Check {
    fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let mut failed = 0;
        for path in &self.files {
            let written = match (Dbc::load(path), self.json) {
                (Ok(dbc), true) => writeln!(out, "{}", json_of(path, &dbc)),
                (Ok(dbc), false) => write_report(out, path, &dbc),
                (Err(error), json) => {
                    failed += 1;
                    let cause = std::error::Error::source(&error);
                    let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                    if json {
                        let error = format!("{error}{cause}");
                        writeln!(out, "{}", json!({ "file": path, "loads": false, "error": error }))
                    } else {
                        writeln!(out, "{error}{cause}")
                    }
                }
            };
            match written {
                // A reader that has seen enough (`| head`) is no failure.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written?,
            }
        }
        match failed {
            0 => Ok(()),
            1 => bail!("a file does not load"),
            _ => bail!("{failed} files do not load"),
        }
    }
}

fn write_report(out: &mut impl Write, path: &Path, dbc: &Dbc) -> std::io::Result<()> {
    let Counts { messages, j1939, signals, multiplexed, floats, labelled } = Counts::of(dbc);
    writeln!(out, "{}", path.display())?;
    writeln!(out, "    messages       {messages}{}", of_which(j1939, "in J1939"))?;
    writeln!(out, "    signals        {signals}{}", of_which(multiplexed, "multiplexed"))?;
    writeln!(out, "    floats         {floats}")?;
    writeln!(out, "    value tables   {labelled}")?;
    write_notes(out, "repaired", &dbc.report().repairs)?;
    write_notes(out, "left out", &dbc.report().left_out)
}

fn of_which(count: usize, what: &str) -> String {
    if count == 0 { String::new() } else { format!(", {count} {what}") }
}

fn write_notes(out: &mut impl Write, title: &str, notes: &Notes) -> std::io::Result<()> {
    writeln!(out, "    {title:<14} {}", notes.count())?;
    for note in notes.kept() {
        writeln!(out, "        line {}: `{}`: {}", note.line, note.what, note.why)?;
    }
    match notes.count() - notes.kept().len() {
        0 => Ok(()),
        more => writeln!(out, "        and {more} more"),
    }
}

fn json_of(path: &Path, dbc: &Dbc) -> Value {
    let counts = Counts::of(dbc);
    json!({
        "file": path,
        "loads": true,
        "messages": counts.messages,
        "j1939_messages": counts.j1939,
        "signals": counts.signals,
        "multiplexed": counts.multiplexed,
        "floats": counts.floats,
        "value_tables": counts.labelled,
        "repaired": json_notes(&dbc.report().repairs),
        "repaired_count": dbc.report().repairs.count(),
        "left_out": json_notes(&dbc.report().left_out),
        "left_out_count": dbc.report().left_out.count(),
    })
}

fn json_notes(notes: &Notes) -> Value {
    notes
        .kept()
        .iter()
        .map(|note| json!({ "line": note.line, "what": note.what, "why": note.why }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRTY: &str = "VERSION \"\"\nBO_ 316495015 FAR: 8 X\n \
        SG_ WHICH M : 0|8@1+ (1,0) [0|1] \"\" X\n SG_ A m1 : 8|32@1- (1,0) [0|0] \"\" X\n \
        SG_ TOO_LONG : 0|65@1+ (1,0) [0|0] \"\" X\nVAL_ 316495015 WHICH 1 \"one\"\n\
        SIG_VALTYPE_ 316495015 A : 1;\n";

    fn check(content: &str, json: bool) -> (anyhow::Result<()>, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("car.dbc");
        std::fs::write(&path, content).unwrap();
        let mut out = Vec::new();
        let outcome = Check { files: vec![path], json }.run(&mut out);
        (outcome, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_report_says_what_was_repaired_and_left_out() {
        let (outcome, report) = check(DIRTY, false);

        outcome.unwrap();
        #[rustfmt::skip] // one expectation a line
        let expected = [
            "messages       1\n",
            "signals        2, 1 multiplexed\n",
            "floats         1\n",
            "value tables   1\n",
            "repaired       2\n        line 2: `BO_ 316495015 FAR: 8 X`: set bit 31",
            "line 6: `VAL_ 316495015 WHICH 1 \"one\"`: added the semicolon",
            "left out       1\n        line 5: `TOO_LONG`: a signal of 65 bits",
        ];
        for text in expected {
            assert!(report.contains(text), "{text}\n{report}");
        }
    }

    #[test]
    fn a_program_gets_the_same_as_json() {
        let (outcome, report) = check(DIRTY, true);

        outcome.unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!((&report["loads"], &report["multiplexed"]), (&json!(true), &json!(1)));
        assert_eq!(
            (&report["repaired"][0]["line"], &report["left_out_count"]),
            (&json!(2), &json!(1))
        );
    }

    #[test]
    fn a_file_that_does_not_load_is_named_and_fails() {
        for json in [false, true] {
            let (outcome, report) = check("<html>", json);
            assert!(outcome.is_err());
            assert!(report.contains("car.dbc is not a DBC file at line 1"), "{report}");
        }
    }
}
