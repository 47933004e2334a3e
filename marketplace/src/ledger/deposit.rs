//! Deposits: how tokens come in.

use telematics::{BuyerId, Timestamp};

use super::{Account, Amount, Entry, EntryKind, IdempotencyKey, LedgerError, Posted, post};
use crate::db::Conn;
use crate::identity::{self, Operator};

/// Credits `amount` to a buyer. Safe to retry with the same key.
///
/// # Errors
/// Refuses unknown buyers, amounts that are not more than zero, and a key used for another deposit.
pub fn deposit(
    conn: &mut Conn,
    _operator: &Operator,
    buyer: BuyerId,
    amount: Amount,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Posted, LedgerError> {
    if !amount.is_positive() {
        return Err(LedgerError::NothingDeposited { amount });
    }
    if identity::buyer(conn, buyer)?.is_none() {
        return Err(LedgerError::UnknownBuyer { buyer });
    }
    let route = (Account::Issuance, Account::Buyer(buyer));
    let entry = Entry::transfer(EntryKind::Deposit, &format!("deposit/{key}"), route, amount)?;
    match post(conn, &entry, now) {
        // The caller knows his own key, not the one it is kept under.
        Err(LedgerError::KeyReused { .. }) => Err(LedgerError::KeyReused { key: key.to_string() }),
        result => result,
    }
}
