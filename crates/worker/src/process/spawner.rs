use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Order = (Command, oneshot::Sender<io::Result<Child>>);

/// Starts processes from one thread that lives as long as its worker. The kernel tells a child
/// that its parent died when the *thread* that started it ends, and a runtime's threads come and
/// go.
#[derive(Debug)]
pub(super) struct Spawner(Sender<Order>);

impl Spawner {
    /// Must be called within a runtime.
    pub fn start() -> io::Result<Self> {
        let (sender, orders) = mpsc::channel::<Order>();
        let runtime = Handle::current();
        thread::Builder::new().name("child-spawner".to_owned()).spawn(move || {
            let _entered = runtime.enter();
            for (mut command, answer) in orders {
                // Nobody waits any more: the child is killed as it is dropped.
                let _ = answer.send(command.spawn());
            }
        })?;
        Ok(Self(sender))
    }

    pub async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (answer, spawned) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts children is gone");
        self.0.send((command, answer)).map_err(|_| gone())?;
        spawned.await.map_err(|_| gone())?
    }
}
