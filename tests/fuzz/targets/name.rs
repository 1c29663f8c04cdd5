//! A name that is taken is absolute, fits the DNS, and is the same when it is read again.
#![no_main]

use hams::dns::Name;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let zone = Name::absolute("k6bp.u.hams.test").expect("a name");
    for name in [Name::absolute(text), Name::target(text, &zone)].into_iter().flatten() {
        fits(&name);
        assert_eq!(Name::target(name.as_str(), &zone).as_ref(), Ok(&name));
    }
    if let Ok(owner) = Name::owner(text, &zone) {
        fits(&owner);
        assert!(owner.is_inside(&zone), "{owner}");
        assert_eq!(Name::owner(owner.as_str(), &zone).as_ref(), Ok(&owner));
    }
});

fn fits(name: &Name) {
    let written = name.as_str();
    assert!(written.ends_with('.') && written.len() <= 254, "{written}");
    assert!(written.split('.').all(|label| label.len() <= 63), "{written}");
}
