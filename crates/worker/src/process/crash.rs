use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use alphafleet_domain::job::{Failure, FailureCode};
use nix::sys::signal::Signal;

const LAST_WORDS_BYTES: usize = 2_000;
/// What runtimes say when an allocation fails.
const NO_MEMORY: [&str; 4] = ["memory allocation of ", "bad_alloc", "MemoryError", "out of memory"];

/// Why a child ended that nobody told to, in words.
pub(crate) struct Crash<'a> {
    /// `None` if the system did not say.
    pub status: Option<ExitStatus>,
    /// The last lines of its standard error, oldest first.
    pub last_words: &'a [String],
    /// Whether the kernel killed something of our control group for memory meanwhile.
    pub kernel_out_of_memory: bool,
}

impl Crash<'_> {
    pub fn failure(&self) -> Failure {
        let (code, retryable, what) = self.cause();
        let message = match self.quote() {
            Some(words) => format!("{what}; its last words: {words}"),
            None => what,
        };
        Failure { code, message, retryable }
    }

    fn cause(&self) -> (FailureCode, bool, String) {
        let signal = self.status.and_then(|status| status.signal());
        let exit_code = self.status.and_then(|status| status.code());
        let name = signal.map(name);
        if signal == Some(Signal::SIGKILL as i32) && self.kernel_out_of_memory {
            let what = "memory ran out and the system killed the process".to_owned();
            return (FailureCode::OutOfMemory, true, what);
        }
        if exit_code != Some(0) && self.allocation_failed() {
            let what = "memory ran out: the process could not allocate what it needed".to_owned();
            return (FailureCode::OutOfMemory, true, what);
        }
        match (signal, name, exit_code) {
            (Some(signal), Some(name), _) => {
                // An instruction this processor lacks will be lacking next time.
                let retryable = signal != Signal::SIGILL as i32;
                let what = format!("the process was ended by signal {signal} ({name})");
                (FailureCode::ProcessKilled, retryable, what)
            }
            (_, _, Some(0)) => {
                let what = "the process ended (exit code 0) without a result".to_owned();
                (FailureCode::ProcessExited, false, what)
            }
            (_, _, Some(code)) => {
                let what = format!("the process ended with exit code {code} before it was done");
                (FailureCode::ProcessExited, true, what)
            }
            _ => {
                let what = "the process ended, and the system does not say how".to_owned();
                (FailureCode::ProcessKilled, true, what)
            }
        }
    }

    fn allocation_failed(&self) -> bool {
        self.last_words.iter().any(|line| NO_MEMORY.iter().any(|phrase| line.contains(phrase)))
    }

    fn quote(&self) -> Option<String> {
        // A backtrace says little to the job's owner; what stands before it does.
        let traced = self.last_words.iter().position(|line| line == "stack backtrace:");
        let said = &self.last_words[..traced.unwrap_or(self.last_words.len())];
        let mut words = String::new();
        for line in said.iter().rev() {
            if words.len() + line.len() > LAST_WORDS_BYTES {
                break;
            }
            words = if words.is_empty() { line.clone() } else { format!("{line}\n{words}") };
        }
        if words.is_empty() { None } else { Some(words) }
    }
}

fn name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| "unnamed".to_owned(), |one| one.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `raw` as `wait` reports it: the signal in the low byte, the exit code above.
    fn failure(raw: i32, last_words: &[&str], kernel_out_of_memory: bool) -> Failure {
        let last_words: Vec<String> = last_words.iter().map(|&line| line.to_owned()).collect();
        let status = Some(ExitStatus::from_raw(raw));
        Crash { status, last_words: &last_words, kernel_out_of_memory }.failure()
    }

    #[test]
    fn every_end_is_told_apart() {
        type Case<'a> = (i32, &'a [&'a str], bool, FailureCode, bool, &'a str);
        let cases: [Case<'_>; 8] = [
            (11, &[], false, FailureCode::ProcessKilled, true, "signal 11 (SIGSEGV)"),
            (9, &[], false, FailureCode::ProcessKilled, true, "signal 9 (SIGKILL)"),
            (9, &[], true, FailureCode::OutOfMemory, true, "memory ran out"),
            (4, &[], false, FailureCode::ProcessKilled, false, "signal 4 (SIGILL)"),
            (
                6,
                &["memory allocation of 8 bytes failed"],
                false,
                FailureCode::OutOfMemory,
                true,
                "memory ran out",
            ),
            (3 << 8, &["no such file"], false, FailureCode::ProcessExited, true, "exit code 3"),
            (0, &["bad_alloc is handled"], false, FailureCode::ProcessExited, false, "result"),
            (6, &["assertion failed"], true, FailureCode::ProcessKilled, true, "SIGABRT"),
        ];
        for (raw, words, kernel, code, retryable, says) in cases {
            let failure = failure(raw, words, kernel);
            assert_eq!((failure.code, failure.retryable), (code, retryable), "{raw}");
            assert!(failure.message.contains(says), "{}", failure.message);
            assert!(words.iter().all(|word| failure.message.contains(word)));
        }
    }
}
