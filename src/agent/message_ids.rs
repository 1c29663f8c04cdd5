//! MESSAGE_ID= of the journal's entries that programs look for: one a kind, never changed (sd-id128(3)).

/// A check, or the sync, fails.
pub(super) const FAILING: &str = "9dd7c4c36530428286cd1c11adfe398b";
/// It works, and needs a look.
pub(super) const DEGRADED: &str = "5cf0b5bcbfff4f9db60ab8ea0bc96b5c";
/// Nobody can tell how it is.
pub(super) const UNKNOWN: &str = "43ba3877fda546d5b63ec982e5c063f0";
/// It is as it should be.
pub(super) const OK: &str = "71a95e6fd0874458946024c2a1e3f949";
/// The node's worst state is another one.
pub(super) const NODE: &str = "60be55b712bc46cbb7adf7e03f64ab4e";
/// A webhook, a command or a heartbeat did not get through.
pub(super) const HOOK_FAILED: &str = "0628b7e8c594480fa3118b587763133a";
/// It does again.
pub(super) const HOOK_WORKS: &str = "8fd2084e6fa54cc0bbd1db7a4d6201ca";
/// Root's service has restarted a component's unit for the agent.
pub(super) const RESTARTED: &str = "42a5156446da42008a90c36354de8b95";
/// It has not.
pub(super) const NOT_RESTARTED: &str = "888d5b7bb513484db44b7733a09be8f3";
/// The agent has asked it to.
pub(super) const ASKED: &str = "fd12e3a8cbe24dcdae80eb23290f125a";

/// Each with what it stands for.
pub const MESSAGE_IDS: [(&str, &str); 10] = [
    (FAILING, "A check, or the DNS sync (CHECK=), has begun to fail."),
    (DEGRADED, "It is degraded."),
    (UNKNOWN, "It cannot be told how it is."),
    (OK, "It is ok."),
    (NODE, "The worst state of the node is another one; there is no CHECK=."),
    (HOOK_FAILED, "The hook HOOK= (webhook, command hook, heartbeat) did not get through."),
    (HOOK_WORKS, "It does again."),
    (
        RESTARTED,
        "Of `hams-repair`: it has restarted the unit UNIT= of the component COMPONENT=, as hams-agent has asked.",
    ),
    (NOT_RESTARTED, "Of `hams-repair`: it has not, with the reason; RESULT= is refused or failed."),
    (
        ASKED,
        "hams-agent has asked for a restart of COMPONENT=; RESULT= is restarted, refused, failed or unanswered.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_an_id_of_its_own() {
        for (place, (id, _)) in MESSAGE_IDS.iter().enumerate() {
            assert!(id.len() == 32 && id.chars().all(|digit| digit.is_ascii_hexdigit()), "{id}");
            assert!(
                MESSAGE_IDS.iter().skip(place + 1).all(|(other, _)| other != id),
                "{id} stands there twice"
            );
        }
    }
}
