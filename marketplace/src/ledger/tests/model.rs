//! Random histories, step by step against a ledger that is kept in memory.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tokio::runtime::Runtime;

use super::*;

/// The account that gives what the others have; the model lets only this one go below zero.
const ISSUANCE: usize = 0;
const ACCOUNTS: usize = 4;
/// Keys of entries, and as many of reservations: few, so that many are used again.
const KEYS: u8 = 12;

/// What is asked of a ledger.
#[derive(Clone, Debug)]
enum Step {
    Post(Move),
    Linked(Vec<Move>),
    Reserve { key: u8, account: usize, amount: i64, seconds: i64 },
    PostPending { key: u8, by: Move },
    Void { key: u8 },
    Wait { seconds: i64 },
    Expire,
}

/// Tokens from one account to another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Move {
    key: u8,
    from: usize,
    to: usize,
    amount: i64,
}

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Done,
    Before,
    Funds,
    KeyReused,
    Ended(Outcome),
    NotWhatIsPending,
    Unknown,
}

#[derive(Clone, Debug)]
struct Held {
    account: usize,
    amount: i64,
    expires: i64,
    /// How it ended, and with which key.
    end: Option<(Outcome, Option<u8>)>,
}

#[derive(Clone, Debug, Default)]
struct Model {
    /// What each account has, and what of it is pending.
    accounts: [(i64, i64); ACCOUNTS],
    posted: BTreeMap<u8, Move>,
    held: BTreeMap<u8, Held>,
    seconds: i64,
    answer: Option<Answer>,
}

impl Model {
    fn has(&self, account: usize, amount: i64) -> bool {
        let (posted, pending) = self.accounts[account];
        account == ISSUANCE || posted - pending >= amount
    }

    fn post(&mut self, by: &Move) -> Answer {
        match self.posted.get(&by.key) {
            Some(before) if before == by => Answer::Before,
            Some(_) => Answer::KeyReused,
            None if !self.has(by.from, by.amount) => Answer::Funds,
            None => {
                self.accounts[by.from].0 -= by.amount;
                self.accounts[by.to].0 += by.amount;
                self.posted.insert(by.key, by.clone());
                Answer::Done
            }
        }
    }

    fn linked(&mut self, moves: &[Move]) -> Answer {
        let mut after = self.clone();
        for by in moves {
            let answer = after.post(by);
            if !matches!(answer, Answer::Done | Answer::Before) {
                return answer;
            }
        }
        *self = after;
        Answer::Done
    }

    fn reserve(&mut self, key: u8, account: usize, amount: i64, expires: i64) -> Answer {
        if let Some(held) = self.held.get(&key) {
            let is_same = (held.account, held.amount, held.expires) == (account, amount, expires);
            return if is_same { Answer::Before } else { Answer::KeyReused };
        }
        if !self.has(account, amount) {
            return Answer::Funds;
        }
        self.accounts[account].1 += amount;
        self.held.insert(key, Held { account, amount, expires, end: None });
        Answer::Done
    }

    fn post_pending(&mut self, key: u8, by: &Move) -> Answer {
        let Some(held) = self.held.get(&key).cloned() else { return Answer::Unknown };
        if let Some(before) = self.posted.get(&by.key) {
            let is_same = before == by && held.end == Some((Outcome::Posted, Some(by.key)));
            return if is_same { Answer::Before } else { Answer::KeyReused };
        }
        let over = (self.seconds >= held.expires).then_some(Outcome::Expired);
        if let Some(outcome) = held.end.map(|(outcome, _)| outcome).or(over) {
            return Answer::Ended(outcome);
        }
        if by.from != held.account || by.amount > held.amount {
            return Answer::NotWhatIsPending;
        }
        self.end(key, Outcome::Posted, Some(by.key));
        self.post(by)
    }

    fn void(&mut self, key: u8) -> Answer {
        match self.held.get(&key).map(|held| held.end) {
            None => Answer::Unknown,
            Some(Some((Outcome::Posted, _))) => Answer::Ended(Outcome::Posted),
            Some(Some(_)) => Answer::Done,
            Some(None) => {
                self.end(key, Outcome::Void, None);
                Answer::Done
            }
        }
    }

    fn expire(&mut self) -> Answer {
        let now = self.seconds;
        let over = |held: &Held| held.end.is_none() && now >= held.expires;
        let keys = self.held.iter().filter(|(_, held)| over(held)).map(|(key, _)| *key);
        for key in keys.collect::<Vec<_>>() {
            self.end(key, Outcome::Expired, None);
        }
        Answer::Done
    }

    fn end(&mut self, key: u8, outcome: Outcome, with: Option<u8>) {
        let held = self.held.get_mut(&key).unwrap();
        held.end = Some((outcome, with));
        self.accounts[held.account].1 -= held.amount;
    }
}

fn moves() -> impl Strategy<Value = Move> {
    (0..KEYS, 0..ACCOUNTS, 1..ACCOUNTS, 1..60_i64).prop_map(|(key, from, step, amount)| Move {
        key,
        from,
        to: (from + step) % ACCOUNTS,
        amount,
    })
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        prop_oneof![
            3 => (0..KEYS, 1..ACCOUNTS, 50..100_i64)
                .prop_map(|(key, to, amount)| Step::Post(Move { key, from: ISSUANCE, to, amount })),
            3 => moves().prop_map(Step::Post),
            2 => prop::collection::vec(moves(), 2..4).prop_map(Step::Linked),
            4 => (0..KEYS, 1..ACCOUNTS, 1..60_i64, 1..40_i64).prop_map(
                |(key, account, amount, seconds)| Step::Reserve { key, account, amount, seconds },
            ),
            5 => (0..KEYS, moves()).prop_map(|(key, by)| Step::PostPending { key, by }),
            1 => (0..KEYS).prop_map(|key| Step::Void { key }),
            1 => (1..20_i64).prop_map(|seconds| Step::Wait { seconds }),
            1 => Just(Step::Expire),
        ]
        .boxed()
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        state.answer = match step {
            Step::Post(by) => Some(state.post(by)),
            Step::Linked(moves) => Some(state.linked(moves)),
            Step::Reserve { key, account, amount, seconds } => {
                let expires = state.seconds + seconds;
                Some(state.reserve(*key, *account, *amount, expires))
            }
            Step::PostPending { key, by } => {
                // What is pending is said by its account, so that some are posted at all.
                let by = said_of(state.held.get(key), by);
                Some(state.post_pending(*key, &by))
            }
            Step::Void { key } => Some(state.void(*key)),
            Step::Expire => Some(state.expire()),
            Step::Wait { seconds } => {
                state.seconds += seconds;
                None
            }
        };
        state
    }
}

/// `by`, from the account that has something pending in two of three cases.
fn said_of(held: Option<&Held>, by: &Move) -> Move {
    match held {
        Some(held) if by.amount % 3 != 0 && by.to != held.account => {
            Move { from: held.account, ..by.clone() }
        }
        _ => by.clone(),
    }
}

/// A ledger in a database that all histories share: each has accounts and keys of its own.
struct Ledger {
    fixture: Fixture,
    runtime: Runtime,
}

/// One history.
struct History {
    ledger: &'static Ledger,
    number: u64,
    /// What the issuance had given before.
    issued: i64,
    pending: BTreeMap<u8, (PendingId, Account)>,
    now: Timestamp,
}

impl Ledger {
    fn shared() -> &'static Self {
        static SHARED: LazyLock<Ledger> = LazyLock::new(|| Ledger {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            fixture: Fixture::new(),
        });
        &SHARED
    }

    fn write<T: Send + 'static>(
        &self,
        verb: impl Fn(&mut crate::db::Conn) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.runtime.block_on(self.fixture.db.write(verb))
    }

    fn balance(&self, account: Account) -> Balance {
        self.runtime.block_on(self.fixture.balances(account))
    }
}

impl History {
    fn account(&self, index: usize) -> Account {
        let own = BuyerId::new(T0.plus_seconds(i64::try_from(self.number).unwrap()), [1; 10]);
        match index {
            ISSUANCE => Account::Issuance,
            1 => Account::Buyer(own),
            2 => Account::Owner(OwnerId::from_bytes(own.as_bytes()).unwrap()),
            _ => Account::Escrow(*own.as_bytes()),
        }
    }

    fn entry(&self, by: &Move) -> Entry {
        let key = format!("{}/{}", self.number, by.key);
        tokens(&key, self.account(by.from), self.account(by.to), by.amount)
    }

    fn reservation(&self, key: u8, account: usize, amount: i64, seconds: i64) -> Reservation {
        Reservation {
            key: format!("{}/{key}", self.number),
            account: self.account(account),
            amount: Amount::from_micros(amount),
            expires_at: self.now.plus_seconds(seconds),
        }
    }

    /// The transfer that was reserved with this key, or one that was not.
    fn pending(&self, key: u8) -> PendingId {
        self.pending.get(&key).map_or(PendingId::new(T0, [255; 10]), |(id, _)| *id)
    }

    fn answer(&mut self, step: &Step, after: &Model) -> Option<Answer> {
        let now = self.now;
        let answer = match step {
            Step::Wait { seconds } => {
                self.now = now.plus_seconds(*seconds);
                return None;
            }
            Step::Post(by) => {
                let entry = self.entry(by);
                posted(self.ledger.write(move |conn| post(conn, &entry, now)))
            }
            Step::Linked(moves) => {
                let entries = moves.iter().map(|by| self.entry(by)).collect::<Vec<_>>();
                done(self.ledger.write(move |conn| post_linked(conn, &entries, now)))
            }
            Step::Reserve { key, account, amount, seconds } => {
                let reservation = self.reservation(*key, *account, *amount, *seconds);
                let account = reservation.account;
                let reserved = self.ledger.write(move |conn| reserve(conn, &reservation, now));
                match reserved {
                    Ok(id) if self.pending(*key) == id => Answer::Before,
                    Ok(id) => {
                        self.pending.insert(*key, (id, account));
                        Answer::Done
                    }
                    Err(error) => refused(&error),
                }
            }
            Step::PostPending { key, by } => {
                let by = said_of(after.held.get(key), by);
                let (pending, entry) = (self.pending(*key), self.entry(&by));
                posted(self.ledger.write(move |conn| post_pending(conn, pending, &entry, now)))
            }
            Step::Void { key } => {
                let pending = self.pending(*key);
                done(self.ledger.write(move |conn| void_pending(conn, pending, now)))
            }
            Step::Expire => done(self.ledger.write(move |conn| expire_pending(conn, now))),
        };
        Some(answer)
    }
}

fn posted(result: Result<Posted, LedgerError>) -> Answer {
    match result {
        Ok(Posted::Now(_)) => Answer::Done,
        Ok(Posted::Before(_)) => Answer::Before,
        Err(error) => refused(&error),
    }
}

fn done<T>(result: Result<T, LedgerError>) -> Answer {
    result.map_or_else(|error| refused(&error), |_| Answer::Done)
}

fn refused(error: &LedgerError) -> Answer {
    match error {
        LedgerError::InsufficientFunds { .. } => Answer::Funds,
        LedgerError::KeyReused { .. } => Answer::KeyReused,
        LedgerError::PendingEnded { outcome, .. } => Answer::Ended(*outcome),
        LedgerError::NotWhatIsPending { .. } => Answer::NotWhatIsPending,
        LedgerError::UnknownPending { .. } => Answer::Unknown,
        other => panic!("{other}"),
    }
}

struct Histories;

impl StateMachineTest for Histories {
    type SystemUnderTest = History;
    type Reference = Model;

    fn init_test(_: &Model) -> History {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let ledger = Ledger::shared();
        History {
            ledger,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            issued: ledger.balance(Account::Issuance).posted.micros(),
            pending: BTreeMap::new(),
            now: T0,
        }
    }

    fn apply(mut history: History, after: &Model, step: Step) -> History {
        let answer = history.answer(&step, after);
        assert_eq!(answer, after.answer, "{step:?}");
        history
    }

    fn check_invariants(history: &History, model: &Model) {
        for (index, (posted, pending)) in model.accounts.iter().enumerate() {
            let before = if index == ISSUANCE { history.issued } else { 0 };
            let found = history.ledger.balance(history.account(index));
            let found = (found.posted.micros() - before, found.pending.micros());
            assert_eq!(found, (*posted, *pending), "{}", history.account(index));
        }
        assert_eq!(model.accounts.iter().map(|(posted, _)| posted).sum::<i64>(), 0);
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 200, ..Config::default() })]

    #[test]
    fn a_ledger_answers_as_its_model_does(sequential 5..30 => Histories);
}
