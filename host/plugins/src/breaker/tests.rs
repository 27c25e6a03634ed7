use super::*;
use proptest::prelude::*;

const CONFIG: BreakerConfig = BreakerConfig { failures: 3, wait: 10, max_wait: 60 };

fn seconds(time: u64) -> Duration {
    Duration::from_secs(time)
}

/// A breaker that failures in carrying out have opened, and what a job had to call by then.
fn opened(now: Instant) -> (Breaker, Pass) {
    let breaker = Breaker::new(CONFIG);
    let pass = breaker.admit(Step::Work, None, now).expect("it is closed");
    let waits = [(); 3].map(|()| breaker.failed(pass, now));
    assert_eq!(waits, [None, None, Some(seconds(10))]);
    (breaker, pass)
}

#[test]
fn it_opens_after_failures_in_a_row_of_one_step() {
    let now = Instant::now();
    let breaker = Breaker::new(CONFIG);
    let pass = |step| breaker.admit(step, None, now).expect("it is closed");
    let (work, preparation) = (pass(Step::Work), pass(Step::Preparation));
    for _ in 0..10 {
        assert_eq!(breaker.failed(work, now), None);
        assert_eq!(breaker.failed(work, now), None);
        assert_eq!(breaker.failed(preparation, now), None);
        breaker.succeeded(Step::Preparation);
        breaker.succeeded(Step::Work);
    }
    assert_eq!(breaker.info(now).state, BreakerState::Closed);
    let (breaker, pass) = opened(now);
    assert_eq!(breaker.admit(Step::Work, Some(pass), now), Err(seconds(10)), "nor does a job go on that had begun");
    assert_eq!(breaker.admit(Step::Work, None, now + seconds(4)), Err(seconds(6)));
    let info = breaker.info(now + seconds(4));
    assert_eq!((info.state, info.failures, info.opened), (BreakerState::Open, 3, 1));
}

#[test]
fn what_fails_in_one_step_neither_stops_nor_saves_another() {
    let now = Instant::now();
    let (breaker, _) = opened(now);
    for step in [Step::Preparation, Step::Visit] {
        breaker.admit(step, None, now).expect("it may be called for that");
        assert!(!breaker.succeeded(step));
    }
    assert_eq!(breaker.admit(Step::Work, None, now), Err(seconds(10)));
    let visit = breaker.admit(Step::Visit, None, now).expect("it is closed");
    for _ in 0..3 {
        breaker.failed(visit, now + seconds(5));
    }
    let info = breaker.info(now + seconds(10));
    assert_eq!((info.state, info.opened), (BreakerState::Open, 2), "what is open longest is shown");
}

#[test]
fn one_job_tries_and_its_end_decides() {
    let start = Instant::now();
    let (breaker, _) = opened(start);
    let now = start + seconds(10);
    assert_eq!(breaker.info(now).state, BreakerState::HalfOpen);
    let pass = breaker.admit(Step::Work, None, now).expect("it tries");
    assert_eq!(breaker.admit(Step::Work, None, now), Err(seconds(10)), "one at a time");
    assert_eq!(breaker.admit(Step::Work, Some(pass), now), Ok(pass), "it goes on");
    assert_eq!(breaker.failed(pass, now), Some(seconds(20)));
    breaker.take_back(pass, now);
    assert_eq!(breaker.admit(Step::Work, Some(pass), now), Err(seconds(20)), "that was decided");
    let now = now + seconds(20);
    breaker.admit(Step::Work, None, now).expect("it tries");
    assert!(breaker.succeeded(Step::Work));
    assert_eq!(breaker.info(now).state, BreakerState::Closed);
    breaker.admit(Step::Work, None, now).expect("it is closed");
}

#[test]
fn a_try_that_comes_to_nothing_is_followed_by_another() {
    let start = Instant::now();
    let (breaker, before) = opened(start);
    let now = start + seconds(10);
    let pass = breaker.admit(Step::Work, None, now).expect("it tries");
    breaker.take_back(before, now);
    assert_eq!(breaker.admit(Step::Work, None, now), Err(seconds(10)), "that one was not to try");
    breaker.take_back(pass, now);
    breaker.admit(Step::Work, None, now).expect("the first is over");
    breaker.admit(Step::Work, None, now + seconds(10)).expect("nothing was heard of the second");
}

#[test]
fn failures_of_jobs_that_began_before_it_opened_do_not_prolong_it() {
    let now = Instant::now();
    let (breaker, pass) = opened(now);
    for _ in 0..64 {
        assert_eq!(breaker.failed(pass, now), None);
    }
    assert_eq!(breaker.admit(Step::Work, None, now), Err(seconds(10)));
}

#[test]
fn it_never_opens_where_the_operator_says_so() {
    let now = Instant::now();
    let breaker = Breaker::new(BreakerConfig { failures: 0, ..CONFIG });
    let pass = breaker.admit(Step::Work, None, now).expect("it is closed");
    assert!((0..100).all(|_| breaker.failed(pass, now).is_none()));
}

/// What may happen to a breaker.
#[derive(Clone, Debug)]
enum Happening {
    /// A job comes to be called for this.
    Comes(Step),
    /// A call of one of the jobs that came ends.
    Ends { job: usize, well: bool },
    /// One of them is over.
    Leaves { job: usize },
    /// So many seconds pass.
    Later(u64),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let step = prop_oneof![Just(Step::Preparation), Just(Step::Work), Just(Step::Visit)];
    let ends = (any::<usize>(), proptest::bool::weighted(0.2));
    let one = prop_oneof![
        2 => step.prop_map(Happening::Comes),
        3 => ends.prop_map(|(job, well)| Happening::Ends { job, well }),
        1 => any::<usize>().prop_map(|job| Happening::Leaves { job }),
        2 => (0..40_u64).prop_map(Happening::Later),
    ];
    proptest::collection::vec(one, 0..300)
}

/// For how long nobody may call, by step.
fn left(breaker: &Breaker, now: Instant) -> [Option<Duration>; 3] {
    breaker.circuits().each_ref().map(|circuit| circuit.left(now))
}

/// How often it opened for this.
fn openings(breaker: &Breaker, step: Step) -> u64 {
    breaker.circuits()[step as usize].opened
}

proptest! {
    /// Whatever happens: it opens only after enough failures in a row; while it is open, no more than one job comes in
    /// as long as it waits, unless that job is over, and that time stays within its bounds; it always lets somebody try in
    /// the end; and what happens in one step changes nothing in another.
    #[test]
    fn it_keeps_its_promises(happenings in happenings()) {
        let breaker = Breaker::new(CONFIG);
        let mut now = Instant::now();
        let (mut passes, mut in_a_row, mut last_in) = (Vec::<Pass>::new(), [0; 3], [None::<Instant>; 3]);
        for happening in happenings {
            let before = left(&breaker, now);
            let step = match happening {
                Happening::Later(time) => {
                    now += seconds(time);
                    continue;
                }
                Happening::Comes(step) => {
                    let (before, last_in) = (before[step as usize], &mut last_in[step as usize]);
                    match breaker.admit(step, None, now) {
                        Ok(pass) => {
                            if before.is_some() {
                                prop_assert!(last_in.is_none_or(|last| now - last >= seconds(10)));
                                *last_in = Some(now);
                            }
                            passes.push(pass);
                        }
                        Err(left) => {
                            prop_assert_eq!(before, Some(left));
                            prop_assert!(left > Duration::ZERO && left <= seconds(60));
                        }
                    }
                    step
                }
                Happening::Ends { job, well } if !passes.is_empty() => {
                    let pass = passes[job % passes.len()];
                    let (step, opened) = (pass.step, openings(&breaker, pass.step));
                    let (is_open, in_a_row) = (before[step as usize].is_some(), &mut in_a_row[step as usize]);
                    if well {
                        *in_a_row = 0;
                        prop_assert_eq!(breaker.succeeded(step), is_open);
                        last_in[step as usize] = None;
                    } else if let Some(wait) = breaker.failed(pass, now) {
                        *in_a_row += 1;
                        prop_assert!(is_open || *in_a_row >= 3);
                        prop_assert!(wait >= seconds(10) && wait <= seconds(60));
                        prop_assert_eq!(openings(&breaker, step), opened + 1);
                        last_in[step as usize] = Some(now);
                    } else if !is_open {
                        *in_a_row += 1;
                        prop_assert!(*in_a_row < 3);
                    }
                    step
                }
                Happening::Leaves { job } if !passes.is_empty() => {
                    let pass = passes.swap_remove(job % passes.len());
                    let (step, was_to_try) = (pass.step, pass.opened == openings(&breaker, pass.step));
                    breaker.take_back(pass, now);
                    if was_to_try {
                        last_in[step as usize] = None;
                        prop_assert!(left(&breaker, now)[step as usize].is_none_or(|left| left.is_zero()));
                    } else {
                        prop_assert_eq!(left(&breaker, now)[step as usize], before[step as usize]);
                    }
                    step
                }
                Happening::Ends { .. } | Happening::Leaves { .. } => continue,
            };
            let after = left(&breaker, now);
            prop_assert!((0..3).all(|other| other == step as usize || after[other] == before[other]));
        }
    }
}
