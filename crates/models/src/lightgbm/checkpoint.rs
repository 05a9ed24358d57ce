use alphafleet_lightgbm::Parameters;
use serde::{Deserialize, Serialize};

use super::BoostingFit;
use crate::{BoostedTrees, Design, History, ModelError};

/// All that a fit needs to go on where it was, together with its own input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Rounds done.
    pub round: u32,
    /// Bags of rows drawn in them.
    pub bags: u32,
    /// Rounds without a tree since the last tree.
    pub barren: u32,
    /// The trees of these rounds.
    pub model: BoostedTrees,
    /// How many of them there were after each round.
    pub trees: Vec<u32>,
    /// The round with the lowest validation loss so far.
    pub best_round: Option<u32>,
    /// The loss there.
    pub best_score: Option<f64>,
    pub history: History,
    /// Of the parameters and the data, so that no other run goes on from here.
    pub fingerprint: String,
}

impl Checkpoint {
    pub(super) fn check(&self, fingerprint: &str, columns: usize) -> Result<(), ModelError> {
        let fail = |reason: &str| Err(ModelError::Checkpoint(reason.to_owned()));
        if self.fingerprint != fingerprint {
            return fail("its parameters or its data are others");
        }
        let trees = self.trees.last().map(|trees| *trees as usize);
        let rounds = self.trees.len() == self.round as usize && self.trees.is_sorted();
        if !rounds || trees != Some(self.model.rounds()) || self.model.columns() != columns {
            return fail("its trees are not those of its rounds");
        }
        let complete = |points: &[(u32, Option<f64>)]| {
            points.len() == self.round as usize
                && points.iter().zip(1..).all(|((round, _), at)| *round == at)
        };
        if !self.history.0.iter().all(|series| complete(&series.points)) {
            return fail("its history has gaps");
        }
        Ok(())
    }
}

/// Tells runs apart, not attackers: a checkpoint is trusted as much as the place it lies in.
pub(super) fn fingerprint(fit: &BoostingFit<'_>, parameters: &Parameters) -> String {
    let mut hash = Hash::default();
    // The number of rounds and their early end do not change the trees.
    for (key, value) in parameters.iter().filter(|(key, _)| *key != "num_iterations") {
        hash.bytes(key.as_bytes());
        hash.bytes(value.as_bytes());
    }
    for design in [Some(&fit.train), fit.valid.as_ref()].into_iter().flatten() {
        hash.design(design);
    }
    format!("{:016x}{:016x}", hash.0, hash.1)
}

/// Two FNV-1a sums over 32-bit words with different primes.
struct Hash(u64, u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325, 0x9e37_79b9_7f4a_7c15)
    }
}

impl Hash {
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        self.1 = (self.1.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        bytes.iter().for_each(|byte| self.word(u64::from(*byte)));
    }

    fn design(&mut self, design: &Design<'_>) {
        self.word(design.rows as u64);
        self.word(design.columns as u64);
        for value in design.features.iter().chain(design.label) {
            self.word(u64::from(value.to_bits()));
        }
    }
}
