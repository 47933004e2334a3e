//! What a run of the load showed.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::Usages;
use super::tally::Tally;

/// Figures of one run. Rates are averages over the whole run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    seconds: f64,
    samples_acknowledged: u64,
    samples_per_second: f64,
    batches_acknowledged: usize,
    payload_bytes: u64,
    latency_p50_ms: f64,
    latency_p99_ms: f64,
    latency_max_ms: f64,
    streams_refused: u64,
    first_refusal: Option<String>,
    /// Percent of one core.
    market_cpu_percent: f64,
    load_cpu_percent: f64,
    /// Resident memory of the market after a tenth of the run, at its end, and at its highest.
    market_memory_early_bytes: u64,
    market_memory_end_bytes: u64,
    market_memory_max_bytes: u64,
    /// Batches that were not in the lake when the cars stopped, and how long it took until they were.
    lake_batches_behind: u64,
    lake_caught_up_seconds: f64,
}

impl Report {
    pub(super) fn new(
        tally: &Tally,
        elapsed: Duration,
        used: Usages,
        memory: Vec<u64>,
        (behind, caught_up): (u64, Duration),
    ) -> Self {
        let (latencies, seconds) = (tally.latencies(), elapsed.as_secs_f64());
        let (streams_refused, first_refusal) = tally.refusals();
        let percent = |cpu: Duration| cpu.as_secs_f64() / seconds * 100.0;
        Self {
            seconds,
            samples_acknowledged: tally.samples(),
            samples_per_second: float(tally.samples()) / seconds,
            batches_acknowledged: latencies.batches(),
            payload_bytes: tally.payload_bytes(),
            latency_p50_ms: latencies.at_ms(500),
            latency_p99_ms: latencies.at_ms(990),
            latency_max_ms: latencies.at_ms(1_000),
            streams_refused,
            first_refusal,
            market_cpu_percent: percent(used.market.cpu),
            load_cpu_percent: percent(used.load.cpu),
            market_memory_early_bytes: memory.get(memory.len() / 10).copied().unwrap_or(0),
            market_memory_end_bytes: memory.last().copied().unwrap_or(0),
            market_memory_max_bytes: memory.into_iter().max().unwrap_or(0),
            lake_batches_behind: behind,
            lake_caught_up_seconds: caught_up.as_secs_f64(),
        }
    }

    pub(super) fn write_json(&self, out: &mut impl Write) -> anyhow::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        Ok(writeln!(out)?)
    }

    pub(super) fn write_text(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let bytes = float(self.payload_bytes) / float(self.samples_acknowledged).max(1.0);
        writeln!(
            out,
            "acknowledged  {} samples in {:.1} s: {} a second",
            grouped(self.samples_acknowledged),
            self.seconds,
            grouped(rounded(self.samples_per_second)),
        )?;
        writeln!(out, "batches       {}, {bytes:.2} bytes a sample", self.batches_acknowledged)?;
        writeln!(
            out,
            "receipt after p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms",
            self.latency_p50_ms, self.latency_p99_ms, self.latency_max_ms
        )?;
        match &self.first_refusal {
            Some(said) => writeln!(out, "refused       {} streams: {said}", self.streams_refused)?,
            None => writeln!(out, "refused       none")?,
        }
        writeln!(
            out,
            "market        {:.0} % of a core, {} MB early, {} MB at the end, {} MB at most",
            self.market_cpu_percent,
            self.market_memory_early_bytes >> 20,
            self.market_memory_end_bytes >> 20,
            self.market_memory_max_bytes >> 20
        )?;
        writeln!(out, "load          {:.0} % of a core", self.load_cpu_percent)?;
        writeln!(
            out,
            "lake          {} batches behind at the end, caught up after {:.1} s",
            self.lake_batches_behind, self.lake_caught_up_seconds
        )?;
        Ok(())
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate, shown"
)]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// A number with a comma before every third digit.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, shown) in [(7, "7"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), shown);
        }
    }
}
