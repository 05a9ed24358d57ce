use std::sync::Arc;

use alphafleet_domain::ports::{Subscription, SubscriptionItem};
use alphafleet_domain::{Cursor, Event};
use futures::Stream;
use futures::stream::unfold;

/// Bytes of payload that a part holds at most, if it is more than one event.
const MOST_BYTES: usize = 64 << 10;

/// What of a subscription can be handed out in one go.
#[derive(Debug)]
pub(super) enum Part {
    Events(Vec<Arc<Event>>),
    Gap { resume_after: Cursor },
}

/// A subscription as a stream, which may be polled without losing what it waits for.
pub(super) fn items(
    subscription: Box<dyn Subscription>,
) -> impl Stream<Item = SubscriptionItem> + Send {
    unfold(subscription, |mut subscription| async move {
        subscription.next().await.map(|item| (item, subscription))
    })
}

/// Puts neighbouring events together.
pub(super) fn parts(items: Vec<SubscriptionItem>) -> Vec<Part> {
    let (mut parts, mut room) = (Vec::new(), 0);
    for item in items {
        match item {
            SubscriptionItem::Gap { resume_after } => parts.push(Part::Gap { resume_after }),
            SubscriptionItem::Event(event) => {
                let weight = weight(&event);
                match parts.last_mut() {
                    Some(Part::Events(events)) if weight <= room => {
                        events.push(event);
                        room -= weight;
                    }
                    _ => {
                        parts.push(Part::Events(vec![event]));
                        room = MOST_BYTES.saturating_sub(weight);
                    }
                }
            }
        }
    }
    parts
}

/// About what an event's frame comes to, without writing it: large payloads hold lists of points
/// or lines.
fn weight(event: &Event) -> usize {
    let lists = event.body.payload.as_object().into_iter().flat_map(|fields| fields.values());
    let entries: usize = lists.filter_map(|value| value.as_array()).flatten().map(entry).sum();
    256 + entries
}

fn entry(value: &serde_json::Value) -> usize {
    let text = value.get("message").and_then(|message| message.as_str());
    128 + text.map_or(0, str::len)
}
