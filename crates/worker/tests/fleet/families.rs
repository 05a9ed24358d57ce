//! Jobs that wait for their children.

use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::JobStore as _;
use serde_json::{Value, json};

use crate::handler::Script;
use crate::rig::{Rig, trial};

pub fn trials() -> Vec<libtest_mimic::Trial> {
    vec![
        trial("one_slot_is_enough_for_a_family", one_slot),
        trial("a_failed_child_stops_its_siblings", siblings),
    ]
}

async fn one_slot() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let children: Vec<Script> = (0..5).map(|number| Script::Echo(json!(number))).collect();
    let parent = rig.submit_family(&Script::Echo(json!("whole")), &children).await;
    let parent = rig.completes(parent).await;
    assert_eq!((parent.result, parent.waiting_on), (Some(json!("whole")), 0));
    for child in rig.store.children(parent.id).await.unwrap() {
        assert_eq!(rig.job(child.id).await.state.name(), StateName::Completed);
        assert!(child.finished_at <= parent.started_at, "the parent came last");
    }
    let told = rig.events_of(parent.id, "completed").await;
    let place = |what: &dyn Fn(&(&str, Value)) -> bool| told.iter().position(what).unwrap();
    let done = place(&|(_, payload)| payload["message"] == "5 of 5 shares done");
    let running = place(&|(_, payload)| payload["state"] == "running");
    assert!(done < running, "{told:?}");
    worker.stop().await;
}

async fn siblings() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(2);
    let (started, go) = (rig.path("started"), rig.path("never"));
    let endless = || Script::Until { started: started.clone(), go: go.clone() };
    let fails = Script::Fail { message: "no rows are left".to_owned(), retryable: false };
    let children = [endless(), fails, endless(), endless()];
    let parent = rig.submit_family(&Script::Echo(Value::Null), &children).await;
    // Nothing looks the children's files up here, so the parent goes on all the same.
    rig.completes(parent).await;
    let children = rig.store.children(parent).await.unwrap();
    let states: Vec<&str> = children.iter().map(|child| child.state.name().as_str()).collect();
    assert_eq!(states, ["cancelled", "failed", "cancelled", "cancelled"]);
    worker.stop().await;
}
