//! What to ask a car, and when. Pure: frames and times go in, frames and samples come out.
//!
//! It first asks which values there are (11 bits, else 29), then goes round: each value at its own period,
//! the fault codes now and then, the VIN once. One request is under way at a time. Every reason to
//! slow down doubles the pause, and every answer ends that: no answer, *busy*, a bus that is full. While
//! another tester talks, or the bus is busy, nothing is asked at all. A car that is off is asked once a
//! minute, and a parked one is left to sleep (`rest.rs`).
//!
//! **Invariant:** requests are at least the configured interval apart.

mod hearing;
mod rest;

use std::collections::VecDeque;

use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

use super::allowed::{Address, AllowedFrame, AllowedRequest};
use super::findings::Findings;
use super::load::Load;
use super::pids::{Pid, pids};
use super::settings::ObdConfig;
use super::supported::Supported;
use super::template::Templates;
use super::vin::FingerprintKey;
use crate::transport::IsoTp;
use crate::transport::isotp::Addressing;
use rest::{Asking, Rest, is_motion};

/// Time between two looks at the fault codes.
pub(super) const CODES_SECONDS: i64 = 300;
/// The longest pause.
const PAUSE_MAX: i64 = 60 * MICROS_PER_SECOND;
/// Requests without an answer after which the car counts as off, and is got to know anew.
const UNANSWERED_MAX: u32 = 5;
/// Own frames whose echo may still come.
const ECHOES_MAX: usize = 16;

/// A request and when it is due.
#[derive(Clone, Debug)]
struct Task {
    request: AllowedRequest,
    due: Timestamp,
    /// None for what is asked once.
    period: Option<i64>,
    asked_at: Option<Timestamp>,
}

/// A request that is under way.
#[derive(Clone, Debug)]
struct Waiting {
    request: AllowedRequest,
    until: Timestamp,
    answered: bool,
    refused: bool,
    /// A computer asked to be asked again.
    busy: bool,
}

/// A conversation with one car.
#[derive(Debug)]
pub struct Session {
    interval: i64,
    patience: i64,
    busy_frames: u32,
    pids: Vec<Pid>,
    templates: Templates,
    key: FingerprintKey,
    /// Whom requests to everybody go to.
    everyone: Address,
    supported: Supported,
    tasks: Vec<Task>,
    waiting: Option<Waiting>,
    next_at: Timestamp,
    /// How often the pause is doubled.
    slowdown: u32,
    unanswered: u32,
    quiet_until: Timestamp,
    last: Timestamp,
    load: Load,
    rest: Rest,
    iso_tp: IsoTp,
    go_on: VecDeque<AllowedFrame>,
    echoes: VecDeque<AllowedFrame>,
    findings: Findings,
}

impl Session {
    /// A conversation that begins at `now`.
    #[must_use]
    pub fn new(
        config: &ObdConfig,
        templates: Templates,
        key: FingerprintKey,
        now: Timestamp,
    ) -> Self {
        let mut session = Self {
            interval: MICROS_PER_SECOND / i64::from(config.requests_per_second_max.get()),
            patience: i64::from(config.answer_ms_max.get()) * 1_000,
            busy_frames: config.busy_frames_per_second.get(),
            pids: pids(),
            templates,
            key,
            everyone: Address::Everyone11,
            supported: Supported::default(),
            tasks: Vec::new(),
            waiting: None,
            next_at: now,
            slowdown: 0,
            unanswered: 0,
            quiet_until: now,
            last: now,
            load: Load::default(),
            rest: Rest::new(config.look_seconds.get().into(), now),
            iso_tp: IsoTp::new(Addressing::Normal),
            go_on: VecDeque::new(),
            echoes: VecDeque::new(),
            findings: Findings::default(),
        };
        session.begin(now, None);
        for template in session.templates.iter() {
            let period = Some(template.period_seconds * MICROS_PER_SECOND);
            let (request, asked_at) = (template.request, None);
            session.tasks.push(Task { request, due: now, period, asked_at });
        }
        session
    }

    /// The same conversation, that leaves the car alone when it is out of use for so many seconds.
    #[must_use]
    pub fn resting_after(self, seconds: u32) -> Self {
        Self { rest: self.rest.after(seconds.into()), ..self }
    }

    /// What the car has said about itself.
    #[must_use]
    pub const fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Gets to know the car. What its owner's file names goes on as it was: it needs no OBD.
    fn begin(&mut self, now: Timestamp, asked_at: Option<Timestamp>) {
        self.tasks.retain(|task| matches!(task.request.service(), 0x19 | 0x22));
        self.supported = Supported::default();
        self.unanswered = 0;
        let request = AllowedRequest::current(self.everyone, 0x00);
        self.tasks.push(Task { request, due: now, period: None, asked_at });
    }

    fn once(&mut self, request: AllowedRequest, due: Timestamp) {
        self.tasks.push(Task { request, due, period: None, asked_at: None });
    }

    fn every(&mut self, seconds: i64, request: AllowedRequest, due: Timestamp) {
        let period = Some(seconds * MICROS_PER_SECOND);
        self.tasks.push(Task { request, due, period, asked_at: None });
    }

    /// The frame to send at `now`, if there is one. Ask until there is none.
    pub fn next(&mut self, now: Timestamp) -> Option<AllowedFrame> {
        if now < self.last.plus_micros(-MICROS_PER_SECOND) {
            self.follow_clock(now);
        }
        self.last = now;
        if let Some(frame) = self.go_on.pop_front() {
            return Some(self.sent(frame));
        }
        if self.waiting.as_ref().is_some_and(|waiting| now >= waiting.until) {
            self.finish(now);
        }
        if self.waiting.is_some() || now < self.next_at || now < self.quiet_until {
            return None;
        }
        let request = self.due(now)?;
        if self.load.frames_per_second(now) > self.busy_frames {
            self.slow_down(now);
            return None;
        }
        for task in self.tasks.iter_mut().filter(|task| task.request == request) {
            task.asked_at = Some(now);
        }
        self.waiting = Some(Waiting {
            request,
            until: now.plus_micros(self.patience),
            answered: false,
            refused: false,
            busy: false,
        });
        self.next_at = now.plus_micros(self.pause());
        self.findings.requests += 1;
        Some(self.sent(request.frame()))
    }

    /// What to ask at `now`: what is due, of that which may be asked.
    fn due(&self, now: Timestamp) -> Option<AllowedRequest> {
        let times = self.tasks.iter().filter_map(|task| Some((self.due_at(task, now)?, task)));
        let due = times.filter(|(due, _)| *due <= now).min_by_key(|(due, _)| *due)?;
        Some(due.1.request)
    }

    /// When `task` is due, unless it has to wait for a sign of life.
    fn due_at(&self, task: &Task, now: Timestamp) -> Option<Timestamp> {
        match self.rest.asking(now) {
            Asking::Everything => Some(task.due),
            Asking::Motion if self.tells_motion(task.request) => {
                let next = |at: Timestamp| at.plus_micros(self.rest.look_micros(at));
                Some(task.asked_at.map_or(now, next))
            }
            Asking::Motion | Asking::Nothing => None,
        }
    }

    /// True for requests that tell whether the car runs or moves, or whether it can be asked so.
    fn tells_motion(&self, request: AllowedRequest) -> bool {
        let pid = pid_of(request);
        match request.service() {
            0x01 if Supported::is_page(pid) => true,
            0x01 => {
                let mut known = self.pids.iter().filter(|known| known.number == pid);
                known.any(|known| is_motion(known.reading.signal))
            }
            _ => {
                let mut asked = self.templates.iter().filter(|other| other.request == request);
                asked.any(|template| template.readings.iter().any(|r| is_motion(r.signal)))
            }
        }
    }

    /// When [`Self::next`] is to be called, if no frame comes before; never on a bus that sleeps.
    #[must_use]
    pub fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        if let Some(waiting) = &self.waiting {
            return Some(waiting.until);
        }
        let due = self.tasks.iter().filter_map(|task| self.due_at(task, now)).min()?;
        // A clock that is set back is noticed by then.
        let look = now.plus_micros(self.rest.look_micros(now));
        Some(due.max(self.next_at).max(self.quiet_until).min(look))
    }

    /// The last frame could not be sent: the bus is full.
    pub fn unsent(&mut self, now: Timestamp) {
        self.echoes.pop_back();
        if self.waiting.take().is_some() {
            self.findings.requests -= 1;
        }
        self.slow_down(now);
    }

    fn sent(&mut self, frame: AllowedFrame) -> AllowedFrame {
        if self.echoes.len() == ECHOES_MAX {
            self.echoes.pop_front();
        }
        self.echoes.push_back(frame);
        frame
    }

    fn pause(&self) -> i64 {
        self.interval.saturating_mul(1 << self.slowdown).min(PAUSE_MAX)
    }

    fn slow_down(&mut self, now: Timestamp) {
        self.slowdown = (self.slowdown + 1).min(12);
        self.next_at = now.plus_micros(self.pause());
    }

    /// The clock was set back: what was waited for would take hours.
    fn follow_clock(&mut self, now: Timestamp) {
        for due in self.tasks.iter_mut().map(|task| &mut task.due) {
            *due = now.min(*due);
        }
        if let Some(waiting) = &mut self.waiting {
            waiting.until = now.min(waiting.until);
        }
        for asked_at in self.tasks.iter_mut().filter_map(|task| task.asked_at.as_mut()) {
            *asked_at = now.min(*asked_at);
        }
        self.rest.follow_clock(now);
        self.quiet_until = now.min(self.quiet_until);
        self.next_at = now.plus_micros(self.interval);
    }

    /// The request under way is over.
    fn finish(&mut self, now: Timestamp) {
        let Some(waiting) = self.waiting.take() else { return };
        let request = waiting.request;
        if waiting.busy && !waiting.answered {
            self.slow_down(now);
            return;
        }
        if waiting.answered || waiting.refused {
            self.reschedule(request, waiting.refused && !waiting.answered, now);
            self.findings.answered += 1;
            (self.slowdown, self.unanswered) = (0, 0);
            self.follow_up(request, now);
            return;
        }
        self.findings.unanswered += 1;
        // The values are what a car that is on answers; whatever else it may not know.
        if request.service() != 0x01 {
            self.reschedule(request, false, now);
            return;
        }
        if !Supported::is_page(pid_of(request)) {
            self.reschedule(request, false, now);
        }
        self.slow_down(now);
        self.unanswered += 1;
        let is_stranger = self.supported.computers() == 0;
        if is_stranger || self.unanswered >= UNANSWERED_MAX {
            self.everyone = match self.everyone {
                Address::Everyone11 if is_stranger => Address::Everyone29,
                _ => Address::Everyone11,
            };
            self.begin(self.next_at, Some(now));
        }
    }

    /// Puts off what is asked again and again, and ends what is asked once or not known.
    fn reschedule(&mut self, request: AllowedRequest, is_unknown: bool, now: Timestamp) {
        self.tasks.retain_mut(|task| match task.period.filter(|_| !is_unknown) {
            _ if task.request != request => true,
            Some(period) => {
                task.due = now.plus_micros(period);
                true
            }
            None => false,
        });
    }

    /// What an answer makes worth asking.
    fn follow_up(&mut self, request: AllowedRequest, now: Timestamp) {
        let (pid, service) = (pid_of(request), request.service());
        if !matches!(service, 0x01 | 0x09) || !Supported::is_page(pid) {
            return;
        }
        if let Some(page) = self.supported.next_page(service, pid) {
            let next =
                if service == 0x01 { AllowedRequest::current } else { AllowedRequest::about };
            self.once(next(self.everyone, page), now);
            return;
        }
        if service == 0x09 {
            if self.supported.first(0x09, 0x02).is_some() {
                self.once(AllowedRequest::about(self.everyone, 0x02), now);
            }
            return;
        }
        let mut asked = None;
        for known in self.pids.clone() {
            if asked != Some(known.number) && self.supported.first(0x01, known.number).is_some() {
                asked = Some(known.number);
                let request = AllowedRequest::current(self.everyone, known.number);
                self.every(known.period_seconds, request, now);
            }
        }
        self.once(AllowedRequest::about(self.everyone, 0x00), now);
        for request in [
            AllowedRequest::stored(self.everyone),
            AllowedRequest::pending(self.everyone),
            AllowedRequest::permanent(self.everyone),
            AllowedRequest::frozen(self.everyone, 0x02),
        ] {
            self.every(CODES_SECONDS, request, now);
        }
    }
}

/// The value that a request of service 01, 02 or 09 asks for.
fn pid_of(request: AllowedRequest) -> u8 {
    let ([_, pid, _], _) = request.answer_head();
    pid
}
