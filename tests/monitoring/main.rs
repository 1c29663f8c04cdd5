//! What Prometheus makes of deploy/monitoring/: its own tool reads the rules and sees each alert fire.

#[path = "../lab/promtool.rs"]
mod promtool;

use promtool::promtool;
use std::path::Path;

const TOP: &str = env!("CARGO_MANIFEST_DIR");
const RULES: &str = "deploy/monitoring/hams.rules.yml";

#[test]
fn the_rules_are_sound_and_each_alert_fires() {
    let rules = Path::new(TOP).join(RULES);
    let rules = rules.to_str().expect("a path in UTF-8");
    promtool(&["check", "rules", rules], "");
    promtool(&["check", "config", "--syntax-only", &format!("{TOP}/deploy/monitoring/prometheus.yml")], "");

    let tests =
        std::fs::read_to_string(format!("{TOP}/tests/monitoring/alerts.test.yml")).expect("the tests");
    let text = std::fs::read_to_string(rules).expect("the rules");
    for alert in text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let is_met = |chunk: &str| !chunk.contains("exp_alerts: []");
        let mut cases = tests.split("- alertname: ").filter(|chunk| chunk.lines().next() == Some(alert));
        assert!(cases.any(is_met), "no test sees {alert} fire");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alerts.test.yml");
    std::fs::write(&file, tests.replace("RULES", rules)).expect("write the tests");
    promtool(&["test", "rules", file.to_str().expect("a path in UTF-8")], "");
}
