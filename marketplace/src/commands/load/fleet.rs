//! The fleet under load: one owner, who enrols all cars by the door that any agent uses.

use std::path::Path;

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use telematics::{EnrolmentCode, OwnerId, Timestamp, VehicleId};
use tonic::transport::Certificate;

use super::car::{Car, Source};
use super::drive::{self, Drive};
use super::market::Market;
use super::trucks::{self, Truck};
use super::{bar, written};
use crate::clock::Clock;
use crate::db::Db;
use crate::identity::{self, ApiKey, Authority, IdentityError, Labels, Operator, Owner};

/// Cars that enrol at the same time.
const ENROLLING: usize = 16;

/// What a fleet is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Cars with so many signals.
    Cars(usize),
    /// Trucks, and the days that they have driven until last midnight.
    Trucks(u32),
}

/// An owner and how many vehicles he has.
pub(super) struct Fleet {
    kind: Kind,
    count: usize,
    begun: Timestamp,
    owner: Owner,
    key: ApiKey,
}

impl Fleet {
    /// Opens an account for the owner.
    pub(super) async fn open(db: &Db, kind: Kind, count: usize) -> anyhow::Result<Self> {
        let (now, key) = (Clock::System.now(), ApiKey::new(rand::random()));
        let (id, owners_key) = (OwnerId::new(now, rand::random()), key.clone());
        let create = move |conn: &mut _| {
            let operator = Operator::at_the_machine();
            identity::create_owner(conn, &operator, "load", id, &owners_key, now)
        };
        let owner = db.write::<_, IdentityError, _>(create).await?;
        let begun = match kind {
            Kind::Cars(_) => now,
            Kind::Trucks(days) => now.plus_seconds(-i64::from(days) * 86_400),
        };
        Ok(Self { kind, count, begun, owner, key })
    }

    /// Enrols all vehicles, in the order of their numbers.
    pub(super) async fn enrol(
        &self,
        db: &Db,
        authority: &Authority,
        market: &Market,
    ) -> anyhow::Result<Vec<Car>> {
        let bar = bar(self.count, "enrolling cars")?;
        let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", authority.der().to_vec()));
        let certificate = Certificate::from_pem(certificate);
        let codes = self.codes(db, authority).await?;
        let cars = stream::iter(codes.into_iter().enumerate()).map(|(number, code)| {
            let (bar, certificate) = (&bar, &certificate);
            async move {
                let car = Car::enrol(&market.grpc, certificate, code, self.source(number)?).await;
                bar.inc(1);
                car
            }
        });
        let cars = cars.buffered(ENROLLING).try_collect::<Vec<Car>>().await;
        bar.finish_and_clear();
        let cars = cars.context("a car could not enrol")?;
        self.label(db, &cars).await?;
        Ok(cars)
    }

    /// Writes what trucks are about to send into `folder`, and the owner's key. Cars have nothing to write.
    pub(super) fn write(&self, folder: &Path, cars: &[Car]) -> anyhow::Result<()> {
        let Kind::Trucks(days) = self.kind else { return Ok(()) };
        let trucks = cars.iter().enumerate();
        let trucks = trucks.map(|(number, car)| Ok((car.vehicle(), self.truck(number, days)?)));
        let trucks = trucks.collect::<anyhow::Result<Vec<(VehicleId, Truck)>>>()?;
        let bar = bar(usize::try_from(trucks::STEPS_PER_DAY)? * self.count, "writing files")?;
        written::write(folder, trucks, days, &self.key.reveal(), &bar)?;
        bar.finish_and_clear();
        Ok(())
    }

    fn source(&self, number: usize) -> anyhow::Result<Source> {
        Ok(match self.kind {
            Kind::Cars(signals) => {
                Source::Drive(Drive::new(signals, i64::try_from(number)? * 101, self.begun))
            }
            Kind::Trucks(days) => Source::Truck(self.truck(number, days)?),
        })
    }

    fn truck(&self, number: usize, days: u32) -> anyhow::Result<Truck> {
        Truck::new(number, self.begun, days)
    }

    /// One enrolment code for each vehicle.
    async fn codes(&self, db: &Db, authority: &Authority) -> anyhow::Result<Vec<EnrolmentCode>> {
        let (now, pin, owner) = (Clock::System.now(), authority.pin(), self.owner);
        let consent = match self.kind {
            Kind::Cars(_) => drive::consent(),
            Kind::Trucks(_) => trucks::CONSENT.to_owned(),
        };
        let secrets = (0..self.count).map(|_| rand::random()).collect::<Vec<[u8; 10]>>();
        let given = secrets.clone();
        let give = move |conn: &mut _| {
            given.iter().try_for_each(|secret| {
                identity::create_enrolment_code(conn, &owner, secret, &consent, now).map(drop)
            })
        };
        db.write::<_, IdentityError, _>(give).await?;
        Ok(secrets.into_iter().map(|secret| EnrolmentCode { secret, pin }).collect())
    }

    /// Labels trucks as their owner would.
    async fn label(&self, db: &Db, cars: &[Car]) -> anyhow::Result<()> {
        let Kind::Trucks(days) = self.kind else { return Ok(()) };
        let owner = self.owner;
        let labels = cars.iter().enumerate().map(|(number, car)| {
            Ok((car.vehicle(), Labels::new(self.truck(number, days)?.labels())?))
        });
        let labels = labels.collect::<anyhow::Result<Vec<_>>>()?;
        let label = move |conn: &mut _| {
            let mut each = labels.iter();
            each.try_for_each(|(vehicle, labels)| identity::label(conn, &owner, *vehicle, labels))
        };
        Ok(db.write::<_, IdentityError, _>(label).await?)
    }
}
