//! The example with rules in a file, run as the README says, with a copy of its file that is really edited.

use std::fs::{self, File};
use std::process::Command;
use std::time::Duration;

use crate::support::{Example, Folder, eventually};

#[tokio::test]
async fn the_example_with_rules_in_a_file_answers_its_own_curl_commands_as_it_says() {
    let folder = Folder::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy_table.toml");
    let path = folder.write("policy.toml", fs::read(shipped).unwrap());
    let log = folder.path("log");
    let example = Example::start_with("policy_table", &[&path], File::create(&log).unwrap());
    let logged = |what: &str| fs::read_to_string(&log).unwrap().contains(what);
    let [health, nobody, clerk, denied, edit, allowed, mistake, still] = example.commands() else {
        panic!("the example prints eight commands")
    };
    for printed in [health, nobody, clerk, denied] {
        assert_eq!(printed.curl().await.status().as_str(), printed.promise, "{}", printed.command);
    }
    for (edit, then, event) in [(edit, allowed, "policy_in_force"), (mistake, still, "policy_refused")] {
        assert_eq!(edit.promise, "edit");
        assert!(!logged(event));
        assert!(Command::new("sh").args(["-c", &edit.command]).status().unwrap().success());
        eventually(event, async || {
            // The clock is a real one.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let status = then.curl().await.status();
            assert!(then.promise == status.as_str() || event == "policy_in_force", "{status}");
            logged(event) && then.promise == status.as_str()
        })
        .await;
    }
    assert!(logged("policy.toml:10:1: duplicate key"), "{}", fs::read_to_string(&log).unwrap());
}
