//! What fails because of something else: each trouble has one cause, which is told once. Pure.

use super::check::State;

/// What a cause is looked for with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    /// The check's name.
    pub(super) name: &'a str,
    /// What it is a part of.
    pub(super) component: &'a str,
    /// How it is.
    pub(super) state: State,
    /// It looks at the component's unit: a probe of a service that does not run says nothing more.
    pub(super) is_unit: bool,
    /// What its own component needs beside what every one of its kind does.
    pub(super) needs: &'a [String],
}

/// What each component needs, by component or by the name of a check.
fn needs(component: &str) -> &'static [&'static str] {
    match component {
        "odoo" => &["host disk", "postgresql"],
        "postgresql" | "redis" | "rabbitmq" | "powerdns" | "nginx" | "daemons" => &["host disk"],
        _ => &[],
    }
}

/// The root cause of each node that is not well, as a place in `nodes`; `None` for what is well or is a cause itself.
pub(super) fn causes(nodes: &[Node<'_>]) -> Vec<Option<usize>> {
    (0..nodes.len()).map(|place| cause(nodes, place, &mut vec![place])).collect()
}

/// What a node needs: its component's units, if it is a probe, and the checks of what its component needs. While it fails,
/// they are worth a look before their time.
pub(super) fn needed(nodes: &[Node<'_>], place: usize) -> Vec<usize> {
    let Some(node) = nodes.get(place) else { return Vec::new() };
    let is_needed = |other: &Node<'_>| {
        let own_unit = other.is_unit && !node.is_unit && other.component == node.component;
        own_unit || all_needs(node).any(|need| other.component == need || other.name == need)
    };
    (0..nodes.len()).filter(|other| nodes.get(*other).is_some_and(is_needed)).collect()
}

fn all_needs<'a>(node: &Node<'a>) -> impl Iterator<Item = &'a str> {
    needs(node.component).iter().copied().chain(node.needs.iter().map(String::as_str))
}

/// The first failing check among what is needed, by component or by name.
pub(super) fn first_failing(nodes: &[Node<'_>], needs: &[&str]) -> Option<usize> {
    let failing = |need: &&str| {
        let is_it = |node: &Node<'_>| node.component == *need || node.name == *need;
        let all = || nodes.iter().enumerate().filter(|(_, node)| node.state == State::Failing && is_it(node));
        all().find(|(_, node)| node.is_unit).or_else(|| all().next()).map(|(place, _)| place)
    };
    needs.iter().find_map(failing)
}

/// `way` is what led here: a ring has no root.
fn cause(nodes: &[Node<'_>], place: usize, way: &mut Vec<usize>) -> Option<usize> {
    let node = nodes.get(place)?;
    if matches!(node.state, State::Ok | State::Degraded) {
        return None;
    }
    let own_unit = || {
        let is_it = |other: &Node<'_>| {
            other.is_unit && other.component == node.component && other.state == State::Failing
        };
        nodes.iter().position(is_it).filter(|_| !node.is_unit)
    };
    let needed = || first_failing(nodes, &all_needs(node).collect::<Vec<_>>());
    let found = own_unit().or_else(needed).filter(|found| !way.contains(found))?;
    way.push(found);
    Some(cause(nodes, found, way).unwrap_or(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Degraded, Failing, Ok, Unknown};

    /// A whole node with these states, and the names of the causes of those that are not ok.
    fn found(states: &[(&str, State)]) -> Vec<(String, Option<String>)> {
        let all = [
            ("host disk", "host", false),
            ("host load", "host", false),
            ("unit postgresql@16-main.service", "postgresql", true),
            ("postgresql sql", "postgresql", false),
            ("unit pdns.service", "powerdns", true),
            ("powerdns api", "powerdns", false),
            ("unit odoo.service", "odoo", true),
            ("odoo http", "odoo", false),
            ("unit hams-daemon@a.service", "daemons", true),
            ("unit hams-daemon@b.service", "daemons", true),
        ];
        let of_daemon = ["rabbitmq".to_owned(), "odoo".to_owned()];
        let state =
            |name: &str| states.iter().find(|(other, _)| *other == name).map_or(Ok, |(_, state)| *state);
        let nodes: Vec<_> = all
            .iter()
            .map(|(name, component, is_unit)| Node {
                name,
                component,
                state: state(name),
                is_unit: *is_unit,
                needs: if *name == "unit hams-daemon@b.service" { &of_daemon } else { &[] },
            })
            .collect();
        let causes = causes(&nodes).into_iter().map(|cause| cause.map(|place| nodes[place].name.to_owned()));
        nodes
            .iter()
            .zip(causes)
            .filter(|(node, _)| node.state != Ok)
            .map(|(node, cause)| (node.name.to_owned(), cause))
            .collect()
    }

    #[test]
    fn a_trouble_is_led_back_to_its_root() {
        for (states, causes) in [
            (vec![("odoo http", Failing)], vec![None]),
            // A service that does not run: its probe says nothing more.
            (
                vec![("unit pdns.service", Failing), ("powerdns api", Failing)],
                vec![None, Some("unit pdns.service")],
            ),
            (
                vec![
                    ("unit postgresql@16-main.service", Failing),
                    ("postgresql sql", Failing),
                    ("odoo http", Failing),
                ],
                vec![None, Some("unit postgresql@16-main.service"), Some("unit postgresql@16-main.service")],
            ),
            // It hangs: the unit is well, its probe is the cause.
            (vec![("postgresql sql", Failing), ("odoo http", Unknown)], vec![None, Some("postgresql sql")]),
            (
                vec![("host disk", Failing), ("postgresql sql", Failing), ("odoo http", Failing)],
                vec![None, Some("host disk"), Some("host disk")],
            ),
            // What needs nothing of it is a trouble of its own; what merely needs a look is no cause, and has none.
            (vec![("powerdns api", Failing), ("odoo http", Failing)], vec![None, None]),
            (vec![("host load", Failing), ("odoo http", Failing)], vec![None, None]),
            (vec![("postgresql sql", Degraded), ("odoo http", Failing)], vec![None, None]),
            (vec![("postgresql sql", Failing), ("odoo http", Degraded)], vec![None, None]),
            // Daemons are no cause of one another.
            (
                vec![
                    ("odoo http", Failing),
                    ("unit hams-daemon@a.service", Failing),
                    ("unit hams-daemon@b.service", Failing),
                ],
                vec![None, None, Some("odoo http")],
            ),
        ] {
            let found: Vec<_> = found(&states).into_iter().map(|(_, cause)| cause).collect();
            let causes: Vec<_> = causes.iter().map(|cause| cause.map(str::to_owned)).collect();
            assert_eq!(found, causes, "{states:?}");
        }
    }

    #[test]
    fn what_is_needed_is_worth_a_look() {
        let node = |name, component, is_unit| Node { name, component, state: Ok, is_unit, needs: &[] };
        let nodes = [
            node("host disk", "host", false),
            node("host load", "host", false),
            node("unit pg", "postgresql", true),
            node("postgresql sql", "postgresql", false),
            node("unit odoo", "odoo", true),
            node("odoo http", "odoo", false),
        ];
        assert_eq!(needed(&nodes, 5), [0, 2, 3, 4]);
        assert_eq!(needed(&nodes, 4), [0, 2, 3]);
        assert_eq!(needed(&nodes, 3), [0, 2]);
        assert_eq!(needed(&nodes, 1), [0; 0]);
    }

    #[test]
    fn a_ring_has_no_end_to_walk_to() {
        let (a, b) = (["b".to_owned()], ["a".to_owned()]);
        let node = |name, needs| Node { name, component: name, state: Failing, is_unit: true, needs };
        let nodes = [node("a", &a), node("b", &b)];
        assert_eq!(causes(&nodes), [Some(1), Some(0)]);
    }
}
