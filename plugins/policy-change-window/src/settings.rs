//! The operator's settings.

use crate::Calendar;
use crate::calendar::Window;
use hostler_sdk::Problem;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZoneDatabase;
use serde::Deserialize;

#[derive(Deserialize)]
struct WrittenSettings {
    time_zone: String,
    windows: Vec<WrittenWindow>,
    #[serde(default)]
    closed: Vec<String>,
}

#[derive(Deserialize)]
struct WrittenWindow {
    days: Option<Vec<Day>>,
    from: String,
    to: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Reads a JSON object. Every wrong time is a problem of its own.
pub(crate) fn read(text: &str) -> Result<Calendar, Vec<Problem>> {
    let written: WrittenSettings =
        serde_json::from_str(text).map_err(|error| vec![Problem::value(error.to_string())])?;
    let mut problems = Vec::new();
    let windows = Problem::read_each("windows", written.windows, &mut problems, Window::read);
    let closed = Problem::read_each("closed", written.closed, &mut problems, |text| {
        text.parse::<Date>().map_err(|_| Problem::value("There is no such day: write it like 2026-12-24."))
    });
    let zone = TimeZoneDatabase::bundled().get(&written.time_zone).map_err(|_| {
        let message = format!("There is no time zone `{}`: write it like Europe/Berlin.", written.time_zone);
        problems.push(Problem::new(["time_zone"], "value_error", message));
    });
    match zone {
        Ok(zone) if problems.is_empty() => Ok(Calendar { zone, windows, closed }),
        _ => Err(problems),
    }
}

impl Window {
    fn read(written: WrittenWindow) -> Result<Self, Problem> {
        let days = written.days.map(|days| days.into_iter().map(Weekday::from).collect());
        Ok(Self { days, from: time("from", &written.from)?, to: time("to", &written.to)? })
    }
}

fn time(field: &str, text: &str) -> Result<Time, Problem> {
    text.parse().map_err(|_| Problem::new([field], "value_error", "There is no such time: write it like 22:00."))
}

impl From<Day> for Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Mon => Self::Monday,
            Day::Tue => Self::Tuesday,
            Day::Wed => Self::Wednesday,
            Day::Thu => Self::Thursday,
            Day::Fri => Self::Friday,
            Day::Sat => Self::Saturday,
            Day::Sun => Self::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let problems = read(text).err().unwrap_or_default();
        problems.iter().map(|problem| problem.path.join(".")).collect()
    }

    #[test]
    fn each_wrong_time_is_named_by_its_path() {
        let settings = r#"{"time_zone": "Europe/Atlantis", "closed": ["2026-02-30"],
            "windows": [{"from": "22:00", "to": "04:00"}, {"from": "22:61", "to": "04:00"}, {"from": "01:00", "to": "x"}]}"#;
        assert_eq!(problems(settings), ["windows.1.from", "windows.2.to", "closed.0", "time_zone"]);
    }

    #[test]
    fn good_settings_have_no_problems() {
        let settings = r#"{"time_zone": "UTC", "windows": [{"days": ["mon"], "from": "00:00", "to": "00:00"}]}"#;
        assert!(problems(settings).is_empty());
    }
}
