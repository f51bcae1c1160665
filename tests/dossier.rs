//! What `show` and `signatures list` tell, as people read it.

mod lab;

use std::path::Path;
use std::process::Command;

fn told(dir: &Path, columns: Option<&str>, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auscult"));
    command.args(args).current_dir(dir).env_remove("COLUMNS");
    if let Some(columns) = columns {
        command.env("COLUMNS", columns);
    }
    let out = command.output().expect("runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn a_place_is_told_with_its_hour() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("plugs.pcap").display().to_string();
    told(dir.path(), None, &["read", "-q", &capture]);
    let page = told(dir.path(), None, &["show", "10.20.60.41"]);
    let line = page.lines().find(|line| line.starts_with("switch_last_told: ")).expect(&page);
    assert!(line.contains("sw-3w-01 GigabitEthernet1/0/7 in the hour from 20"), "{line}");
    assert!(line.ends_with(":00:00+00:00"), "{line}");
}

#[test]
fn identifiers_are_listed_with_their_strength_their_times_and_their_packets() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("dhcp-relay.pcap").display().to_string();
    told(dir.path(), None, &["read", "-q", &capture]);
    let page = told(dir.path(), None, &["show", "10.20.20.21"]);
    let (_, section) = page.split_once("\nidentifiers:\n").expect(&page);
    let lines: Vec<&str> = section.lines().take_while(|line| line.starts_with(' ')).collect();
    let at = |what: &str| lines.iter().position(|line| line.starts_with(what)).expect(&page);
    let order = [at("  proves    MAC ("), at("  joins     IP address: 10.20.20.21")];
    assert!(order[0] < order[1] && order[1] < at("  supports  hostname (DHCP): "), "{page}");
    for pair in lines.chunks(2) {
        let &[_, when] = pair else { panic!("{pair:?}") };
        assert!(when.starts_with("    from 20") && when.contains(", last in the hour from 20"));
        assert!(when.contains("▸ dhcp-relay.pcap frame "), "{when}");
    }
}

#[test]
fn a_page_is_as_wide_as_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let capture = lab::capture("dhcp-relay.pcap").display().to_string();
    told(dir.path(), None, &["read", "-q", &capture]);
    let page = told(dir.path(), None, &["show", "10.20.20.21"]);
    let ends: Vec<_> = page.lines().filter(|line| line.starts_with("os_support_end")).collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert!(ends[0].contains("2017-04-11; 2020-01-14"), "{ends:?}");
    assert!(!page.contains("support=Windows"), "the dates stand below, once:\n{page}");
    assert!(page.contains("  Windows Vista until 2017-04-11\n"), "{page}");
    // A VLAN's interface of the relay is where many hang.
    assert!(!page.contains("switch_port") && page.contains("\nvlans: 20\n"), "{page}");
    let narrow = told(dir.path(), Some("60"), &["show", "10.20.20.21"]);
    let long = |line: &&str| line.chars().count() > 60 && line.trim().contains(' ');
    let long: Vec<_> = narrow.lines().filter(long).collect();
    let broken = |line: &str| line.trim().split(' ').all(|word| word.chars().count() < 30);
    assert!(long.iter().all(|line| !broken(line)), "{long:#?}");
    let words = |page: &str| page.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&narrow), words(&page));
}

#[test]
fn signatures_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let list = told(dir.path(), None, &["signatures", "list"]);
    let last = list.lines().last().unwrap();
    let number = |word: &str| {
        let before = last.split(word).next().unwrap().trim_end();
        before.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
    };
    let all = number("signatures:");
    assert_eq!(all, list.lines().count() - 1, "{last}");
    assert!(number("of medical devices") > 100 && number("with examples") == all, "{last}");
    assert!(number("with a source") == all && number("not verified") > 0, "{last}");
}
