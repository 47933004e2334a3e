//! Entries: sets of postings that sum to zero.
//!
//! **Invariant:** an [`Entry`] is balanced, names each account once, and moves something.

use std::collections::BTreeMap;

use super::{Account, Amount};

/// Why tokens moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A buyer's tokens came in.
    Deposit,
    /// The price of an order went to escrow.
    Purchase,
    /// An order was delivered: escrow went to the owners and the market.
    Settlement,
    /// An order was not delivered: escrow went back to the buyer.
    Refund,
    /// A buyer's tokens went to a campaign.
    Funding,
    /// A campaign paid for a claim.
    Claim,
    /// What a campaign had left went back to the buyer.
    Remainder,
    /// What a payee had went to the owner whose account it stands for.
    Sweep,
    /// A buyer put tokens into a subscription.
    TopUp,
    /// A subscription gave its buyer the price of what it orders for him.
    Draw,
    /// What a subscription did not spend went back to its buyer.
    Unspent,
    /// What vehicles earned in a week was given to their owners.
    Reward,
    /// A buyer's tokens went to a data campaign.
    DataFunding,
    /// A data campaign paid a vehicle for what it collected.
    DataPay,
    /// What a data campaign had left went back to the buyer.
    DataRemainder,
    /// What a live stream sent was paid to owners and market.
    Metered,
}

impl EntryKind {
    /// The word for it in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Purchase => "purchase",
            Self::Settlement => "settlement",
            Self::Refund => "refund",
            Self::Funding => "funding",
            Self::Claim => "claim",
            Self::Remainder => "remainder",
            Self::Sweep => "sweep",
            Self::TopUp => "top-up",
            Self::Draw => "draw",
            Self::Unspent => "unspent",
            Self::Reward => "reward",
            Self::DataFunding => "data-funding",
            Self::DataPay => "data-pay",
            Self::DataRemainder => "data-remainder",
            Self::Metered => "metered",
        }
    }
}

/// One line: what an account receives, negative when it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Whose.
    pub account: Account,
    /// How much.
    pub amount: Amount,
}

/// A balanced set of postings, ready to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    kind: EntryKind,
    key: String,
    postings: Vec<Posting>,
}

/// Why postings are no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEntry {
    /// Nothing would move.
    #[error("the entry `{key}` moves nothing")]
    Empty {
        /// Its idempotency key.
        key: String,
    },
    /// Tokens would appear or vanish.
    #[error("the postings of the entry `{key}` sum to {sum}, not to zero")]
    Unbalanced {
        /// Its idempotency key.
        key: String,
        /// What is too much.
        sum: Amount,
    },
    /// More than an amount can hold.
    #[error("the postings of the entry `{key}` are too large to be summed")]
    Overflow {
        /// Its idempotency key.
        key: String,
    },
}

impl Entry {
    /// Makes the entry of these postings. Postings of one account become one line, and lines of
    /// nothing are left out. `key` makes posting it twice harmless.
    ///
    /// # Errors
    /// Refuses what does not sum to zero, moves nothing or does not fit.
    pub fn new(
        kind: EntryKind,
        key: &str,
        postings: impl IntoIterator<Item = Posting>,
    ) -> Result<Self, NotAnEntry> {
        let overflow = || NotAnEntry::Overflow { key: key.to_owned() };
        let mut lines: BTreeMap<Account, Amount> = BTreeMap::new();
        for Posting { account, amount } in postings {
            let line = lines.entry(account).or_default();
            *line = line.checked_add(amount).ok_or_else(overflow)?;
        }
        lines.retain(|_, amount| *amount != Amount::ZERO);

        let received = lines.values().copied().filter(|amount| amount.is_positive());
        let given = lines.values().copied().filter(|amount| !amount.is_positive());
        let received = Amount::sum(received).ok_or_else(overflow)?;
        let given = Amount::sum(given).ok_or_else(overflow)?;
        match received.checked_add(given) {
            Some(Amount::ZERO) if lines.is_empty() => {
                Err(NotAnEntry::Empty { key: key.to_owned() })
            }
            Some(Amount::ZERO) => Ok(Self {
                kind,
                key: key.to_owned(),
                postings: lines
                    .into_iter()
                    .map(|(account, amount)| Posting { account, amount })
                    .collect(),
            }),
            Some(sum) => Err(NotAnEntry::Unbalanced { key: key.to_owned(), sum }),
            None => Err(overflow()),
        }
    }

    /// The entry that moves `amount` from one account to another.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn transfer(
        kind: EntryKind,
        key: &str,
        (from, to): (Account, Account),
        amount: Amount,
    ) -> Result<Self, NotAnEntry> {
        let given = amount.checked_neg().ok_or(NotAnEntry::Overflow { key: key.to_owned() })?;
        let postings = [Posting { account: from, amount: given }, Posting { account: to, amount }];
        Self::new(kind, key, postings)
    }

    /// Why tokens move.
    #[must_use]
    pub const fn kind(&self) -> EntryKind {
        self.kind
    }

    /// What makes posting it twice harmless.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its lines, by account.
    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

#[cfg(test)]
mod tests {
    use telematics::ids::Id;
    use telematics::testing::T0;

    use super::*;

    fn entry(amounts: &[(u8, i64)]) -> Result<Entry, NotAnEntry> {
        let postings = amounts.iter().map(|(owner, micros)| Posting {
            account: Account::Owner(Id::new(T0, [*owner; 10])),
            amount: Amount::from_micros(*micros),
        });
        Entry::new(EntryKind::Deposit, "key", postings)
    }

    #[test]
    fn lines_of_one_account_become_one() {
        let entry = entry(&[(1, -5), (2, 2), (2, 3), (3, 7), (3, -7)]).unwrap();

        let amounts: Vec<_> = entry.postings().iter().map(|line| line.amount.micros()).collect();
        assert_eq!(amounts, [-5, 5]);
    }

    #[test]
    fn what_is_not_balanced_is_no_entry() {
        let key = || "key".to_owned();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("nothing",    vec![],                             NotAnEntry::Empty { key: key() }),
            ("to itself",  vec![(1, 5), (1, -5)],              NotAnEntry::Empty { key: key() }),
            ("one sided",  vec![(1, 5)],                       NotAnEntry::Unbalanced { key: key(), sum: Amount::from_micros(5) }),
            ("one off",    vec![(1, -5), (2, 4)],              NotAnEntry::Unbalanced { key: key(), sum: Amount::from_micros(-1) }),
            ("too large",  vec![(1, i64::MAX), (2, 1)],        NotAnEntry::Overflow { key: key() }),
        ];
        for (name, postings, refusal) in cases {
            assert_eq!(entry(&postings), Err(refusal), "{name}");
        }
    }
}
