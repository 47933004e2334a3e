//! Logs on standard error: lower case, ids as fields, text or JSON.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts logging. `RUST_LOG` says how much; without it, what an owner may want to know.
pub(super) fn start(format: LogFormat) {
    // A circuit opens a span for each of its constraints; a log must not keep them.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,edge_agent=info,gr1cs=off,r1cs=off"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // A program that embeds these commands may have started its own log: it then has the say.
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    drop(started);
}
