//! Which rows a caller may read.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use deltalake::arrow::array::{RecordBatch, StringArray};
use deltalake::arrow::compute::cast;
use deltalake::arrow::datatypes::Field;
use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::datasource::MemTable;
use object_store::local::LocalFileSystem;
use object_store::path::Path;

use super::TABLES;
use super::fleet::Fleet;
use super::latest::Latest;
use super::table::Samples;
use crate::delivery::DeliveryError;
use crate::identity::Owner;
use crate::lake::{Arrived, LakeFile, Newest, record_batch};
use crate::questions::read::foreign;
use crate::questions::rows::Meant;
use crate::questions::scan::{self, Indexes, SampleFile};
use crate::questions::{QuestionError, Source};

/// Rows that a caller may read.
#[derive(Clone, Debug)]
pub enum Permitted {
    /// An owner: all of these vehicles, which are his.
    Own(Arc<Fleet>),
    /// A buyer: what is in these files, which were delivered to him. A file holds what he bought and
    /// nothing else, so there is nothing to reach around.
    Bought(Vec<PathBuf>),
}

impl Permitted {
    /// What `owner` may read: all of his vehicles.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own(source: &Source, owner: Owner) -> Result<Self, QuestionError> {
        Ok(Self::Own(source.desk.fleets.of(&source.db, owner).await?))
    }

    /// One of [`TABLES`]; none when it is not for this caller.
    pub(super) async fn table(
        &self,
        name: &str,
        source: &Source,
    ) -> Result<Option<Arc<dyn TableProvider>>, QuestionError> {
        let [samples, latest, vehicles] = TABLES;
        Ok(match self {
            Self::Own(fleet) if name == vehicles => {
                let rows = fleet.table.clone();
                Some(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
            }
            Self::Own(fleet) if name == latest => {
                Some(Arc::new(Latest::new(source.db.clone(), Arc::clone(fleet))))
            }
            _ if name == samples => Some(Arc::new(self.samples(source).await?)),
            _ => None,
        })
    }

    async fn samples(&self, source: &Source) -> Result<Samples, QuestionError> {
        let indexes = source.desk.indexes.clone();
        match self {
            Self::Own(fleet) => {
                let meant = Meant { vehicles: &fleet.ids, signals: None, period: None };
                let newest = source.lake.newest().await?;
                let recent = source.recent(newest.last_arrival, &meant).await?;
                of_lake(&newest, &fleet.names, &recent, indexes)
            }
            Self::Bought(files) => {
                let files = files.iter().map(|file| Ok((delivered(file)?, None)));
                Ok(Samples {
                    files: files.collect::<Result<_, QuestionError>>()?,
                    vehicles: None,
                    recent: RecordBatch::new_empty(scan::schema()),
                    indexes,
                })
            }
        }
    }
}

/// The rows of these vehicles, in the lake and behind it.
pub(super) fn of_lake(
    newest: &Newest,
    vehicles: &StringArray,
    recent: &[Arrived],
    indexes: Indexes,
) -> Result<Samples, QuestionError> {
    let store = newest.store();
    let file = |file: LakeFile| {
        let (path, bytes) = (file.path, file.bytes);
        (SampleFile { store: Arc::clone(&store), path, bytes }, Some(file.folder))
    };
    Ok(Samples {
        files: newest.files()?.into_iter().map(file).collect(),
        vehicles: Some(vehicles.clone()),
        recent: in_table_form(recent)?,
        indexes,
    })
}

/// A file that was delivered.
fn delivered(file: &FilePath) -> Result<SampleFile, DeliveryError> {
    let refuse = |source| DeliveryError::File { file: file.display().to_string(), source };
    let bytes = std::fs::metadata(file).map_err(refuse)?.len();
    let path = Path::from_absolute_path(std::path::absolute(file).map_err(refuse)?);
    let path = path.map_err(|error| refuse(std::io::Error::other(error)))?;
    Ok(SampleFile { store: Arc::new(LocalFileSystem::new()), path, bytes })
}

/// Batches as rows of the table.
fn in_table_form(batches: &[Arrived]) -> Result<RecordBatch, QuestionError> {
    let rows = record_batch(&batches.iter().collect::<Vec<_>>())?;
    let schema = scan::schema();
    let column = |field: &Arc<Field>| {
        let column = rows.column_by_name(field.name()).ok_or_else(|| foreign(field.name()))?;
        Ok(cast(column, field.data_type())?)
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, QuestionError>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}
