//! Whether the bus sleeps, and so the agent: a parked car's battery is not ours.
//!
//! The pump says so when no frame has come for as long as the owner set, and takes it back with the next
//! frame. Everything that would wake the computer by itself waits for [`Quiet::over`].
//!
//! **Invariant:** who waits here is woken by a frame alone, never by a timer.

use tokio::sync::watch;

/// Shared by the tasks of one agent.
#[derive(Clone, Debug)]
pub struct Quiet(watch::Sender<bool>);

impl Default for Quiet {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Quiet {
    /// Says whether the bus sleeps.
    pub fn set(&self, is_quiet: bool) {
        self.0.send_if_modified(|before| std::mem::replace(before, is_quiet) != is_quiet);
    }

    /// True while it sleeps.
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it sleeps.
    pub async fn begun(&self) {
        self.wait_for(true).await;
    }

    /// Waits until it is awake.
    pub async fn over(&self) {
        self.wait_for(false).await;
    }

    async fn wait_for(&self, wanted: bool) {
        // Can not fail: this holds the sender.
        self.0.subscribe().wait_for(|is_quiet| *is_quiet == wanted).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_with_the_change_and_not_before() {
        let quiet = Quiet::default();
        quiet.over().await;
        quiet.set(true);
        assert!(quiet.is_on());
        quiet.begun().await;
        let waiting = tokio::spawn({
            let quiet = quiet.clone();
            async move { quiet.over().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        quiet.set(false);
        waiting.await.unwrap();
    }
}
