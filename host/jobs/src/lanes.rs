//! Which of the waiting jobs may run: the oldest that finds a place at all that it needs.
//!
//! Jobs with equal needs wait in one lane, of which only the head counts. A lane is either ready, or parked at a
//! need that was full when it was looked at. Whoever makes a place free wakes the oldest lane that is parked there,
//! and a lane that was woken in vain wakes the next. So nothing is ever searched: each step costs the logarithm of
//! how many lanes there are, and it holds always that a need with a free place has no lane parked at it, unless
//! an older one that needs it is ready.

use crate::needs::{Need, Needs};
use hostler_model::JobId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The waiting jobs, and the places that the running ones hold.
pub(crate) struct Lanes {
    max_running: usize,
    running: usize,
    by_needs: HashMap<Needs, Lane>,
    /// The lanes that are not parked, by their heads.
    ready: BTreeMap<JobId, Needs>,
    /// Where somebody has a place or is parked.
    places: HashMap<Need, Places>,
}

/// Names sort by time of creation, so the head of a lane is its first job.
#[derive(Default)]
struct Lane {
    jobs: BTreeSet<JobId>,
    parked: Option<Need>,
}

#[derive(Default)]
struct Places {
    taken: u32,
    parked: BTreeMap<JobId, Needs>,
}

impl Lanes {
    pub(crate) fn new(max_running: usize) -> Self {
        let (by_needs, ready, places) = (HashMap::new(), BTreeMap::new(), HashMap::new());
        Self { max_running, running: 0, by_needs, ready, places }
    }

    /// Adds a job that waits.
    pub(crate) fn push(&mut self, id: JobId, needs: &Needs) {
        let lane = self.by_needs.entry(Arc::clone(needs)).or_default();
        let head = lane.jobs.first().copied();
        lane.jobs.insert(id);
        if head.is_none_or(|head| id < head) {
            // An older head is looked at anew.
            if let Some(head) = head {
                self.lift(head, needs);
            }
            self.ready.insert(id, Arc::clone(needs));
        }
    }

    /// Takes out a job that waits.
    pub(crate) fn remove(&mut self, id: JobId, needs: &Needs) {
        let Some(lane) = self.by_needs.get_mut(needs) else { return };
        if lane.jobs.first() == Some(&id) {
            self.lift(id, needs);
            self.advance(id, needs);
            self.wake(needs);
        } else {
            lane.jobs.remove(&id);
        }
    }

    /// The oldest job that can run. It has its places from now on.
    pub(crate) fn next(&mut self) -> Option<(JobId, Needs)> {
        while self.running < self.max_running {
            let (id, needs) = self.ready.pop_first()?;
            if let Some(full) = needs.iter().find(|need| self.is_full(need)) {
                self.by_needs.get_mut(&needs).expect("it was ready").parked = Some(full.clone());
                self.places.get_mut(full).expect("it is full").parked.insert(id, Arc::clone(&needs));
                self.wake(&needs);
                continue;
            }
            self.take(&needs);
            self.advance(id, &needs);
            self.wake(&needs);
            return Some((id, needs));
        }
        None
    }

    /// Takes places for a job that has just come, unless one that waits could have them.
    pub(crate) fn start(&mut self, needs: &Needs) -> bool {
        let starts =
            self.running < self.max_running && self.ready.is_empty() && !needs.iter().any(|need| self.is_full(need));
        if starts {
            self.take(needs);
        }
        starts
    }

    /// Gives back the places of a job that ran.
    pub(crate) fn release(&mut self, needs: &Needs) {
        self.running -= 1;
        for need in needs.iter() {
            self.places.get_mut(need).expect("it was taken").taken -= 1;
        }
        self.wake(needs);
    }

    /// In words, what keeps a job with these needs waiting; `None` if nothing does.
    pub(crate) fn waiting_for(&self, needs: &Needs) -> Option<String> {
        if let Some(Need { at, limit }) = needs.iter().find(|need| self.is_full(need)) {
            return Some(format!("{at}: {limit} of {limit} jobs run"));
        }
        let max = self.max_running;
        (self.running >= max).then(|| format!("max_running: {max} of {max} jobs run"))
    }

    /// How many jobs run.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Forgets all jobs that wait.
    pub(crate) fn clear(&mut self) {
        self.by_needs.clear();
        self.ready.clear();
        for places in self.places.values_mut() {
            places.parked.clear();
        }
    }

    fn is_full(&self, need: &Need) -> bool {
        self.places.get(need).is_some_and(|places| places.taken >= need.limit)
    }

    fn take(&mut self, needs: &Needs) {
        self.running += 1;
        for need in needs.iter() {
            self.places.entry(need.clone()).or_default().taken += 1;
        }
    }

    /// Takes a lane from where it stands.
    fn lift(&mut self, head: JobId, needs: &Needs) {
        match self.by_needs.get_mut(needs).and_then(|lane| lane.parked.take()) {
            Some(need) => {
                self.places.get_mut(&need).expect("somebody is parked there").parked.remove(&head);
                self.tidy(&need);
            }
            None => drop(self.ready.remove(&head)),
        }
    }

    /// Removes the head of a lane that stands nowhere; the next one makes the lane ready.
    fn advance(&mut self, head: JobId, needs: &Needs) {
        let Some(lane) = self.by_needs.get_mut(needs) else { return };
        lane.jobs.remove(&head);
        match lane.jobs.first() {
            Some(next) => drop(self.ready.insert(*next, Arc::clone(needs))),
            None => drop(self.by_needs.remove(needs)),
        }
    }

    /// Makes the oldest lane ready that is parked at each of these, where there is a place.
    fn wake(&mut self, needs: &Needs) {
        for need in needs.iter().filter(|need| !self.is_full(need)).cloned().collect::<Vec<_>>() {
            let woken = self.places.get_mut(&need).and_then(|places| places.parked.pop_first());
            if let Some((id, needs)) = woken {
                self.by_needs.get_mut(&needs).expect("it was parked").parked = None;
                self.ready.insert(id, needs);
            }
            self.tidy(&need);
        }
    }

    /// Forgets what nobody needs any more.
    fn tidy(&mut self, need: &Need) {
        if self.places.get(need).is_some_and(|places| places.taken == 0 && places.parked.is_empty()) {
            self.places.remove(need);
        }
    }
}

#[cfg(test)]
mod tests;
