//! The closing tables of the tour.
//!
//! **Invariant:** every number is read from an agent's status or from the market's answers; the sum of
//! an order is computed here from its parts, so that a wrong one would show.

use std::path::{Path, PathBuf};

use anyhow::Context;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use edge_agent::status::Status;
use marketplace::ledger::Amount;
use serde_json::Value;

use crate::asking::{Answer, Answers};
use crate::buyer::{Buyer, version};
use crate::car::Car;
use crate::market::{Market, count, text};

/// What one car did and earned.
#[derive(Debug)]
pub struct CarRow {
    /// The car.
    pub name: String,
    /// What its agent says.
    pub status: Status,
    /// Tokens that the order brought its owner.
    pub earned: String,
}

/// What was bought.
#[derive(Debug)]
pub struct Purchase {
    /// Who bought.
    pub buyer: Buyer,
    /// The dataset, as found.
    pub dataset: Value,
    /// The order, as delivered.
    pub order: Value,
    /// The downloaded file.
    pub file: PathBuf,
    /// Its length.
    pub bytes: usize,
}

/// A row for each car.
#[must_use]
pub fn cars(rows: &[CarRow]) -> Table {
    let mut table = table(&[
        "car",
        "frames",
        "samples sent",
        "kept by consent",
        "commitments",
        "bytes/sample",
        "tokens earned",
    ]);
    for CarRow { name, status, earned } in rows {
        table.add_row([
            name.clone(),
            status.counters.frames_read.to_string(),
            status.samples_acknowledged.to_string(),
            status.counters.samples_kept.to_string(),
            status.counters.windows_committed.to_string(),
            ratio(status.bytes_acknowledged, status.samples_acknowledged),
            earned.clone(),
        ]);
    }
    table
}

/// The order: what was sold, and where its price went.
///
/// # Errors
/// When the market's answer lacks a part.
pub fn purchase(purchase: &Purchase) -> anyhow::Result<Table> {
    let Purchase { dataset, order, file, bytes, .. } = purchase;
    let amount = |field| -> anyhow::Result<Amount> {
        Amount::parse(text(order, field)?).with_context(|| format!("`{field}` of the order"))
    };
    let (price, fee) = (amount("price")?, amount("fee")?);
    let (paid_out, refunded) = (amount("paid_out")?, amount("refunded")?);
    let parts = [fee, paid_out, refunded].into_iter().try_fold(price, Amount::checked_sub);

    let mut table = table(&["order", ""]);
    table.add_row(["dataset", text(dataset, "title")?]);
    table.add_row(["rows", &count(version(order)?, "rows")?.to_string()]);
    table.add_row(["price", &price.to_string()]);
    table.add_row(["fee of the market", &fee.to_string()]);
    table.add_row(["paid to owners", &format!("{paid_out} to {} cars", count(order, "payouts")?)]);
    table.add_row(["refunded", &refunded.to_string()]);
    table.add_row(["price less its parts", &parts.context("amounts beyond 64 bits")?.to_string()]);
    table.add_row(["file", &format!("{} ({bytes} bytes)", file.display())]);
    Ok(table)
}

/// What was asked of cars that show nothing, and how many proved it.
#[must_use]
pub fn answers(answers: &Answers) -> Table {
    let mut table = table(&["campaign", "question", "cars that proved it", "paid to them"]);
    for Answer { title, question, vehicles, paid } in &answers.campaigns {
        table.add_row([title.clone(), question.clone(), vehicles.to_string(), paid.clone()]);
    }
    if let Some(question) = table.column_mut(1) {
        question.set_cell_alignment(CellAlignment::Left);
    }
    table.set_content_arrangement(ContentArrangement::DynamicFullWidth).set_width(115);
    table
}

/// Where to go on from here.
///
/// # Errors
/// When there is no car to show.
pub fn addresses(
    market: &Market,
    cars: &[Car],
    buyer_key: &str,
    data: &Path,
) -> anyhow::Result<String> {
    let base = market.operator().base();
    let car = cars.iter().find(|car| car.proves()).or(cars.first()).context("a car to show")?;
    let (owner_key, agent) = (car.owner_key(), car.agent_folder());
    let agent = agent.display();
    Ok(format!(
        "The marketplace stays up until Ctrl-C. Everything is in {data}.

What the owner of {car} sees of his car, his earnings and his readers:
  curl -H 'Authorization: Bearer {owner_key}' {base}/v1/vehicles
  curl -H 'Authorization: Bearer {owner_key}' {base}/v1/payouts
  curl -H 'Authorization: Bearer {owner_key}' {base}/v1/sweeps
  curl -H 'Authorization: Bearer {owner_key}' {base}/v1/reads
What the buyer sees:
  curl -H 'Authorization: Bearer {buyer_key}' '{base}/v1/datasets?q=battery'
  curl -H 'Authorization: Bearer {buyer_key}' {base}/v1/orders
What the buyer asked of cars whose owners show nothing, the proofs, and how to check them offline:
  curl {base}/v1/campaigns
  cargo run -p quickstart -- zk verify {proven} --keys {keys} --allow-dev-keys

What the agent of {car} says, and a proof of your own about values that never left it:
  cargo run -p quickstart -- edge-agent status --data-dir {agent}
  cargo run -p quickstart -- edge-agent prove --config {settings} --out claim.json \\
      --signal Vehicle.Chassis.SteeringWheel.Angle --low -720 --high 720
  cargo run -p quickstart -- zk verify claim.json --keys {keys} --allow-dev-keys
",
        car = car.name(),
        data = data.display(),
        settings = car.settings_file().display(),
        proven = data.join("proven/claims.jsonl").display(),
        keys = data.join("keys").display(),
    ))
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `part / whole` with one decimal, in integers.
fn ratio(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = part.saturating_mul(10) / whole;
    format!("{}.{}", tenths / 10, tenths % 10)
}
