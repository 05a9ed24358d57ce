use std::collections::{HashMap, VecDeque};

use alphafleet_domain::Queue;
use alphafleet_domain::ports::{BrokerError, Ticket};

/// One first-in, first-out line a queue.
#[derive(Debug)]
pub(super) struct Queues {
    lines: HashMap<Queue, VecDeque<Waiting>>,
    max_waiting: usize,
    closed: bool,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub ticket: Ticket,
    pub redelivered: bool,
}

impl Queues {
    pub fn new(max_waiting: usize) -> Self {
        Self { lines: HashMap::new(), max_waiting, closed: false }
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub fn close(&mut self) {
        self.closed = true;
        self.lines.clear();
    }

    pub fn waiting(&self, queue: &Queue) -> usize {
        self.lines.get(queue).map_or(0, VecDeque::len)
    }

    pub fn push(&mut self, ticket: Ticket) -> Result<(), BrokerError> {
        if self.closed {
            return Err(BrokerError::Closed);
        }
        let line = self.lines.entry(ticket.queue.clone()).or_default();
        if line.len() < self.max_waiting {
            line.push_back(Waiting { ticket, redelivered: false });
        }
        Ok(())
    }

    /// A delivery that was not acknowledged goes back to where it came from: the front.
    pub fn put_back(&mut self, ticket: Ticket) {
        if !self.closed {
            let line = self.lines.entry(ticket.queue.clone()).or_default();
            line.push_front(Waiting { ticket, redelivered: true });
        }
    }

    /// The next ticket of the queues, tried in turn from number `first`, with its queue's number.
    pub fn pop(&mut self, queues: &[Queue], first: usize) -> Option<(usize, Waiting)> {
        (first..first + queues.len()).map(|turn| turn % queues.len()).find_map(|number| {
            let waiting = self.lines.get_mut(&queues[number])?.pop_front()?;
            Some((number, waiting))
        })
    }
}
