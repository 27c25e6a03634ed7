//! Which files are the same on both sides already, so that they are left alone.

use super::hash::{local_hash, read_back, remote_hashes};
use super::tree::ends_all;
use super::walk::attributes;
use super::work::Work;
use crate::blocking::blocking;
use crate::{Attributes, Compare, FileKind, Step};
use futures::future::try_join_all;
use hostler_model::{Direction, Failure, HashAlgorithm, Phase};
use std::collections::HashMap;
use std::path::PathBuf;

/// Files of the server that are looked at at once.
const LOOKS: usize = 64;

/// Files that are hashed here at once.
const HASHES: usize = 4;

/// A file on both sides.
pub(super) struct Pair {
    /// Below the root of the daemon's side.
    pub(super) local: PathBuf,
    pub(super) remote: String,
    /// What the walk told of the side that it comes from.
    pub(super) source: Attributes,
}

impl Work {
    /// Which of these files the transfer leaves alone. What may not be looked at is no such file.
    pub(super) async fn same(&self, pairs: &[Pair]) -> Result<Vec<bool>, Failure> {
        if self.transfer.compare == Compare::Never {
            return Ok(vec![false; pairs.len()]);
        }
        let mut same = Vec::with_capacity(pairs.len());
        for some in pairs.chunks(LOOKS) {
            same.extend(try_join_all(some.iter().map(|pair| self.looks_same(pair))).await?);
        }
        if let Compare::Hash(algorithm) = self.transfer.compare {
            let mut alike: Vec<_> = pairs.iter().zip(&mut same).filter(|(_, same)| **same).collect();
            let paths: Vec<_> = alike.iter().map(|(pair, _)| pair.remote.as_str()).collect();
            let told = remote_hashes(self, &paths, algorithm).await?;
            for some in alike.chunks_mut(HASHES) {
                let comparing = some.iter().map(|(pair, _)| self.same_hash(pair, &told, algorithm));
                let compared = try_join_all(comparing).await?;
                for ((_, same), is_same) in some.iter_mut().zip(compared) {
                    **same = is_same;
                }
            }
        }
        Ok(same)
    }

    /// Whether a file may be the same, by what is known about both sides of it.
    async fn looks_same(&self, pair: &Pair) -> Result<bool, Failure> {
        let target = match self.transfer.direction {
            Direction::Upload => self.target_there(pair).await?,
            Direction::Download => self.target_here(pair).await?,
        };
        let Some(target) = target.filter(|target| target.kind == FileKind::File) else { return Ok(false) };
        let source = &pair.source;
        let as_new = self.transfer.compare != Compare::SizeAndTime || target.modified == source.modified;
        Ok(as_new && target.size.is_some() && target.size == source.size)
    }

    async fn target_there(&self, pair: &Pair) -> Result<Option<Attributes>, Failure> {
        if !self.may_see(pair).await? {
            return Ok(None);
        }
        let target = self.client.stat(pair.remote.as_bytes()).await.map_err(|error| self.refused(&pair.remote, error));
        match target {
            Ok(target) => Ok(Some(target.into())),
            Err(failure) if ends_all(&failure) => Err(failure),
            Err(_) => Ok(None),
        }
    }

    async fn target_here(&self, pair: &Pair) -> Result<Option<Attributes>, Failure> {
        let (root, path) = (self.transfer.local.root.clone(), pair.local.clone());
        let target = blocking(Phase::Transfer, move || Some(attributes(&root.symlink_metadata(path).ok()?)));
        let target = target.await?;
        // By its hash the server's file is read.
        let reads = target.is_some() && matches!(self.transfer.compare, Compare::Hash(_));
        Ok(if reads && !self.may_see(pair).await? { None } else { target })
    }

    /// Whether the file may be moved, and so be looked at.
    async fn may_see(&self, pair: &Pair) -> Result<bool, Failure> {
        let (remote, local, size) = (pair.remote.as_str(), &*self.shown(&pair.local), pair.source.size);
        let admitted = self.admit(match self.transfer.direction {
            Direction::Upload => Step::Write { remote, local, size: size.unwrap_or_default() },
            Direction::Download => Step::Read { remote, local, size },
        });
        match admitted.await {
            Err(failure) if ends_all(&failure) => Err(failure),
            admitted => Ok(admitted.is_ok()),
        }
    }

    async fn same_hash(
        &self,
        pair: &Pair,
        told: &HashMap<&str, String>,
        algorithm: HashAlgorithm,
    ) -> Result<bool, Failure> {
        match self.hashes(pair, told, algorithm).await {
            Ok((here, there)) => Ok(here == there),
            Err(failure) if ends_all(&failure) => Err(failure),
            // Whatever it is, moving it will show.
            Err(_) => Ok(false),
        }
    }

    async fn hashes(
        &self,
        pair: &Pair,
        told: &HashMap<&str, String>,
        algorithm: HashAlgorithm,
    ) -> Result<(String, String), Failure> {
        let there = match told.get(pair.remote.as_str()) {
            Some(hash) => hash.clone(),
            None => read_back(self, &pair.remote, algorithm).await?,
        };
        Ok((local_hash(&self.transfer.local.root, &pair.local, None, algorithm).await?, there))
    }
}
