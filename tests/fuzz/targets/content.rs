//! The canonical form of any content that is taken is a fixed point, and one line of text that PowerDNS can store.
#![no_main]

use hams::dns::{Name, RecordType, canonical};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (which, text) = input;
    let rtype = RecordType::ALL[usize::from(which) % RecordType::ALL.len()];
    let zone = Name::absolute("k6bp.u.hams.test").expect("a name");
    if let Ok(once) = canonical(rtype, text, &zone) {
        assert!(once.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{rtype} {once:?}");
        assert_eq!(canonical(rtype, &once, &zone).as_ref(), Ok(&once), "{rtype} {text:?}");
    }
});
