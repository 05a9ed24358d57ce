//! Progress: from every reachable state some path of dependable steps leads to the end.
//!
//! That is stronger than the absence of deadlocks, and exact on cyclic graphs, where a checker's
//! `eventually` is not: the whole graph is built and walked backwards from the ended states.

use std::collections::HashMap;

use stateright::Model;

use crate::fleet::{Fleet, World};

/// A reachable state from which the jobs cannot end, if there is one.
pub fn stuck(fleet: &Fleet) -> Option<World> {
    let mut numbers: HashMap<World, usize> = HashMap::new();
    let mut worlds: Vec<World> = Vec::new();
    let mut before: Vec<Vec<usize>> = Vec::new();
    for world in fleet.init_states() {
        number(world, &mut numbers, &mut worlds, &mut before);
    }
    let mut next = 0;
    while next < worlds.len() {
        for (action, world) in fleet.next_steps(&worlds[next].clone()) {
            let reached = number(world, &mut numbers, &mut worlds, &mut before);
            if action.is_dependable() {
                before[reached].push(next);
            }
        }
        next += 1;
    }
    let ended = (0..worlds.len()).filter(|&at| worlds[at].is_over()).collect();
    let recovers = backwards(ended, &before);
    recovers.iter().position(|recovers| !recovers).map(|at| worlds.swap_remove(at))
}

fn number(
    world: World,
    numbers: &mut HashMap<World, usize>,
    worlds: &mut Vec<World>,
    before: &mut Vec<Vec<usize>>,
) -> usize {
    *numbers.entry(world).or_insert_with_key(|world| {
        worlds.push(world.clone());
        before.push(Vec::new());
        worlds.len() - 1
    })
}

fn backwards(mut open: Vec<usize>, before: &[Vec<usize>]) -> Vec<bool> {
    let mut seen = vec![false; before.len()];
    open.iter().for_each(|&at| seen[at] = true);
    while let Some(at) = open.pop() {
        for &earlier in &before[at] {
            if !std::mem::replace(&mut seen[earlier], true) {
                open.push(earlier);
            }
        }
    }
    seen
}
