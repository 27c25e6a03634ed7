//! The table of API keys.

use super::Sqlite;
use super::row::{self, to_json};
use crate::KeyDigest;
use crate::store::KeyStore;
use futures::future::BoxFuture;
use hostler_model::{Failure, KeyInfo};
use jiff::Timestamp;
use rusqlite::{named_params, params};

impl KeyStore for Sqlite {
    fn keys(&self) -> BoxFuture<'_, Result<Vec<(KeyDigest, KeyInfo)>, Failure>> {
        Box::pin(self.read(|connection| connection.prepare(KEYS)?.query_map([], row::key)?.collect()))
    }

    fn add_key<'a>(&'a self, digest: KeyDigest, key: &'a KeyInfo) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(async move {
            let KeyInfo { caller, rate, created_at, created_by, expires_at, last_used_at: _ } = key.clone();
            let scopes = to_json(&caller.scopes)?;
            let drivers = caller.drivers.as_ref().map(to_json).transpose()?;
            let hosts = caller.hosts.as_ref().map(to_json).transpose()?;
            let rate = rate.as_ref().map(to_json).transpose()?;
            self.change_one(move |connection| {
                let values = named_params! {
                    ":name": caller.name, ":digest": digest.bytes(), ":scopes": scopes, ":drivers": drivers,
                    ":hosts": hosts, ":rate": rate, ":created_at": created_at.as_microsecond(),
                    ":created_by": created_by, ":expires_at": expires_at.map(Timestamp::as_microsecond),
                };
                connection.execute(ADD, values)
            })
            .await
        })
    }

    fn remove_key<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, Failure>> {
        let name = name.to_owned();
        Box::pin(self.change_one(move |connection| connection.execute("DELETE FROM keys WHERE name = ?", [name])))
    }

    fn note_use(&self, name: &str, at: Timestamp) {
        let name = name.to_owned();
        self.writer.note("the use of a key", move |connection| {
            connection.prepare_cached(NOTE_USE)?.execute(params![name, at.as_microsecond()])
        });
    }
}

const KEYS: &str = "
    SELECT digest, name, scopes, drivers, hosts, rate, created_at, created_by, expires_at, last_used_at
    FROM keys ORDER BY name";
const ADD: &str = "
    INSERT INTO keys (name, digest, scopes, drivers, hosts, rate, created_at, created_by, expires_at)
    VALUES (:name, :digest, :scopes, :drivers, :hosts, :rate, :created_at, :created_by, :expires_at)
    ON CONFLICT (name) DO NOTHING";
const NOTE_USE: &str = "UPDATE keys SET last_used_at = ?2 WHERE name = ?1";
