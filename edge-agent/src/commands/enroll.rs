//! `edge-agent enroll`: from a code to an identity.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use telematics::{EnrolmentCode, Powertrain, VehicleDescription};

use crate::clock;
use crate::enrol;
use crate::identity::Holder;

/// Makes this computer the agent of one car, with a code from the owner's page.
///
/// The code works once, for ten minutes. It also says which marketplace is the right one, so a
/// computer in between can neither read it nor use it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent enroll --url https://market.example:7443 \
    --code axle-… \\\n      --make Toyota --model RAV4 --year 2017 --powertrain hybrid \
    --data-dir /var/lib/axle-agent")]
pub(super) struct Enroll {
    /// The marketplace's door for cars.
    #[arg(long)]
    url: String,
    /// The code, as printed.
    #[arg(long)]
    code: EnrolmentCode,
    /// The car's brand.
    #[arg(long)]
    make: String,
    /// The car's model.
    #[arg(long)]
    model: String,
    /// The car's model year.
    #[arg(long)]
    year: u32,
    /// electric, plug-in-hybrid, hybrid, petrol, diesel or fuel-cell.
    #[arg(long, value_parser = Powertrain::parse)]
    powertrain: Powertrain,
    /// Folder of this agent.
    #[arg(long)]
    data_dir: PathBuf,
}

impl Enroll {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let car = VehicleDescription::new(&self.make, &self.model, self.year, self.powertrain)?;
        let holder = Holder::draw(car.clone(), &mut rand::rng());
        let enrolled = enrol::enrol(&self.url, &self.code, holder, &self.data_dir, clock::now());
        let (identity, policy) =
            enrolled.await.with_context(|| format!("cannot enroll this {car}"))?;

        tracing::debug!(vehicle = %identity.vehicle, "enrolled");
        #[expect(clippy::print_stdout, reason = "this is what the command is for")]
        {
            println!("{car} is {}, certificate until {}.", identity.vehicle, identity.expires_at);
            println!("Consent (version {}):", policy.version());
            for (group, disclosure) in policy.groups() {
                println!("  {group:<12} {disclosure}");
            }
        }
        Ok(())
    }
}
