use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use alphafleet_domain::job::{Failure, FailureCode};

use super::os;
use crate::frame::{FromChild, MAX_FRAME_BYTES};

/// The private pipe to the supervisor. A child that cannot be heard any more ends.
#[derive(Debug, Clone)]
pub(super) struct Output(Arc<Mutex<File>>);

impl Output {
    pub(super) fn new(pipe: File) -> Self {
        Self(Arc::new(Mutex::new(pipe)))
    }

    pub(super) fn send(&self, frame: &FromChild) {
        let line = match encode(frame) {
            Ok(line) => line,
            Err(complaint) => {
                eprintln!("a frame was not sent: {complaint}");
                return;
            }
        };
        let mut pipe = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pipe.write_all(&line).is_err() {
            os::end_group();
        }
    }

    /// Sends the frame that ends an attempt; if it cannot be sent, a failure that says why.
    pub(super) fn send_last(&self, frame: &FromChild) {
        match (encode(frame), frame.lease()) {
            (Err(complaint), Some(lease)) => {
                let message = format!("the result cannot be handed over: {complaint}");
                let failure = Failure::permanent(FailureCode::HandlerError, message);
                self.send(&FromChild::Failed { lease, failure });
            }
            _ => self.send(frame),
        }
    }
}

fn encode(frame: &FromChild) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(frame).map_err(|error| error.to_string())?;
    if line.len() > MAX_FRAME_BYTES {
        return Err(format!(
            "it is {} bytes long and may be {MAX_FRAME_BYTES}; hand large things over as files",
            line.len()
        ));
    }
    line.push(b'\n');
    Ok(line)
}
