//! The policy `policy-change-window`: when jobs are accepted and carried out.
//!
//! ```json
//! {
//!   "time_zone": "Europe/Berlin",
//!   "windows": [{"days": ["sat", "sun"], "from": "22:00", "to": "04:00"}],
//!   "closed": ["2026-12-24"]
//! }
//! ```
//!
//! What began in a window may go on after it.

mod calendar;
mod settings;

use calendar::Calendar;
use hostler_sdk::policy::{Action, Context, Denial, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use jiff::Timestamp;

/// The policy.
pub struct ChangeWindow(Calendar);

impl Policy for ChangeWindow {
    fn describe() -> Description {
        Description {
            name: "policy-change-window".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Lets jobs happen at certain times only.".into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn new(settings: &str) -> Result<Self, Vec<Problem>> {
        settings::read(settings).map(Self)
    }

    fn review(&self, context: &Context, _job: &Job) -> Judgement {
        judge(&self.0, context).into()
    }

    fn authorize(&self, context: &Context, _action: &Action) -> Verdict {
        judge(&self.0, context).into()
    }
}

/// Jobs and actions of every kind alike: this is about the time only.
fn judge(calendar: &Calendar, context: &Context) -> Result<(), Denial> {
    let now = i64::try_from(context.now_ms).map_err(Denial::unreadable)?;
    let now = Timestamp::from_millisecond(now).map_err(Denial::unreadable)?;
    if calendar.is_open(now) {
        return Ok(());
    }
    let next = match calendar.next_opening(now) {
        Some(opening) => opening.strftime("The next one opens on %A, %Y-%m-%d, at %H:%M (%Q).").to_string(),
        None => "None opens in the time to come.".into(),
    };
    Err(Denial::new("window-closed", format!("It is outside the change windows now. {next}")))
}

hostler_sdk::policy!(ChangeWindow);

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_sdk::{Request, Target};

    const SETTINGS: &str =
        r#"{"time_zone": "Europe/Berlin", "windows": [{"days": ["sat"], "from": "22:00", "to": "04:00"}]}"#;

    fn target() -> Target {
        Target { host: "a".into(), port: 22, user: "admin".into(), jumps: vec![] }
    }

    /// What is said about a job, and about each kind of action.
    fn verdicts(now_ms: u64) -> Vec<Judgement> {
        let policy = ChangeWindow::new(SETTINGS).expect("settings");
        let context = Context { settings: SETTINGS.into(), now_ms, may_amend: true };
        let action = |kind: &str| {
            let (job, driver, kind) = ("1".into(), "paramiko".into(), kind.into());
            Action { job, driver, kind, target: target(), details: "{}".into() }
        };
        let (connection_args, driver_args) = ("{}".into(), "{}".into());
        let request = Request { command: None, config: None, connection_args, driver_args, secrets: vec![] };
        let job = Job { id: "1".into(), driver: "paramiko".into(), target: target(), request };
        let kinds = ["connect", "exec", "read-file", "teleport"];
        let actions = kinds.iter().map(|kind| policy.authorize(&context, &action(kind)).into());
        [policy.review(&context, &job)].into_iter().chain(actions).collect()
    }

    fn at(now: &str) -> Vec<Judgement> {
        let now: Timestamp = now.parse().expect("a moment");
        verdicts(u64::try_from(now.as_millisecond()).expect("after 1970"))
    }

    #[test]
    fn in_a_window_everything_may_happen() {
        let verdicts = at("2026-11-28T22:00:00Z");
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Judgement::Allow)), "{verdicts:?}");
    }

    #[test]
    fn outside_nothing_happens_and_the_denial_says_when_the_next_one_opens() {
        for verdict in at("2026-11-28T20:59:59Z") {
            let Judgement::Deny(denial) = verdict else { panic!("it is denied") };
            assert_eq!(denial.code, "window-closed");
            let next = "The next one opens on Saturday, 2026-11-28, at 22:00 (Europe/Berlin).";
            assert_eq!(denial.reason, format!("It is outside the change windows now. {next}"));
        }
    }

    #[test]
    fn what_cannot_be_judged_is_denied() {
        let verdicts = verdicts(u64::MAX);
        assert!(
            verdicts.iter().all(|verdict| matches!(verdict, Judgement::Deny(denial) if denial.code == "cannot-judge"))
        );
    }
}
