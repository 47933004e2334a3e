//! A car: its files, and its enrolment at the small marketplace.

use std::path::{Path, PathBuf};

use telematics::Policy;

use crate::market::Market;

/// Files of an enrolled car: settings, a DBC file, a mapping and a drive of `frames` frames, one
/// every 100 ms, with one sample of speed and one of the pedal in each.
pub(crate) struct Car {
    pub(crate) folder: tempfile::TempDir,
}

impl Car {
    pub(crate) async fn enrolled(market: &Market, frames: u32) -> Self {
        let car = Self::parked(frames);
        enrol(market, car.data_dir()).await.unwrap();
        car
    }

    pub(crate) fn parked(frames: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        file(
            "car.dbc",
            "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: X\n\nBO_ 180 SPEED: 8 X\n \
             SG_ SPEED : 7|16@0+ (0.01,0) [0|250] \"km/h\" X\n \
             SG_ GAS : 23|8@0+ (0.5,0) [0|100] \"%\" X\n",
        );
        file(
            "car.map.toml",
            "[\"Vehicle.Speed\"]\nmessage = \"SPEED\"\nsignal = \"SPEED\"\n\
             [\"Vehicle.Chassis.Accelerator.PedalPosition\"]\nmessage = \"SPEED\"\n\
             signal = \"GAS\"\n",
        );
        let line = |index: u32| {
            let (seconds, tenths) = (1_704_067_200 + index / 10, index % 10);
            format!("({seconds}.{tenths}) can0 0B4#{:04X}{:02X}\n", index % 30_000, index % 200)
        };
        file("drive.log", &(0..frames).map(line).collect::<String>());
        Self { folder }
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// Every byte of its spool: the database and the log.
    pub(crate) fn spooled(&self) -> Vec<u8> {
        let mut bytes = std::fs::read(self.data_dir().join("spool.redb")).unwrap();
        for segment in std::fs::read_dir(self.data_dir().join("spool")).unwrap() {
            bytes.extend(std::fs::read(segment.unwrap().path()).unwrap());
        }
        bytes
    }

    pub(crate) fn config(&self, market: &Market, more: &str) -> PathBuf {
        let path = self.folder.path().join("agent.toml");
        let url = &market.url;
        let text = format!(
            "marketplace_url = \"{url}\"\ndata_dir = \".\"\ndbc = \"car.dbc\"\n\
             map = \"car.map.toml\"\nreplay = \"drive.log\"\nreplay_speed = \"flat-out\"\n{more}\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    }
}

pub(crate) async fn enrol(
    market: &Market,
    data_dir: &Path,
) -> Result<(edge_agent::identity::Identity, Policy), edge_agent::enrol::EnrolError> {
    let car =
        telematics::VehicleDescription::new("Toyota", "RAV4", 2017, telematics::Powertrain::Hybrid);
    let holder = edge_agent::identity::Holder::draw(car.unwrap(), &mut rand::rng());
    let now = edge_agent::clock::now();
    edge_agent::enrol::enrol(&market.url, &market.code, holder, data_dir, now).await
}
