//! Keeping the index up to the table of datasets.
//!
//! Each change of a dataset has a number, so who knows the last one that he has seen reads what changed since, whichever
//! market described it. An index that was just opened may be of another table, or of none: it is made again.

use std::sync::PoisonError;

use super::{Search, add};
use crate::catalog::{CatalogError, queries};
use crate::db::Conn;

/// Brings the index up to the table, and says how many datasets it wrote.
///
/// # Errors
/// When the table can not be read or the index not be written. The next call repeats it.
pub fn follow(conn: &mut Conn, search: &Search) -> Result<u64, CatalogError> {
    let mut followed = search.followed.lock().unwrap_or_else(PoisonError::into_inner);
    // Before the datasets are read: one that changes meanwhile is read again the next time.
    let last = queries::last_change(conn)?;
    let datasets = match *followed {
        Some(number) if number == last => return Ok(0),
        Some(number) if number < last => {
            let changed = queries::changed_after(conn, number)?;
            search.update(&changed)?;
            changed
        }
        _ => {
            let all = queries::datasets(conn)?;
            search.write(|writer| {
                writer.delete_all_documents()?;
                add(writer, &search.fields, &all)
            })?;
            all
        }
    };
    *followed = Some(last);
    Ok(datasets.len().try_into().unwrap_or(u64::MAX))
}
