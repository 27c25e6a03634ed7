//! The times at which something may happen.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// Windows in one time zone.
pub(crate) struct Calendar {
    pub(crate) zone: TimeZone,
    pub(crate) windows: Vec<Window>,
    /// Days on which none is open.
    pub(crate) closed: Vec<Date>,
}

/// A time span that comes again.
pub(crate) struct Window {
    /// Days on which it opens; `None` means all.
    pub(crate) days: Option<Vec<Weekday>>,
    pub(crate) from: Time,
    /// On the next day, if it is not after `from`.
    pub(crate) to: Time,
}

impl Calendar {
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        let today = self.date(now);
        let may_hold = [today.yesterday().ok(), Some(today)].into_iter().flatten();
        !self.closed.contains(&today)
            && may_hold.flat_map(|day| self.spans(day)).any(|(from, to)| from <= now && now < to)
    }

    /// When a window opens the next time, if none is open now.
    pub(crate) fn next_opening(&self, now: Timestamp) -> Option<Zoned> {
        let yesterday = self.date(now).yesterday().ok()?;
        // Each closed day can take away one week's windows, all of them.
        let days = 7 * (self.closed.len() + 2);
        let opening = yesterday.series(1.day()).take(days).find_map(|day| {
            let ahead = self.spans(day).filter(|&(_, to)| to > now);
            ahead.filter_map(|(from, to)| self.first_open(from.max(now)).filter(|&from| from < to)).min()
        });
        opening.map(|opening| opening.to_zoned(self.zone.clone()))
    }

    /// The first moment from this one on that is on no closed day.
    fn first_open(&self, mut moment: Timestamp) -> Option<Timestamp> {
        while self.closed.contains(&self.date(moment)) {
            moment = self.instant(self.date(moment).tomorrow().ok()?, Time::midnight())?;
        }
        Some(moment)
    }

    /// Beginning and end of the windows that open on a day.
    fn spans(&self, day: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let windows = self.windows.iter().filter(move |window| window.opens_on(day.weekday()));
        windows.filter_map(move |window| {
            let last = if window.to > window.from { day } else { day.tomorrow().ok()? };
            Some((self.instant(day, window.from)?, self.instant(last, window.to)?))
        })
    }

    fn date(&self, moment: Timestamp) -> Date {
        self.zone.to_datetime(moment).date()
    }

    /// A time that clocks skip is as much later, one that they show twice is the first (RFC 5545, 3.3.5).
    fn instant(&self, day: Date, time: Time) -> Option<Timestamp> {
        self.zone.to_timestamp(day.to_datetime(time)).ok()
    }
}

impl Window {
    fn opens_on(&self, day: Weekday) -> bool {
        self.days.as_ref().is_none_or(|days| days.contains(&day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;
    use serde_json::{Value, json};

    /// In Berlin, 2026-11-28 is a Saturday; clocks skip from 2 to 3 on 2026-03-29, and from 3 back to 2 on 2026-10-25.
    fn calendar(windows: &Value, closed: &[&str]) -> Calendar {
        let settings = json!({"time_zone": "Europe/Berlin", "windows": windows, "closed": closed});
        settings::read(&settings.to_string()).unwrap_or_else(|_| panic!("good settings: {settings}"))
    }

    fn moment(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    /// In the calendar's time zone, without the zone's name.
    fn next(calendar: &Calendar, now: &str) -> Option<String> {
        assert!(!calendar.is_open(moment(now)), "{now} is open");
        calendar.next_opening(moment(now)).map(|opening| opening.strftime("%a %F %R %:z").to_string())
    }

    #[test]
    fn a_window_is_open_from_its_first_moment_until_before_its_last() {
        let calendar = calendar(&json!([{"days": ["wed"], "from": "12:00", "to": "13:30"}]), &[]);
        for (now, is_open) in [
            ("2026-11-25T10:59:59Z", false),
            ("2026-11-25T11:00:00Z", true),
            ("2026-11-25T12:29:59Z", true),
            ("2026-11-25T12:30:00Z", false),
            ("2026-11-26T11:00:00Z", false),
        ] {
            assert_eq!(calendar.is_open(moment(now)), is_open, "{now}");
        }
    }

    #[test]
    fn a_window_that_passes_midnight_belongs_to_the_day_on_which_it_opens() {
        let calendar = calendar(&json!([{"days": ["sat"], "from": "22:00", "to": "04:00"}]), &[]);
        for (now, is_open) in [
            ("2026-11-28T02:00:00Z", false),
            ("2026-11-28T21:00:00Z", true),
            ("2026-11-29T02:59:00Z", true),
            ("2026-11-29T03:00:00Z", false),
            ("2026-11-29T21:00:00Z", false),
        ] {
            assert_eq!(calendar.is_open(moment(now)), is_open, "{now}");
        }
    }

    #[test]
    fn a_window_without_days_opens_every_day_and_one_without_length_lasts_a_day() {
        let daily = calendar(&json!([{"from": "01:00", "to": "02:00"}]), &[]);
        assert!((23..30).all(|day| daily.is_open(moment(&format!("2026-11-{day}T00:30:00Z")))));
        let sunday = calendar(&json!([{"days": ["sun"], "from": "00:00", "to": "00:00"}]), &[]);
        let at = |now: &str| sunday.is_open(moment(now));
        assert_eq!([at("2026-11-28T22:59:00Z"), at("2026-11-28T23:00:00Z")], [false, true]);
        assert_eq!([at("2026-11-29T22:59:00Z"), at("2026-11-29T23:00:00Z")], [true, false]);
    }

    #[test]
    fn on_a_closed_day_nothing_is_open_from_midnight_to_midnight() {
        let calendar = calendar(&json!([{"from": "22:00", "to": "04:00"}]), &["2026-12-24"]);
        let at = |now: &str| calendar.is_open(moment(now));
        assert_eq!([at("2026-12-23T22:59:00Z"), at("2026-12-23T23:00:00Z")], [true, false]);
        assert_eq!([at("2026-12-24T22:59:00Z"), at("2026-12-24T23:00:00Z")], [false, true]);
    }

    #[test]
    fn the_next_opening_is_the_first_that_no_closed_day_takes_away() {
        let saturday = json!([{"days": ["sat"], "from": "22:00", "to": "04:00"}]);
        let from = |closed: &[&str]| next(&calendar(&saturday, closed), "2026-11-23T12:00:00Z");
        assert_eq!(from(&[]).as_deref(), Some("Sat 2026-11-28 22:00 +01:00"));
        assert_eq!(from(&["2026-11-28"]).as_deref(), Some("Sun 2026-11-29 00:00 +01:00"));
        assert_eq!(from(&["2026-11-28", "2026-11-29"]).as_deref(), Some("Sat 2026-12-05 22:00 +01:00"));
        let years: Vec<String> = (0..60)
            .map(|week| (moment("2026-11-28T12:00:00Z") + (week * 168).hours()).strftime("%F").to_string())
            .collect();
        let noon = calendar(
            &json!([{"days": ["sat"], "from": "12:00", "to": "13:00"}]),
            &years.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        assert_eq!(next(&noon, "2026-11-23T12:00:00Z").as_deref(), Some("Sat 2028-01-22 12:00 +01:00"));
        assert_eq!(next(&noon, "9999-12-29T00:00:00Z"), None);
    }

    #[test]
    fn of_several_windows_the_first_to_open_counts() {
        let windows = json!([{"days": ["fri"], "from": "12:00", "to": "13:00"}, {"days": ["tue", "thu"], "from": "20:00", "to": "21:00"}]);
        let calendar = calendar(&windows, &[]);
        assert_eq!(next(&calendar, "2026-11-24T20:00:00Z").as_deref(), Some("Thu 2026-11-26 20:00 +01:00"));
        assert_eq!(next(&calendar, "2026-11-26T20:00:00Z").as_deref(), Some("Fri 2026-11-27 12:00 +01:00"));
        assert_eq!(next(&calendar, "2026-11-27T12:00:00Z").as_deref(), Some("Tue 2026-12-01 20:00 +01:00"));
    }

    #[test]
    fn a_beginning_that_clocks_skip_is_as_much_later() {
        let calendar = calendar(&json!([{"from": "02:30", "to": "04:00"}]), &[]);
        assert_eq!(next(&calendar, "2026-03-29T00:00:00Z").as_deref(), Some("Sun 2026-03-29 03:30 +02:00"));
        assert!(!calendar.is_open(moment("2026-03-29T01:29:00Z")));
        assert!(calendar.is_open(moment("2026-03-29T01:30:00Z")));
        assert!(!calendar.is_open(moment("2026-03-29T02:00:00Z")));
    }

    #[test]
    fn what_clocks_show_twice_is_the_first_of_both() {
        let until = calendar(&json!([{"from": "01:00", "to": "02:30"}]), &[]);
        let at = |now: &str| until.is_open(moment(now));
        assert_eq!([at("2026-10-25T00:29:00Z"), at("2026-10-25T00:30:00Z")], [true, false]);
        assert!(!at("2026-10-25T01:29:00Z"), "02:29 comes again");
        let since = calendar(&json!([{"from": "02:30", "to": "03:00"}]), &[]);
        assert_eq!(next(&since, "2026-10-25T00:00:00Z").as_deref(), Some("Sun 2026-10-25 02:30 +02:00"));
        assert!(since.is_open(moment("2026-10-25T01:59:00Z")), "it goes on until clocks show 03:00");
    }

    #[test]
    fn hours_follow_the_clocks_through_the_year() {
        let calendar = calendar(&json!([{"from": "12:00", "to": "13:00"}]), &[]);
        assert!(calendar.is_open(moment("2026-01-15T11:30:00Z")));
        assert!(calendar.is_open(moment("2026-07-15T10:30:00Z")));
        assert!(calendar.is_open(moment("2076-07-15T10:30:00Z")));
    }
}
