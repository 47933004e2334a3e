//! Requests that this process is answering: who repeats one meanwhile is told at once, and does not wait for a connection.
//! Another process on the same database lets him wait, and gives the first answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{AnswersError, Intent};

/// Askers and keys.
type Keys = BTreeSet<(String, String)>;

/// What is being answered. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Mutex<Keys>>);

/// The time in which one request is answered.
#[derive(Debug)]
pub struct Turn {
    keys: Arc<Mutex<Keys>>,
    key: (String, String),
}

impl InFlight {
    /// Begins to answer.
    ///
    /// # Errors
    /// Refuses a key of the same asker whose turn has not ended.
    pub fn enter(&self, intent: &Intent) -> Result<Turn, AnswersError> {
        let key = (intent.asker.clone(), intent.key.to_string());
        let is_first = lock(&self.0, |keys| keys.insert(key.clone()));
        if !is_first {
            return Err(AnswersError::InFlight { key: intent.key.clone() });
        }
        Ok(Turn { keys: Arc::clone(&self.0), key })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.keys, |keys| keys.remove(&self.key));
    }
}

/// A set of keys is whole after every step, so what panicked meanwhile is of no matter.
fn lock<T>(keys: &Mutex<Keys>, step: impl FnOnce(&mut Keys) -> T) -> T {
    step(&mut keys.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::IdempotencyKey;

    #[test]
    fn one_request_of_a_key_is_answered_at_a_time() {
        let in_flight = InFlight::default();
        let intent = |asker: &str| {
            let key = IdempotencyKey::parse("k").unwrap();
            Intent::new(asker.to_owned(), key, "/", &()).unwrap()
        };

        let first = in_flight.enter(&intent("a")).unwrap();
        let error = in_flight.enter(&intent("a")).unwrap_err();
        assert!(error.to_string().contains("`k` is being answered"), "{error}");
        in_flight.enter(&intent("b")).unwrap();
        drop(first);
        in_flight.enter(&intent("a")).unwrap();
    }
}
