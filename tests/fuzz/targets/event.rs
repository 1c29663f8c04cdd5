//! Any octets are an event or a reason: the decoder ends, and a reason has words.
#![no_main]

use hams::sync::Event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match Event::decode(body) {
        Ok(Event::State(state)) => assert!(state.zone.as_str().ends_with('.')),
        Ok(Event::Reference(reference)) => {
            assert!(
                reference.zone.is_some() || reference.zones().next().is_some() || !reference.ids.is_empty()
            );
        }
        Err(rejection) => assert!(!rejection.text.is_empty()),
    }
});
