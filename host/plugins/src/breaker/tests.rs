use super::*;
use proptest::prelude::*;

const CONFIG: BreakerConfig = BreakerConfig { failures: 3, wait: 10, max_wait: 60 };

fn seconds(time: u64) -> Duration {
    Duration::from_secs(time)
}

/// A breaker that failures in carrying out have opened, and what a job had to call by then.
fn opened(now: Instant) -> (Breaker, Pass) {
    let breaker = Breaker::new(CONFIG);
    let pass = breaker.admit(None, now).expect("it is closed");
    let waits = [(); 3].map(|()| breaker.failed(Step::Work, pass, now));
    assert_eq!(waits, [None, None, Some(seconds(10))]);
    (breaker, pass)
}

#[test]
fn it_opens_after_failures_in_a_row_of_one_step() {
    let now = Instant::now();
    let breaker = Breaker::new(CONFIG);
    let pass = breaker.admit(None, now).expect("it is closed");
    for _ in 0..10 {
        assert_eq!(breaker.failed(Step::Work, pass, now), None);
        assert_eq!(breaker.failed(Step::Work, pass, now), None);
        assert_eq!(breaker.failed(Step::Preparation, pass, now), None);
        breaker.succeeded(Step::Preparation);
        breaker.succeeded(Step::Work);
    }
    assert_eq!(breaker.info(now).state, BreakerState::Closed);
    let (breaker, pass) = opened(now);
    assert_eq!(breaker.admit(Some(pass), now), Err(seconds(10)), "nor does a job go on that had begun");
    assert_eq!(breaker.admit(None, now + seconds(4)), Err(seconds(6)));
    let info = breaker.info(now + seconds(4));
    assert_eq!((info.state, info.failures, info.opened), (BreakerState::Open, 3, 1));
}

#[test]
fn one_job_tries_and_its_end_decides() {
    let start = Instant::now();
    let (breaker, _) = opened(start);
    let now = start + seconds(10);
    assert_eq!(breaker.info(now).state, BreakerState::HalfOpen);
    let pass = breaker.admit(None, now).expect("it tries");
    assert_eq!(breaker.admit(None, now), Err(seconds(10)), "one at a time");
    assert_eq!(breaker.admit(Some(pass), now), Ok(pass), "it goes on");
    assert!(!breaker.succeeded(Step::Preparation), "that is not what failed");
    assert_eq!(breaker.failed(Step::Work, pass, now), Some(seconds(20)));
    assert_eq!(breaker.admit(Some(pass), now), Err(seconds(20)));
    let now = now + seconds(20);
    breaker.admit(None, now).expect("it tries");
    assert!(breaker.succeeded(Step::Work));
    assert_eq!(breaker.info(now).state, BreakerState::Closed);
    breaker.admit(None, now).expect("it is closed");
}

#[test]
fn a_try_that_comes_to_nothing_is_followed_by_another() {
    let start = Instant::now();
    let (breaker, _) = opened(start);
    breaker.admit(None, start + seconds(10)).expect("it tries");
    breaker.admit(None, start + seconds(20)).expect("nothing was heard of the first");
}

#[test]
fn failures_of_jobs_that_began_before_it_opened_do_not_prolong_it() {
    let now = Instant::now();
    let (breaker, pass) = opened(now);
    for _ in 0..64 {
        assert_eq!(breaker.failed(Step::Work, pass, now), None);
    }
    assert_eq!(breaker.admit(None, now), Err(seconds(10)));
}

#[test]
fn it_never_opens_where_the_operator_says_so() {
    let now = Instant::now();
    let breaker = Breaker::new(BreakerConfig { failures: 0, ..CONFIG });
    let pass = breaker.admit(None, now).expect("it is closed");
    assert!((0..100).all(|_| breaker.failed(Step::Work, pass, now).is_none()));
}

/// What may happen to a breaker.
#[derive(Clone, Debug)]
enum Happening {
    /// A job comes.
    Comes,
    /// A call of one of the jobs that came ends.
    Ends { job: usize, step: bool, well: bool },
    /// So many seconds pass.
    Later(u64),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let ends = (any::<usize>(), any::<bool>(), proptest::bool::weighted(0.2));
    let ends = ends.prop_map(|(job, step, well)| Happening::Ends { job, step, well });
    let one = prop_oneof![Just(Happening::Comes), ends, (0..40_u64).prop_map(Happening::Later)];
    proptest::collection::vec(one, 0..200)
}

proptest! {
    /// Whatever happens: it opens only after enough failures in a row; while it is open, no more than one job comes in
    /// as long as it waits, and that time stays within its bounds; and it always lets somebody try in the end.
    #[test]
    fn it_keeps_its_promises(happenings in happenings()) {
        let breaker = Breaker::new(CONFIG);
        let mut now = Instant::now();
        let (mut passes, mut in_a_row, mut last_in) = (Vec::new(), [0; 2], None::<Instant>);
        for happening in happenings {
            let before = breaker.info(now);
            match happening {
                Happening::Later(time) => now += seconds(time),
                Happening::Comes => match breaker.admit(None, now) {
                    Ok(pass) => {
                        if before.state != BreakerState::Closed {
                            prop_assert!(last_in.is_none_or(|last| now - last >= seconds(10)));
                            last_in = Some(now);
                        }
                        passes.push(pass);
                    }
                    Err(left) => {
                        prop_assert_eq!(before.state, BreakerState::Open);
                        prop_assert!(left <= seconds(60));
                        prop_assert!(breaker.info(now + left).state == BreakerState::HalfOpen);
                    }
                },
                Happening::Ends { job, step, well } if !passes.is_empty() => {
                    let (pass, step) = (passes[job % passes.len()], if step { Step::Work } else { Step::Preparation });
                    if well {
                        in_a_row[step as usize] = 0;
                        let closed = breaker.succeeded(step);
                        prop_assert_eq!(closed, before.state != BreakerState::Closed && in_a_row.iter().all(|it| *it < 3));
                    } else if breaker.failed(step, pass, now).is_some() {
                        in_a_row[step as usize] += 1;
                        prop_assert!(before.state != BreakerState::Closed || in_a_row[step as usize] >= 3);
                        prop_assert_eq!(breaker.info(now).opened, before.opened + 1);
                        last_in = Some(now);
                    } else if before.state == BreakerState::Closed {
                        in_a_row[step as usize] += 1;
                        prop_assert!(in_a_row[step as usize] < 3);
                    }
                }
                Happening::Ends { .. } => {}
            }
            if breaker.info(now).state == BreakerState::Closed {
                last_in = None;
            }
        }
    }
}
