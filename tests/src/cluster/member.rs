use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{children_of, eventually, is_alive};

/// One process of a fleet. It is killed when dropped.
pub struct Member {
    process: Child,
    pub url: String,
    /// What it has logged.
    said: Arc<Mutex<Vec<String>>>,
}

impl Member {
    /// Starts a process that says where it serves.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("the process says where it serves").unwrap();
            if let Some((_, url)) = line.split_once(" serves http") {
                break format!("http{url}");
            }
            eprintln!("{line}");
        };
        // Somebody has to read on, else the process would block on a full pipe.
        let (pid, said) = (process.id(), Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("[{pid}] {line}");
                kept.lock().unwrap().push(line);
            }
        });
        Self { process, url, said }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The children it has now; of a worker, those that run jobs or wait for them.
    pub fn children(&self) -> Vec<u32> {
        children_of(self.pid())
    }

    /// Ends it without warning, and waits until its children are gone too.
    pub async fn kill_9(&mut self) {
        let children = self.children();
        self.signal(Signal::SIGKILL);
        self.process.wait().unwrap();
        eventually("the children's end", Duration::from_secs(10), async || {
            (!children.iter().any(|&pid| is_alive(pid))).then_some(())
        })
        .await;
    }

    /// Asks for an orderly end and answers whether there was one.
    pub fn stop(&mut self) -> bool {
        self.signal(Signal::SIGTERM);
        self.process.wait().unwrap().success()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().try_into().unwrap()), signal).unwrap();
    }

    pub fn signal_to(pid: u32, signal: Signal) {
        kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
    }

    /// The child that a worker has said works for a session.
    pub async fn child_of(&self, session: &str) -> u32 {
        let what = format!("a child for {session}");
        eventually(&what, Duration::from_secs(20), async || self.last_child_of(session)).await
    }

    /// The last such child it has told of so far.
    pub fn last_child_of(&self, session: &str) -> Option<u32> {
        let job = format!("job={session} ");
        let said = self.said.lock().unwrap();
        let tells = |line: &&String| line.contains(" running ") && line.contains(&job);
        let line = said.iter().rev().find(tells)?;
        line.split("child=").nth(1)?.split_whitespace().next()?.parse().ok()
    }

    pub async fn until_ready(&self) {
        let what = format!("{} is ready", self.url);
        eventually(&what, Duration::from_secs(30), async || {
            let answer = reqwest::get(format!("{}/readyz", self.url)).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
