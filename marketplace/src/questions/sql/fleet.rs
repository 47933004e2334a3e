//! The vehicles of an owner, and what they are: kept between questions, since they seldom change.
//!
//! **Invariant:** a question sees every change that was committed before it, by whichever process: the database counts
//! changes, and what is kept counts only at the number it was read at.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use deltalake::arrow::array::{ArrayRef, RecordBatch, StringArray, UInt16Array};
use deltalake::datafusion::error::Result;
use lru::LruCache;
use telematics::{OwnerId, VehicleId};

use crate::db::Db;
use crate::identity::{self, Owner, VehicleRecord};
use crate::questions::{QuestionError, scan};

/// Owners whose vehicles are kept: of those that asked last. Ten thousand vehicles take some 5 MB.
const KEPT_MAX: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// All vehicles of an owner.
#[derive(Debug)]
pub struct Fleet {
    version: i64,
    /// In order.
    pub(super) ids: Vec<VehicleId>,
    /// The texts of `ids`.
    pub(super) names: StringArray,
    /// `vehicle`, `make`, `model`, `model_year`, `powertrain`, and a column for each label that one of them has.
    pub(super) table: RecordBatch,
}

impl Fleet {
    fn new(version: i64, own: &[VehicleRecord]) -> Result<Self> {
        let ids = own.iter().map(|vehicle| vehicle.id).collect::<Vec<_>>();
        let names = StringArray::from_iter_values(ids.iter().map(ToString::to_string));
        let table = table(&names, own)?;
        Ok(Self { version, ids, names, table })
    }
}

fn table(names: &StringArray, own: &[VehicleRecord]) -> Result<RecordBatch> {
    let texts = |text: &dyn Fn(&VehicleRecord) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(own.iter().map(text)))
    };
    let years = own.iter().map(|vehicle| vehicle.description.year());
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("vehicle", scan::names(names.iter().flatten())?),
        ("make", texts(&|vehicle| vehicle.description.make().to_owned())),
        ("model", texts(&|vehicle| vehicle.description.model().to_owned())),
        ("model_year", Arc::new(UInt16Array::from_iter_values(years))),
        ("powertrain", texts(&|vehicle| vehicle.description.powertrain().as_str().to_owned())),
    ];
    let labels: BTreeSet<&String> =
        own.iter().flat_map(|vehicle| vehicle.labels.as_map().keys()).collect();
    for name in labels {
        let label = |vehicle: &VehicleRecord| vehicle.labels.as_map().get(name).cloned();
        columns.push((name, Arc::new(own.iter().map(label).collect::<StringArray>())));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// The fleets that were asked about last. Cheap to clone.
#[derive(Clone)]
pub(in crate::questions) struct Fleets(Arc<Mutex<LruCache<OwnerId, Arc<Fleet>>>>);

impl Default for Fleets {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(KEPT_MAX))))
    }
}

impl Fleets {
    /// All vehicles of `owner`, as they are now.
    pub(super) async fn of(&self, db: &Db, owner: Owner) -> Result<Arc<Fleet>, QuestionError> {
        let fleets = self.clone();
        let find = move |conn: &mut _| {
            // The number first: what changes in between is read again next time.
            let version = identity::fleet_version(conn, &owner)?;
            if let Some(kept) = fleets.kept(owner.id, version) {
                return Ok(kept);
            }
            let fleet = Arc::new(Fleet::new(version, &identity::vehicles_of(conn, &owner)?)?);
            fleets.keep(owner.id, &fleet);
            Ok(fleet)
        };
        db.read(find).await
    }

    fn kept(&self, owner: OwnerId, version: i64) -> Option<Arc<Fleet>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&owner).filter(|fleet| fleet.version == version).cloned()
    }

    fn keep(&self, owner: OwnerId, fleet: &Arc<Fleet>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(owner, Arc::clone(fleet));
    }
}
