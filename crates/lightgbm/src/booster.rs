use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::raw::BoosterHandle;
use crate::{Dataset, Error, Layout, Matrix, Parameters};

/// Rows that are predicted at a time.
const CHUNK_ROWS: usize = 16_384;

/// How a feature's importance is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportanceKind {
    /// How many splits use the feature.
    Split = 0,
    /// The sum of the gains of these splits.
    Gain = 1,
}

/// Boosted trees: in training when made with [`Booster::new`], for prediction only when read
/// with [`Booster::from_text`]. It keeps its data sets alive.
pub struct Booster {
    handle: BoosterHandle,
}

impl fmt::Debug for Booster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Booster").finish_non_exhaustive()
    }
}

impl Booster {
    /// A booster without trees on `train`.
    ///
    /// # Errors
    /// When LightGBM refuses a parameter.
    pub fn new(train: &Dataset, parameters: &Parameters) -> Result<Self, Error> {
        let train = Arc::clone(&train.handle);
        Ok(Self { handle: BoosterHandle::new(train, &parameters.to_string())? })
    }

    /// Reads what [`Booster::text`] gives. The text is checked first: every tree is complete and
    /// leads nowhere but to its own leaves.
    ///
    /// # Errors
    /// When the text is not a model of numeric splits with one output.
    pub fn from_text(model: &str) -> Result<Self, Error> {
        Ok(Self { handle: BoosterHandle::from_text(model)? })
    }

    /// Adds a data set to evaluate on; it must have been made with the training set as reference.
    pub fn add_valid(&mut self, valid: &Dataset) -> Result<(), Error> {
        self.handle.add_valid(Arc::clone(&valid.handle))
    }

    /// Grows the next tree. True when no split was left that is worth it: no tree was added,
    /// except a constant one in the very first round.
    pub fn update_one_iter(&mut self) -> Result<bool, Error> {
        self.handle.update()
    }

    /// Takes the last tree back.
    pub fn rollback(&mut self) -> Result<(), Error> {
        self.handle.rollback()
    }

    /// Changes parameters between two rounds. It draws the next round's features anew, and
    /// re-seeds only what is given a different seed.
    pub fn reset_parameters(&mut self, parameters: &Parameters) -> Result<(), Error> {
        self.handle.reset(&parameters.to_string())
    }

    /// Puts copies of the trees of `other` before this booster's own. The scores on the data sets
    /// do not change: they are the caller's business through the initial score.
    pub fn merge(&mut self, other: &Booster) -> Result<(), Error> {
        let (expected, found) = (self.features()?, other.features()?);
        if expected != found {
            return Err(Error::Shape { what: "a row of the merged model", expected, found });
        }
        self.handle.merge(&other.handle)
    }

    /// How many rounds of trees there are.
    pub fn current_iteration(&self) -> Result<usize, Error> {
        self.handle.current_iteration()
    }

    /// How many features a row has.
    pub fn features(&self) -> Result<usize, Error> {
        self.handle.features()
    }

    /// LightGBM's own metrics on data set `data` (0 the training set, then the validation sets
    /// in order), by name. Their last bits may depend on the order in which threads finish.
    pub fn eval(&self, data: usize) -> Result<Vec<(String, f64)>, Error> {
        let names = self.handle.metric_names()?;
        Ok(names.into_iter().zip(self.handle.eval(data)?).collect())
    }

    /// The current score of every row of data set `data`, into `scores`.
    pub fn scores(&self, data: usize, scores: &mut Vec<f64>) -> Result<(), Error> {
        self.handle.scores(data, scores)
    }

    /// The raw score of every row by the first `rounds` rounds (`None`: all), computed in chunks
    /// of rows with `threads` threads. A row's score depends neither on chunks nor on threads.
    pub fn predict(
        &self,
        matrix: Matrix<'_>,
        rounds: Option<usize>,
        threads: usize,
    ) -> Result<Vec<f64>, Error> {
        let (expected, found) = (self.features()?, matrix.columns());
        if expected != found {
            return Err(Error::Shape { what: "a row", expected, found });
        }
        let rounds = rounds_argument(rounds)?;
        let parameters = Parameters::new().with("num_threads", threads).with("verbosity", -1);
        let parameters = parameters.to_string();
        let mut scores = vec![0.0; matrix.rows()];
        if rounds == Some(0) || self.current_iteration()? == 0 {
            return Ok(scores);
        }
        let mut buffer = Vec::new();
        for from in (0..matrix.rows()).step_by(CHUNK_ROWS) {
            let to = matrix.rows().min(from + CHUNK_ROWS);
            matrix.copy_rows(from, to, &mut buffer);
            let chunk = Matrix::new(&buffer, to - from, matrix.columns(), Layout::RowMajor)?;
            let out = &mut scores[from..to];
            self.handle.predict(chunk, rounds.unwrap_or(-1), &parameters, out)?;
        }
        Ok(scores)
    }

    /// One number a feature, over the first `rounds` rounds (`None`: all).
    pub fn feature_importance(
        &self,
        kind: ImportanceKind,
        rounds: Option<usize>,
    ) -> Result<Vec<f64>, Error> {
        let rounds = rounds_argument(rounds)?;
        if rounds == Some(0) {
            return Ok(vec![0.0; self.features()?]);
        }
        self.handle.importance(rounds.unwrap_or(-1), kind as i32)
    }

    /// The model as LightGBM's text, of the first `rounds` rounds (`None`: all).
    pub fn text(&self, rounds: Option<usize>) -> Result<String, Error> {
        let rounds = rounds_argument(rounds)?;
        if rounds == Some(0) {
            return Err(Error::Model("a text of no rounds was asked for".to_owned()));
        }
        self.handle.text(rounds.unwrap_or(-1))
    }

    /// Writes [`Booster::text`] to a file.
    pub fn save(&self, path: &Path, rounds: Option<usize>) -> Result<(), Error> {
        let text = self.text(rounds)?;
        std::fs::write(path, text).map_err(|source| Error::Save { path: path.to_owned(), source })
    }
}

fn rounds_argument(rounds: Option<usize>) -> Result<Option<i32>, Error> {
    rounds
        .map(|found| {
            i32::try_from(found).map_err(|_| Error::TooLarge { what: "a number of rounds", found })
        })
        .transpose()
}
