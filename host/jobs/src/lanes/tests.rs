use super::*;
use crate::needs::Key;
use proptest::prelude::*;

fn need(name: &str, limit: u32) -> Need {
    Need { at: Key::Driver(name.into()), limit }
}

/// Looks at all jobs that wait, oldest first, as often as it is asked.
#[derive(Default)]
struct Plain {
    waiting: BTreeMap<JobId, Needs>,
    running: Vec<(JobId, Needs)>,
}

impl Plain {
    fn fits(&self, needs: &Needs, max_running: usize) -> bool {
        let taken = |need| self.running.iter().filter(|(_, needs)| needs.contains(need)).count();
        self.running.len() < max_running && needs.iter().all(|need| taken(need) < need.limit as usize)
    }

    fn next(&mut self, max_running: usize) -> Option<JobId> {
        let (id, _) = self.waiting.iter().find(|(_, needs)| self.fits(needs, max_running))?;
        let (id, needs) = self.waiting.remove_entry(&id.clone())?;
        self.running.push((id, needs));
        Some(id)
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A job comes, with the needs of this number; or an older one comes late.
    Push {
        needs: usize,
        late: bool,
    },
    /// One that comes begins at once if it may.
    Start {
        needs: usize,
    },
    Next,
    Cancel {
        which: prop::sample::Index,
    },
    End {
        which: prop::sample::Index,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..NEEDS, any::<bool>()).prop_map(|(needs, late)| Step::Push { needs, late }),
        1 => (0..NEEDS).prop_map(|needs| Step::Start { needs }),
        3 => Just(Step::Next),
        1 => any::<prop::sample::Index>().prop_map(|which| Step::Cancel { which }),
        3 => any::<prop::sample::Index>().prop_map(|which| Step::End { which }),
    ]
}

const NEEDS: usize = 8;

/// All combinations of three limits.
fn needs(number: usize) -> Needs {
    let all = [need("a", 1), need("b", 2), need("c", 3)];
    all.into_iter().enumerate().filter(|(bit, _)| number & (1 << bit) != 0).map(|(_, need)| need).collect()
}

proptest! {
    #[test]
    fn the_next_is_always_the_oldest_that_fits(max in 1..6_usize, steps in prop::collection::vec(step(), 1..200)) {
        let (mut lanes, mut plain) = (Lanes::new(max), Plain::default());
        let mut names: Vec<JobId> = (0..steps.len()).map(|_| JobId::new()).collect();
        for step in steps {
            match step {
                Step::Push { needs: number, late } => {
                    let id = if late { names.remove(0) } else { names.pop().expect("one for each step") };
                    lanes.push(id, &needs(number));
                    plain.waiting.insert(id, needs(number));
                }
                Step::Start { needs: number } => {
                    let needs = needs(number);
                    // One that waits and could run goes first.
                    let expected = plain.fits(&needs, max) && !plain.waiting.values().any(|it| plain.fits(it, max));
                    let started = lanes.start(&needs);
                    prop_assert!(expected || !started);
                    if started {
                        plain.running.push((names.remove(0), needs));
                    }
                }
                Step::Next => prop_assert_eq!(lanes.next().map(|(id, _)| id), plain.next(max)),
                Step::Cancel { which } => {
                    let waiting: Vec<_> = plain.waiting.keys().copied().collect();
                    if !waiting.is_empty() {
                        let id = *which.get(&waiting);
                        lanes.remove(id, &plain.waiting.remove(&id).expect("it waits"));
                    }
                }
                Step::End { which } => {
                    if !plain.running.is_empty() {
                        let (_, needs) = plain.running.remove(which.index(plain.running.len()));
                        lanes.release(&needs);
                    }
                }
            }
            prop_assert_eq!(lanes.running, plain.running.len());
        }
        // No job is forgotten: all run once there is room.
        loop {
            let next = lanes.next().map(|(id, _)| id);
            prop_assert_eq!(next, plain.next(max));
            if next.is_none() {
                let Some((_, needs)) = plain.running.pop() else { break };
                lanes.release(&needs);
            }
        }
        prop_assert!(plain.waiting.is_empty() && lanes.by_needs.is_empty() && lanes.ready.is_empty());
        prop_assert!(lanes.places.is_empty(), "what nobody needs any more is forgotten");
    }
}

#[test]
fn a_job_is_told_what_it_waits_for() {
    let mut lanes = Lanes::new(3);
    let (pinned, free) = (Needs::from([need("a", 1)]), Needs::from([need("b", 2)]));
    assert!(lanes.start(&pinned));
    assert_eq!(lanes.waiting_for(&pinned).as_deref(), Some("driver a: 1 of 1 jobs run"));
    assert_eq!(lanes.waiting_for(&free), None);
    assert!(lanes.start(&free) && lanes.start(&free));
    let other = Needs::from([]);
    assert_eq!(lanes.waiting_for(&other).as_deref(), Some("max_running: 3 of 3 jobs run"));
}
