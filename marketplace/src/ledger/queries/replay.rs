//! Statements that read the whole ledger, some rows at a time, in the order of ids.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::corrupt;
use crate::db::Conn;
use crate::ledger::{EntryKind, LedgerError};
use crate::schema::{
    accounts, entries, pending_ends, pending_open, pending_transfers, postings, seals,
};

/// Rows that are read together.
const PAGE_ROWS: i64 = 500;

/// An entry as it is kept.
pub(in crate::ledger) struct KeptEntry {
    pub(in crate::ledger) id: Vec<u8>,
    pub(in crate::ledger) key: String,
    pub(in crate::ledger) is_sealed: bool,
    /// Keys of accounts, and what each receives.
    pub(in crate::ledger) postings: Vec<(Vec<u8>, i64)>,
}

/// A pending transfer as it is kept.
pub(in crate::ledger) struct KeptPending {
    pub(in crate::ledger) id: Vec<u8>,
    pub(in crate::ledger) account: Vec<u8>,
    pub(in crate::ledger) amount: i64,
    pub(in crate::ledger) key: String,
    /// Whether it is among those that may expire.
    pub(in crate::ledger) is_open: bool,
    pub(in crate::ledger) end: Option<KeptEnd>,
}

pub(in crate::ledger) struct KeptEnd {
    /// What it says was posted.
    pub(in crate::ledger) amount: i64,
    /// What the account gives in the entry; nothing without one.
    pub(in crate::ledger) posted: i64,
}

/// An account as it is kept.
#[derive(Queryable)]
pub(in crate::ledger) struct KeptAccount {
    pub(in crate::ledger) id: Vec<u8>,
    pub(in crate::ledger) kind: String,
    pub(in crate::ledger) holder: Option<Vec<u8>>,
    pub(in crate::ledger) balance: i64,
    pub(in crate::ledger) pending: i64,
}

impl KeptAccount {
    /// Such as `owner 0190a5b8…`.
    pub(in crate::ledger) fn name(&self) -> String {
        match &self.holder {
            Some(holder) => format!("{} {}", self.kind, hex::encode(holder)),
            None => self.kind.clone(),
        }
    }
}

pub(in crate::ledger) fn entries_after(
    conn: &mut Conn,
    last: &[u8],
) -> Result<Vec<KeptEntry>, LedgerError> {
    let page: Vec<(Vec<u8>, String)> = entries::table
        .filter(entries::id.gt(last))
        .order(entries::id)
        .limit(PAGE_ROWS)
        .select((entries::id, entries::idempotency_key))
        .load(conn)?;
    let ids = page.iter().map(|(id, _)| id.as_slice()).collect::<Vec<_>>();
    let mut lines: BTreeMap<Vec<u8>, Vec<(Vec<u8>, i64)>> = BTreeMap::new();
    let of_page: Vec<(Vec<u8>, Vec<u8>, i64)> = postings::table
        .filter(postings::entry_id.eq_any(&ids))
        .select((postings::entry_id, postings::account_id, postings::amount))
        .load(conn)?;
    for (entry, account, amount) in of_page {
        lines.entry(entry).or_default().push((account, amount));
    }
    let sealed: Vec<Vec<u8>> =
        seals::table.filter(seals::entry_id.eq_any(&ids)).select(seals::entry_id).load(conn)?;
    let sealed = sealed.into_iter().collect::<BTreeSet<_>>();
    let entry = |(id, key): (Vec<u8>, String)| KeptEntry {
        is_sealed: sealed.contains(&id),
        postings: lines.remove(&id).unwrap_or_default(),
        id,
        key,
    };
    Ok(page.into_iter().map(entry).collect())
}

pub(in crate::ledger) fn pending_after(
    conn: &mut Conn,
    last: &[u8],
) -> Result<Vec<KeptPending>, LedgerError> {
    let page: Vec<(Vec<u8>, Vec<u8>, i64, String)> = pending_transfers::table
        .filter(pending_transfers::id.gt(last))
        .order(pending_transfers::id)
        .limit(PAGE_ROWS)
        .select((
            pending_transfers::id,
            pending_transfers::account_id,
            pending_transfers::amount,
            pending_transfers::idempotency_key,
        ))
        .load(conn)?;
    let ids = page.iter().map(|(id, ..)| id.as_slice()).collect::<Vec<_>>();
    let open: Vec<Vec<u8>> = pending_open::table
        .filter(pending_open::pending_id.eq_any(&ids))
        .select(pending_open::pending_id)
        .load(conn)?;
    let open = open.into_iter().collect::<BTreeSet<_>>();
    let ends: Vec<(Vec<u8>, i64, Option<Vec<u8>>)> = pending_ends::table
        .filter(pending_ends::pending_id.eq_any(&ids))
        .select((pending_ends::pending_id, pending_ends::amount, pending_ends::entry_id))
        .load(conn)?;
    let ends = ends.into_iter().map(|(id, amount, entry)| (id, (amount, entry)));
    let mut ends = ends.collect::<BTreeMap<_, _>>();
    let mut transfers = Vec::new();
    for (id, account, amount, key) in page {
        let end = ends.remove(&id).map(|(amount, entry)| {
            let posted = given(conn, &account, entry.as_deref())?;
            Ok::<_, LedgerError>(KeptEnd { amount, posted })
        });
        let (is_open, end) = (open.contains(&id), end.transpose()?);
        transfers.push(KeptPending { id, account, amount, key, is_open, end });
    }
    Ok(transfers)
}

/// What an account gives in an entry.
fn given(conn: &mut Conn, account: &[u8], entry: Option<&[u8]>) -> Result<i64, LedgerError> {
    let Some(entry) = entry else { return Ok(0) };
    let amount: Option<i64> = postings::table
        .filter(postings::entry_id.eq(entry))
        .filter(postings::account_id.eq(account))
        .select(postings::amount)
        .first(conn)
        .optional()?;
    Ok(amount.and_then(i64::checked_neg).unwrap_or(0))
}

const ACCOUNT: (
    accounts::id,
    accounts::kind,
    accounts::holder_id,
    accounts::balance,
    accounts::pending,
) = (accounts::id, accounts::kind, accounts::holder_id, accounts::balance, accounts::pending);

pub(in crate::ledger) fn accounts_after(
    conn: &mut Conn,
    last: &[u8],
) -> Result<Vec<KeptAccount>, LedgerError> {
    let page = accounts::table
        .filter(accounts::id.gt(last))
        .order(accounts::id)
        .limit(PAGE_ROWS)
        .select(ACCOUNT)
        .load(conn)?;
    Ok(page)
}

/// All accounts of a kind that are not empty.
pub(in crate::ledger) fn held_by_kind(
    conn: &mut Conn,
    kind: &str,
) -> Result<Vec<KeptAccount>, LedgerError> {
    // No limit: who audits wants all of them, and an account is small.
    let held = accounts::table
        .filter(accounts::kind.eq(kind))
        .filter(accounts::balance.ne(0))
        .select(ACCOUNT)
        .load(conn)?;
    Ok(held)
}

pub(in crate::ledger) fn count(conn: &mut Conn, kind: EntryKind) -> Result<u64, LedgerError> {
    let of_kind = entries::table.filter(entries::kind.eq(kind.as_str()));
    let count: i64 = of_kind.count().get_result(conn)?;
    u64::try_from(count).map_err(corrupt)
}
