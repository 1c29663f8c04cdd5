//! Odoo goes away among 5,000 events on 500 zones, alone and together with two others: in the end PowerDNS has what Odoo has,
//! and with the dead lies what can never be applied, and nothing else.

use super::lab::dns;
use super::lab::random::Random;
use super::many::{insert, sql};
use super::node::Node;
use super::reference::{give_key, is_idle_with, make_key, publish_all, wait_for, waits_because};
use serde_json::json;
use std::time::Instant;

const COUNT: usize = 500;
const EVENTS: usize = 5000;
/// Each changes half of the zones or so, and tells each change twice.
const PARTS: usize = 11;
const ODOO: &str = "odoo.service";
/// What may go away with it; two do.
const OTHERS: [&str; 3] = ["hams-agent.service", "pdns.service", "rabbitmq-server.service"];

struct Zone {
    id: u64,
    name: String,
    address: String,
}

#[track_caller]
pub fn changes_arrive(node: &Node) {
    let mut random = Random::seeded();
    give_key(node, &format!("{}\n", make_key(node)));
    insert(node, COUNT);
    let listed =
        sql(node, "select id, name from ham_dns_zone where name like 'm_____.u.hams.test.' order by name;");
    let zone = |line: &str| {
        let (id, name) = line.split_once('|').expect("an id and a name");
        Zone { id: id.parse().expect("an id"), name: name.to_owned(), address: "192.0.2.1".to_owned() }
    };
    let mut zones: Vec<Zone> = listed.lines().map(zone).collect();
    assert_eq!(zones.len(), COUNT);
    let all: Vec<String> = zones.iter().map(event).collect();
    publish_all(node, &all).expect(0);
    are_as_in_odoo(node, &zones, 0);

    let spared = random.below(OTHERS.len());
    let three: Vec<_> = OTHERS.into_iter().filter(|unit| *unit != OTHERS[spared]).chain([ODOO]).collect();
    for (round, units) in [vec![ODOO], three].iter().enumerate() {
        let begun = Instant::now();
        let sent = round_of(node, &mut zones, round, units, &mut random);
        assert!(sent >= EVENTS, "{sent} events");
        are_as_in_odoo(node, &zones, round + 1);
        eprintln!(
            "{units:?} killed and away twice: {sent} events, all is as in Odoo after {:.0} s",
            begun.elapsed().as_secs_f64()
        );
    }
}

/// Twice within it these units are killed and stay away for two parts. Gives how many events there were.
#[track_caller]
fn round_of(node: &Node, zones: &mut [Zone], round: usize, units: &[&str], random: &mut Random) -> usize {
    let (mut unsent, mut count) = (vec![], 0);
    for part in 0..PARTS {
        if matches!(part, 2 | 6) {
            for unit in units {
                node.host.ok(&format!("systemctl kill --signal=KILL {unit}; systemctl stop {unit}"));
            }
        }
        if matches!(part, 4 | 8) {
            if units == [ODOO] {
                waits_because(node, "Odoo at http://127.0.0.1:8069 does not answer");
            }
            node.host.ok(&format!("systemctl start {}", units.join(" ")));
        }
        let address = format!("10.{round}.{part}.1");
        let mut ids = vec![];
        for zone in zones.iter_mut().filter(|_| random.one_in(2)) {
            zone.address.clone_from(&address);
            ids.push(zone.id.to_string());
            unsent.extend([event(zone), event(zone)]);
            count += 2;
        }
        // Past Odoo, which may be away, and with no date of a change, so that no sweep makes up for a message that is lost.
        let ids = ids.join(", ");
        sql(
            node,
            &format!(
                "update ham_dns_record set content = '{address}' where name = 'www' and zone_id in ({ids});"
            ),
        );
        if part == 0 {
            unsent.push(r#"{"action": "sync""#.to_owned());
            count += 1;
        }
        // While the broker is away, they wait for it; what it took and did not confirm comes twice.
        if publish_all(node, &unsent).code == 0 {
            unsent.clear();
        }
    }
    wait_for("a broker that takes the last events", || {
        let ended = publish_all(node, &unsent);
        (ended.code == 0).then_some(()).ok_or_else(|| ended.text())
    });
    count
}

fn event(zone: &Zone) -> String {
    let ids = [zone.id];
    json!({ "action": "write", "model": "ham.dns.zone", "ids": ids, "zone_ids": ids, "zone": zone.name })
        .to_string()
}

/// Waits until nothing waits, with so many letters at the dead; then every zone is asked.
#[track_caller]
fn are_as_in_odoo(node: &Node, zones: &[Zone], dead: usize) {
    is_idle_with(node, dead);
    for zone in zones {
        let name = format!("www.{}", zone.name.trim_end_matches('.'));
        let reply = dns::ask_a(node.host.address().into(), &name).expect("an answer");
        let addresses: Vec<_> = reply.addresses().iter().map(ToString::to_string).collect();
        assert_eq!(addresses, [zone.address.as_str()], "{name}");
    }
}
