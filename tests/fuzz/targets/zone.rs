//! Whatever RRsets a zone is to have: each is published or has a reason, and what was published leaves no difference.
#![no_main]

use hams::dns::{Draft, Name, Stored, Zone, diff};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

type RrSet = (String, String, Option<i64>, Option<Vec<String>>);

fuzz_target!(|rrsets: Vec<RrSet>| {
    let name = Name::absolute("k6bp.u.hams.test").expect("a name");
    let nameservers = [Name::absolute("ns1.hams.test").expect("a name")];
    let given = rrsets.len();
    let drafts = rrsets.into_iter().map(|(name, rtype, ttl, records)| Draft { name, rtype, ttl, records });
    let checked = Zone::check(&name, drafts.collect(), &nameservers);
    assert_eq!(
        checked.zone.rrsets.len() + checked.rejected.len(),
        given + 1,
        "the apex NS, and one word on each"
    );
    let stored: Vec<_> = checked.zone.rrsets.values().map(stored).collect();
    assert_eq!(diff(&stored, &checked.zone, &BTreeSet::new()), []);
    for key in checked.zone.rrsets.keys() {
        assert!(key.name.is_inside(&name), "{}", key.name);
    }
});

fn stored(rrset: &hams::dns::RrSet) -> Stored {
    Stored {
        name: rrset.key.name.to_string(),
        rtype: rrset.key.rtype.to_string(),
        ttl: rrset.ttl.seconds(),
        records: rrset.records.clone(),
        has_disabled: false,
    }
}
