//! LightGBM reads a model's text trusting its sizes and node numbers. What is checked here keeps
//! a damaged or hostile text from leading it outside its own arrays.

use std::collections::HashMap;
use std::str::FromStr;

use crate::Error;

/// Lists with one entry for each inner node, and whether a tree must have them.
const NODE_LISTS: &[(&str, bool)] = &[
    ("split_feature", true),
    ("split_gain", false),
    ("threshold", true),
    ("decision_type", true),
    ("left_child", true),
    ("right_child", true),
    ("internal_value", false),
    ("internal_weight", false),
    ("internal_count", false),
];
const LEAF_LISTS: &[(&str, bool)] =
    &[("leaf_value", true), ("leaf_weight", false), ("leaf_count", false)];
const SCALARS: &[&str] = &["num_leaves", "num_cat", "is_linear", "shrinkage"];
const HEADER: &[&str] = &[
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
    "tree_sizes",
];
const FEATURES_MAX: usize = 1_000_000;
const LEAVES_MAX: usize = 1 << 20;

type Fields<'a> = HashMap<&'a str, &'a str>;

/// Accepts the text of a model of numeric splits with one output a row.
pub(crate) fn validate(text: &str) -> Result<(), Error> {
    if text.contains(['\0', '\r']) {
        return fail("it holds a NUL or a carriage return");
    }
    let (head, trees) = split(text)?;
    let Some(head) = head.strip_prefix("tree\n") else { return fail("it does not begin so") };
    let fields = fields(head)?;
    known(&fields, HEADER)?;
    for (key, wanted) in [("num_class", "1"), ("num_tree_per_iteration", "1")] {
        if fields.get(key) != Some(&wanted) {
            return fail(format!("{key} is not {wanted}"));
        }
    }
    number::<u32>("label_index", &fields)?;
    let features = number::<usize>("max_feature_idx", &fields)?.saturating_add(1);
    if features > FEATURES_MAX {
        return fail(format!("{features} features are too many"));
    }
    for key in ["feature_names", "feature_infos"] {
        list::<String>(key, &fields, features)?;
    }
    let sizes = list::<usize>("tree_sizes", &fields, trees.len())?;
    for (at, (tree, size)) in trees.iter().zip(sizes).enumerate() {
        if tree.len() != size {
            return fail(format!("tree {at} is not as long as it says"));
        }
        check_tree(at, tree, features)?;
    }
    Ok(())
}

/// The header, and each tree from its `Tree=` to the next.
fn split(text: &str) -> Result<(&str, Vec<&str>), Error> {
    let Some(end) = text.find("\nend of trees\n") else { return fail("its trees do not end") };
    let body = &text[..=end];
    let starts: Vec<usize> = body.match_indices("\nTree=").map(|(at, _)| at + 1).collect();
    let Some(first) = starts.first() else { return fail("it has no tree") };
    let ends = starts.iter().skip(1).copied().chain([body.len()]);
    let trees = starts.iter().zip(ends).map(|(start, end)| &body[*start..end]).collect();
    Ok((&body[..*first], trees))
}

fn fields(text: &str) -> Result<Fields<'_>, Error> {
    let mut fields = Fields::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once('=') else {
            return fail(format!("a line without '=': {:?}", shorten(line)));
        };
        if fields.insert(key, value).is_some() {
            return fail(format!("{:?} twice", shorten(key)));
        }
    }
    Ok(fields)
}

fn check_tree(at: usize, text: &str, features: usize) -> Result<(), Error> {
    let Some((title, rest)) = text.split_once('\n') else { return fail("a tree without lines") };
    if title != format!("Tree={at}") {
        return fail(format!("{:?} where tree {at} should be", shorten(title)));
    }
    // LightGBM reads a tree up to the first empty line.
    let Some((body, tail)) = rest.split_once("\n\n") else { return fail("a tree without end") };
    if !tail.bytes().all(|byte| byte == b'\n') {
        return fail(format!("tree {at} goes on after its end"));
    }
    let fields = fields(body)?;
    let lists = NODE_LISTS.iter().chain(LEAF_LISTS).map(|(key, _)| *key);
    known(&fields, &SCALARS.iter().copied().chain(lists).collect::<Vec<_>>())?;
    for key in ["num_cat", "is_linear"] {
        if number::<u32>(key, &fields)? != 0 {
            return fail(format!("tree {at} has {key}, which is not supported"));
        }
    }
    number::<f64>("shrinkage", &fields)?;
    let leaves = number::<usize>("num_leaves", &fields)?;
    if !(1..=LEAVES_MAX).contains(&leaves) {
        return fail(format!("tree {at} has {leaves} leaves"));
    }
    for (lists, length) in [(NODE_LISTS, leaves - 1), (LEAF_LISTS, leaves)] {
        for (key, required) in lists {
            if *required || fields.get(key).is_some_and(|value| !value.is_empty()) {
                list::<f64>(key, &fields, length)?;
            }
        }
    }
    check_nodes(at, &fields, leaves - 1, features)
}

/// Every node but the root has one parent, before it: the nodes make one tree and end in leaves.
fn check_nodes(at: usize, fields: &Fields<'_>, nodes: usize, features: usize) -> Result<(), Error> {
    if list::<usize>("split_feature", fields, nodes)?.iter().any(|feature| *feature >= features) {
        return fail(format!("tree {at} splits on a feature there is not"));
    }
    // Bit 0 is a categorical split; bits 2 and 3 say which values are missing: 0, 1 or 2.
    if list::<u8>("decision_type", fields, nodes)?.iter().any(|kind| kind & 1 == 1 || *kind > 11) {
        return fail(format!("tree {at} has an unknown kind of split"));
    }
    let left = list::<i64>("left_child", fields, nodes)?;
    let right = list::<i64>("right_child", fields, nodes)?;
    let (mut inner, mut leaves) = (vec![false; nodes], vec![false; nodes + 1]);
    for (node, children) in left.iter().zip(&right).enumerate() {
        for child in [*children.0, *children.1] {
            let seen = match usize::try_from(child) {
                Ok(child) if child > node => inner.get_mut(child),
                Ok(_) => None,
                Err(_) => usize::try_from(!child).ok().and_then(|leaf| leaves.get_mut(leaf)),
            };
            match seen {
                Some(seen) if !*seen => *seen = true,
                _ => return fail(format!("tree {at} leads to node {child} wrongly")),
            }
        }
    }
    Ok(())
}

fn known(fields: &Fields<'_>, keys: &[&str]) -> Result<(), Error> {
    match fields.keys().find(|key| !keys.contains(key)) {
        Some(key) => fail(format!("{:?} is not supported", shorten(key))),
        None => Ok(()),
    }
}

fn number<T: FromStr>(key: &str, fields: &Fields<'_>) -> Result<T, Error> {
    match fields.get(key).and_then(|value| value.parse().ok()) {
        Some(value) => Ok(value),
        None => fail(format!("{key} is missing or no number")),
    }
}

fn list<T: FromStr>(key: &str, fields: &Fields<'_>, length: usize) -> Result<Vec<T>, Error> {
    let Some(value) = fields.get(key) else { return fail(format!("{key} is missing")) };
    let values = value.split_ascii_whitespace().map(str::parse).collect::<Result<Vec<T>, _>>();
    match values {
        Ok(values) if values.len() == length => Ok(values),
        _ => fail(format!("{key} is not a list of {length}")),
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

fn fail<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Model(message.into()))
}
