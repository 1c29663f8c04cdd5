//! The edge as the network sees it: nginx on fresh hosts, asked from another host, from before it is there to after it has
//! gone. What stands behind it says which headers came through.
#![allow(clippy::print_stderr)] // what a test saw stands in its log

mod certificate;
mod client_certificates;
mod cloudflare;
mod edge;
mod keep;
#[path = "../lab/mod.rs"]
mod lab;
mod outside;
mod status;
mod tarpit;

use edge::{Edge, INSTALL};
use lab::manifest::{difference, manifest};
use lab::ports::Sampler;

const PURGE: &str = "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet -o Dpkg::Use-Pty=0 purge hams 2>&1";
/// Where data are dumped to before they go.
const BACKUPS: &str = "/var/backups/hams";

#[test]
fn an_edge_on_trixie() {
    an_edge_from_beginning_to_end("trixie");
}

#[test]
fn an_edge_on_bookworm() {
    if lab::is_long_run("the edge on bookworm; the whole stack's test has nginx there") {
        an_edge_from_beginning_to_end("bookworm");
    }
}

fn an_edge_from_beginning_to_end(suite: &str) {
    let edge = Edge::up(suite);
    let before = manifest(&edge.host);
    edge.host.install_package();
    edge.start_upstream();
    let install = [&INSTALL[..], &["--domain", edge::DOMAIN, "--components", "nginx"]].concat();
    outside::a_port_of_somebody_else_is_told(&edge, &install);
    let ports = Sampler::start(&edge.host);
    let installed = edge.host.run(&install);
    let seen = ports.stop();
    eprintln!("{suite}: {}", edge.host.ok("nginx -v 2>&1").trim());
    assert_eq!(installed.code, 0, "{}", installed.text());
    seen.is_only(&outside::PORTS);
    outside::only_the_edge_answers(&edge);
    edge.is_clean();
    keep::a_second_run_changes_nothing(&edge);

    outside::names_that_are_not_ours_end_in_the_handshake(&edge);
    outside::port_80_leads_to_443(&edge);
    outside::closed_paths_are_not_there(&edge);
    outside::a_large_download_is_whole(&edge);
    outside::websockets_upgrade(&edge);
    outside::headers_cannot_be_forged(&edge);
    outside::logins_are_limited(&edge);
    outside::auth_refuses_without_a_root(&edge);

    client_certificates::a_root_opens_auth(&edge);
    client_certificates::a_session_of_the_domain_is_none_of_auth(&edge);
    keep::a_second_run_changes_nothing(&edge);
    client_certificates::a_stand_in_is_no_root(&edge);
    edge.configure("");
    edge.change();

    status::is_not_there_unasked(&edge);
    status::a_wrong_file_is_refused(&edge);
    status::is_shown_to_those_who_are_named(&edge);
    status::nothing_else_of_the_agent_is_reachable(&edge);
    status::guesses_are_limited(&edge);
    status::is_gone_with_its_key(&edge);

    keep::hand_edits_are_repaired(&edge);
    tarpit::a_list_is_taken_up(&edge);
    tarpit::the_last_list_counts(&edge);
    keep::a_refused_configuration_is_not_activated(&edge);
    keep::the_default_site_is_not_served(&edge);
    keep::a_stopped_edge_is_found(&edge);

    certificate::one_is_made(&edge);
    certificate::one_is_renewed(&edge);
    certificate::the_operators_own_is_taken(&edge);
    certificate::a_wrong_pair_is_refused(&edge);
    edge.configure("");
    edge.change();
    cloudflare::only_cloudflare_is_believed(&edge);
    cloudflare::origin_pulls_are_authenticated(&edge);
    edge.configure("");
    edge.change();
    keep::a_reboot(&edge);

    let uninstalled = edge.host.run(&["hams-install", "uninstall", "--yes"]).expect(0);
    assert_eq!(edge.host.run(&["test", "-e", "/etc/nginx/hams"]).code, 1, "{}", uninstalled.text());
    let default = edge.host.run(&["readlink", "/etc/nginx/sites-enabled/default"]).expect(0).stdout;
    assert_eq!(default.trim(), "/etc/nginx/sites-available/default", "the default site is put back");
    edge.host.run(&["hams-install", "uninstall", "--yes", "--purge-data"]).expect(0);
    let purged = edge.host.ok(PURGE);
    edge.host.ok(&format!("rm -r {BACKUPS}"));
    let left = difference(&before, &manifest(&edge.host));
    assert!(left.is_empty(), "{suite}: after a purge there is left:\n{}\n{purged}", left.join("\n"));
}
