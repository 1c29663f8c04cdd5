//! Contents at random against the real PowerDNS: what hams calls canonical it takes and gives back as such, and what it
//! takes in another spelling is what hams makes of that spelling.

use super::lab::random::Random;
use super::node::{Node, parsed};
use hams::dns::{Draft, Key, Name, RecordType, Stored, Zone, canonical, diff};
use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A zone of its own.
const ZONE: &str = "roundtrip.example.";
const NAME: &str = r"([A-Za-z0-9_][A-Za-z0-9_-]{0,12}\.){1,3}(example|Example|NET)\.?";
const HOST: &str = r"([A-Za-z0-9][A-Za-z0-9_-]{0,4}[A-Za-z0-9]\.){1,3}(example|Example|NET)\.?";
/// So many different ones of each type.
const WANTED: usize = 30;
/// Some of what is drawn is no content at all; if it takes more than this, the pattern is at fault.
const MOST_DRAWN: usize = 3000;

/// Contents of a type as people may spell them, some of them wrong.
fn spelled(rtype: RecordType) -> String {
    let quoted = r#""([ !#-Z^-~]|\\"|\\\\|\\[01][0-9]{2}){0,20}""#;
    match rtype {
        RecordType::A => r"(25[0-5]|1?[0-9]{1,2})(\.(2[0-4][0-9]|1?[0-9]{1,2})){3}".into(),
        RecordType::Aaaa => {
            r"[0-9A-Fa-f]{1,4}(:(0|0000|[0-9a-fA-F]{1,4})){7}|([0-9A-F]{1,4}:){1,5}:[0-9a-f]{1,4}|(::(ffff:)?|64:ff9b::)(192\.0\.2\.[1-9]|c000:2[0-9a-f]{2})"
                .into()
        }
        RecordType::Cname => NAME.into(),
        RecordType::Ns => HOST.into(),
        RecordType::Mx => format!("[0-9]{{1,5}} ({HOST})"),
        RecordType::Srv => format!("[0-9]{{1,4}}  ?[0-9]{{1,4}} [0-9]{{1,5}} ({HOST})"),
        RecordType::Txt => format!("{quoted}( {quoted}){{0,3}}|[a-z=0-9-]{{1,20}}"),
        RecordType::Caa => format!("(0|128|1[0-9]) (issue|issuewild|IODEF|iodef|tbs) ({quoted}|[a-z.]{{1,12}})"),
        RecordType::Sshfp => "[1-46] (1 [0-9a-fA-F]{40}|2 [0-9a-f]{64}|2 [0-9A-F]{64})".into(),
        RecordType::Naptr => format!(
            r#"[0-9]{{1,5}} [0-9]{{1,4}} ("[SAUPsaup]?"|u) "([A-Za-z0-9+:]){{0,10}}" ("(!\^\.\*\$!sip:[a-z]{{1,8}}@[a-z]{{1,8}}\.example!)?") ({NAME}|\.)"#
        ),
        RecordType::Loc => {
            r"[0-8]?[0-9]( [0-5]?[0-9]( [0-5]?[0-9](\.[0-9]{1,3})?)?)? [NS] (1[0-7]|[0-9])?[0-9]( [0-5]?[0-9]( [0-5]?[0-9](\.[0-9]{1,3})?)?)? [EW] -?[0-9]{1,4}(\.[0-9]{2})?m?( [0-9]{1,4}m( [0-9]{1,5}m( [1-9][0-9]{0,3}m)?)?)?"
                .into()
        }
    }
}

/// A content that is put into PowerDNS.
struct Sent {
    rtype: RecordType,
    owner: String,
    content: String,
    /// What hams makes of it.
    canonical: String,
}

/// Puts contents of all types into PowerDNS, and compares what comes back.
pub fn survives(node: &Node, random: &mut Random) {
    let mut seed = [0; 32];
    seed.fill_with(|| random.below(256) as u8);
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let zone = Name::absolute(ZONE).expect("a name");
    let mut sent = Vec::new();
    for rtype in RecordType::ALL {
        let strategy = string_regex(&spelled(rtype)).expect("a pattern");
        let mut seen = BTreeSet::new();
        for _ in 0..MOST_DRAWN {
            if seen.len() == WANTED {
                break;
            }
            let content = strategy.new_tree(&mut runner).expect("a content").current();
            let Ok(canonical) = canonical(rtype, &content, &zone) else { continue };
            if !seen.insert(canonical.clone()) {
                continue;
            }
            for content in BTreeSet::from([content, canonical.clone()]) {
                let owner = format!("n{}.{ZONE}", sent.len());
                sent.push(Sent { rtype, owner, content, canonical: canonical.clone() });
            }
        }
        assert_eq!(seen.len(), WANTED, "{rtype}: of {MOST_DRAWN} texts too few are contents");
    }

    let (answers, back) = put(node, &sent);
    let mut spelt_otherwise = BTreeMap::<RecordType, usize>::new();
    for (one, answer) in sent.iter().zip(&answers) {
        let is_canonical = one.content == one.canonical;
        let what =
            format!("{} `{}`, canonical `{}`: PowerDNS says {answer}", one.rtype, one.content, one.canonical);
        if answer[0] != 204 {
            assert!(!is_canonical, "PowerDNS refuses what hams would send: {what}");
            continue;
        }
        let key = (one.owner.clone(), one.rtype.as_str().to_owned());
        let stored = back.get(&key).unwrap_or_else(|| panic!("not there: {what}"));
        assert_eq!(canonical(one.rtype, stored, &zone).as_ref(), Ok(&one.canonical), "{what}");
        assert_eq!(changes(one, stored, &zone), 0, "a sweep would see a difference that is none: {what}");
        *spelt_otherwise.entry(one.rtype).or_default() += usize::from(!is_canonical);
    }
    let otherwise: usize = spelt_otherwise.values().sum();
    eprintln!(
        "{} contents of {} types came back as they are, {otherwise} of them spelt otherwise",
        sent.len(),
        RecordType::ALL.len()
    );
}

/// Puts each into a zone that is gone after it; gives PowerDNS's answers, and by owner and type what is read back.
fn put(node: &Node, sent: &[Sent]) -> (Vec<Value>, BTreeMap<(String, String), String>) {
    let zone = format!("/{ZONE}");
    let patch = |one: &Sent| {
        let records = json!([{"content": one.content, "disabled": false}]);
        let rrset = json!({"name": one.owner, "type": one.rtype.as_str(), "ttl": 60, "changetype": "REPLACE",
            "records": records});
        json!(["PATCH", zone, {"rrsets": [rrset]}])
    };
    let mut asked =
        vec![json!(["POST", "", {"name": ZONE, "kind": "Native", "nameservers": ["ns1.example."]}])];
    asked.extend(sent.iter().map(patch));
    asked.extend([json!(["GET", zone, null]), json!(["DELETE", zone, null])]);
    let lines: String = asked.iter().map(|one| format!("{one}\n")).collect();
    let said =
        node.host.run_with(&(node.key_line() + &lines), &["python3", "/root/pdns.py"]).expect(0).stdout;
    let mut answers = parsed(&said).as_array().expect("a list").clone();
    assert_eq!(answers.len(), sent.len() + 3);
    let (made, gone, read) = (answers.remove(0), answers.pop(), answers.pop().expect("the zone"));
    assert_eq!((&made[0], gone.map(|gone| gone[0].clone())), (&json!(201), Some(json!(204))), "{made}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let rrsets = read[1]["rrsets"].as_array().expect("rrsets");
    let back = rrsets
        .iter()
        .map(|rrset| ((text(&rrset["name"]), text(&rrset["type"])), text(&rrset["records"][0]["content"])));
    (answers, back.collect())
}

/// How many changes lead from what PowerDNS has to what was sent.
fn changes(sent: &Sent, stored: &str, zone: &Name) -> usize {
    let draft = Draft {
        name: sent.owner.clone(),
        rtype: sent.rtype.as_str().into(),
        ttl: Some(60),
        records: Some(vec![sent.content.clone()]),
    };
    let mut wanted = Zone::check(zone, vec![draft], &[]).zone;
    let owner = Name::absolute(&sent.owner).expect("a name");
    wanted.rrsets.retain(|key, _| *key == Key { name: owner.clone(), rtype: sent.rtype });
    assert_eq!(wanted.rrsets.len(), 1, "{} `{}` is no content of a zone", sent.rtype, sent.content);
    let stored = Stored {
        name: sent.owner.clone(),
        rtype: sent.rtype.as_str().into(),
        ttl: 60,
        records: BTreeSet::from([stored.to_owned()]),
        has_disabled: false,
    };
    diff(&[stored], &wanted, &BTreeSet::new()).len()
}
