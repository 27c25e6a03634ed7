//! Filters in the words of SQL.

use crate::{Filter, Page, State};
use jiff::Timestamp;
use rusqlite::ToSql;

const STATES: [State; 5] = [State::Queued, State::Started, State::Finished, State::Failed, State::Canceled];

/// The columns that stand before `state` and `id` in an index, the most selective first.
const INDEXED: [(&str, &str); 4] =
    [("batch", "jobs_by_batch"), ("host", "jobs_by_host"), ("driver", "jobs_by_driver"), ("caller", "jobs_by_caller")];

/// Which rows are meant.
pub(super) struct Selection {
    states: Vec<State>,
    tests: Vec<(&'static str, &'static str)>,
    values: Vec<(&'static str, Box<dyn ToSql + Send>)>,
}

impl Selection {
    pub(super) fn new(filter: Filter) -> Self {
        let mut selection = Self { states: filter.states.into_iter().collect(), tests: vec![], values: vec![] };
        let texts = |ids: Vec<_>| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        selection.test("id", "id = :id", ":id", filter.id.map(|id| id.to_string()));
        let ids = filter.ids.map(|ids| serde_json::to_string(&texts(ids)).expect("texts have a JSON form"));
        selection.test("id", "id IN (SELECT value FROM json_each(:ids))", ":ids", ids);
        selection.test("batch", "batch = :batch", ":batch", filter.batch.map(|batch| batch.to_string()));
        selection.test("host", "host = :host", ":host", filter.host);
        selection.test("caller", "caller = :caller", ":caller", filter.caller);
        selection.test("driver", "driver = :driver", ":driver", filter.driver);
        let pinned = filter.pinned.map(|pinned| pinned.to_string());
        selection.test("options", "ifnull(options ->> 'pinned', 0) = (:pinned = 'true')", ":pinned", pinned);
        selection.test("id", "id >= :after", ":after", filter.created_after.map(first_name));
        selection.test("id", "id < :before", ":before", filter.created_before.map(first_name));
        selection
    }

    fn test(&mut self, column: &'static str, test: &'static str, name: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.tests.push((column, test));
            self.values.push((name, Box::new(value)));
        }
    }

    /// Adds a value that the statement names itself.
    pub(super) fn with(mut self, name: &'static str, value: impl ToSql + Send + 'static) -> Self {
        self.values.push((name, Box::new(value)));
        self
    }

    /// What to bind.
    pub(super) fn values(&self) -> Vec<(&str, &dyn ToSql)> {
        self.values.iter().map(|(name, value)| (*name, &**value as &dyn ToSql)).collect()
    }

    /// The condition that all tests hold, but for the one of the state.
    fn tests(&self) -> String {
        self.tests.iter().fold(String::from("TRUE"), |condition, (_, test)| condition + " AND " + test)
    }

    /// The condition for rows in this state; `None` if no such row is meant.
    pub(super) fn in_state(&self, state: State) -> Option<String> {
        let meant = self.states.is_empty() || self.states.contains(&state);
        meant.then(|| format!("state = '{state}' AND {}", self.tests()))
    }

    /// The condition for all rows that are meant.
    pub(super) fn condition(&self) -> String {
        let states: Vec<String> = self.states.iter().map(|state| format!("'{state}'")).collect();
        let states = if states.is_empty() { String::new() } else { format!(" AND state IN ({})", states.join(", ")) };
        self.tests() + &states
    }

    /// One page of these rows, newest first. Each index is sorted by name within a state only: so the page is picked
    /// from the pages of all states. That leaves no filter a long way to go, whatever is in the table.
    pub(super) fn page(mut self, columns: &str, page: Page) -> (String, Self) {
        self.test("id", "id < :cursor", ":cursor", page.before.map(|id| id.to_string()));
        let limit = page.limit;
        let names_one = self.tests.iter().any(|(_, test)| test.contains("= :id") || test.contains(":ids"));
        let index = INDEXED.iter().find(|(column, _)| self.tests.iter().any(|(tested, _)| tested == column));
        if names_one || (index.is_none() && self.states.is_empty()) {
            let sql = format!("SELECT {columns} FROM jobs WHERE {} ORDER BY id DESC LIMIT {limit}", self.condition());
            return (sql, self);
        }
        let index = index.map_or("jobs_by_state", |(_, index)| index);
        let in_each = STATES.iter().filter_map(|state| self.in_state(*state)).map(|condition| {
            let rows = format!("FROM jobs INDEXED BY {index} WHERE {condition} ORDER BY id DESC LIMIT {limit}");
            format!("SELECT id FROM (SELECT id {rows})")
        });
        let picked = in_each.collect::<Vec<_>>().join(" UNION ALL ");
        let picked = format!("SELECT id FROM ({picked}) ORDER BY id DESC LIMIT {limit}");
        (format!("SELECT {columns} FROM jobs WHERE id IN ({picked}) ORDER BY id DESC"), self)
    }
}

/// The first name that a job may have that is created at this time or later: names begin with their time.
fn first_name(time: Timestamp) -> String {
    let milliseconds = time.as_microsecond().max(0).unsigned_abs().div_ceil(1000);
    format!("{:08x}-{:04x}", milliseconds >> 16, milliseconds & 0xffff)
}
