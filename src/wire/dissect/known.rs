//! What leaves of the lines in which well-known programs and devices name themselves: their
//! name, versions, and the words that their makers write. What a site or a stranger has
//! written behind is somebody's free text and stays. Who is not known here leaves its line
//! whole.

use super::package;

/// Web servers whose line has comments and modules behind the version (RFC 9110 §10.2.4).
const SERVERS: &[&str] = &["Apache", "lighttpd", "nginx", "openresty"];
/// Platforms, as web servers name them in a comment.
const PLATFORMS: &[&str] = &[
    "AlmaLinux",
    "Amazon",
    "Amazon Linux",
    "CentOS",
    "CentOS Stream",
    "Cygwin",
    "Darwin",
    "Debian",
    "Debian GNU/Linux",
    "EulerOS",
    "Fedora",
    "Fedora Linux",
    "FreeBSD",
    "IBM i",
    "Linux",
    "Linux/SUSE",
    "Mandriva Linux/PREFORK",
    "Novell",
    "Oracle Linux",
    "Oracle Linux Server",
    "Raspbian",
    "Red Hat",
    "Red Hat Enterprise Linux",
    "Rocky Linux",
    "SUSE",
    "Ubuntu",
    "Unix",
    "Win32",
    "Win64",
    "codeit",
];
/// Modules of web servers.
const MODULES: &[&str] = &[
    "Communique",
    "DAV",
    "JRun",
    "OpenSSL",
    "PHP",
    "Perl",
    "Phusion_Passenger",
    "Python",
    "Resin",
    "SVN",
    "mod_apreq2-20090110",
    "mod_auth_gssapi",
    "mod_auth_kerb",
    "mod_fcgid",
    "mod_jk",
    "mod_jk2",
    "mod_nss",
    "mod_perl",
    "mod_python",
    "mod_qos",
    "mod_ssl",
    "mod_wsgi",
    "proxy_html",
];

/// `Server` of HTTP.
pub(super) fn server(text: &str) -> &str {
    let is_known = |it: &&&str| {
        let rest = text.strip_prefix(**it);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ' ']))
    };
    let Some(name) = SERVERS.iter().find(is_known) else { return text };
    let mut end = name.len();
    if let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix('/')) {
        let version = version(rest);
        if version.is_empty() {
            return text.get(..end).unwrap_or_default();
        }
        end = end.saturating_add(1).saturating_add(version.len());
    }
    while let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix(' ')) {
        let comment = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let part = match comment {
            Some((comment, _)) if PLATFORMS.contains(&comment) => comment.len().saturating_add(2),
            Some(_) => break,
            None => {
                let word = rest.split(' ').next().unwrap_or_default();
                let (module, number) = word.split_once('/').unwrap_or((word, ""));
                let number = number.strip_prefix('v').unwrap_or(number);
                let number = number.strip_suffix("-fips").unwrap_or(number);
                if !MODULES.contains(&module) || version(number) != number {
                    break;
                }
                word.len()
            }
        };
        end = end.saturating_add(1).saturating_add(part);
    }
    text.get(..end).unwrap_or(text)
}

/// Systems that stand in the comment of an SSH server's line.
const SYSTEMS: &[&str] = &["Debian", "FreeBSD", "NetBSD_Secure_Shell", "Raspbian", "Ubuntu"];

/// The identification string of SSH (RFC 4253 §4.2).
pub(super) fn ssh(text: &str) -> &str {
    let text = text.trim_ascii();
    let programs = ["-OpenSSH_for_Windows_", "-OpenSSH_", "-dropbear_"];
    let found = programs.iter().find_map(|it| Some((text.find(it)?, it)));
    // `SSH-2.0`, `SSH-1.99`.
    let Some((at, name)) = found.filter(|(at, _)| *at <= 8) else { return text };
    let begin = at.saturating_add(name.len());
    let mut end = begin.saturating_add(version(text.get(begin..).unwrap_or_default()).len());
    if let Some((system, number)) = text.get(end..).and_then(of_system) {
        end = end.saturating_add(1).saturating_add(system).saturating_add(number);
    }
    text.get(..end).unwrap_or(text)
}

/// How long the name of a system and its version behind it are.
fn of_system(comment: &str) -> Option<(usize, usize)> {
    let word = comment.strip_prefix(' ')?.split(' ').next()?;
    let system = SYSTEMS.iter().find(|it| word.starts_with(**it))?;
    let rest = word.get(system.len()..)?;
    let number = rest.strip_prefix(['-', '_']).unwrap_or_default();
    // A BSD tells the day of its import.
    let is_day =
        number.len() == 8 && number.starts_with("20") && number.bytes().all(|b| b.is_ascii_digit());
    let kept = match is_day || package::is_version(number) {
        true => number,
        false => package::number(number).unwrap_or_default(),
    };
    let is_word = rest.is_empty() || rest.starts_with(['-', '_']);
    let dash = usize::from(!kept.is_empty());
    is_word.then_some((system.len(), kept.len().saturating_add(dash)))
}

/// `User-Agent` and `Server` of SIP.
pub(super) fn phone(text: &str) -> &str {
    let words = |n: usize| text.split_inclusive(' ').take(n).map(str::len).sum::<usize>();
    let keep = |n: usize| text.get(..words(n)).unwrap_or(text).trim_ascii_end();
    let mut all = text.split(' ');
    match all.next() {
        // Maker, model, version: an address of the card may follow.
        Some("Yealink" | "Grandstream") => {
            let model = |it: &str| {
                it.len() <= 16
                    && it.bytes().any(|b| b.is_ascii_digit())
                    && it.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
                    && letters(it) <= 4
            };
            let Some(_) = all.next().filter(|it| model(it)) else { return keep(1) };
            let (next, n): (_, usize) = match all.next() {
                Some("Dongle") => (all.next(), 3),
                next => (next, 2),
            };
            let is_number = next.is_some_and(|it| package::number(it) == Some(it));
            keep(n.saturating_add(usize::from(is_number)))
        }
        Some(first) if first.starts_with("FreeSWITCH-mod_sofia/") => first,
        Some(first) if first.starts_with("Cisco-CP") => first,
        Some("Asterisk") if all.next() == Some("PBX") => {
            let is_version = all.next().is_some_and(package::is_version);
            keep(if is_version { 3 } else { 2 })
        }
        _ => text,
    }
}

/// Words in the names of printers of one maker.
const PRINTERS: &[&str] = &[
    "all-in-one",
    "color",
    "colour",
    "designjet",
    "dn",
    "dtn",
    "edition",
    "enterprise",
    "flow",
    "format",
    "hewlett-packard",
    "hp",
    "ink",
    "laserjet",
    "managed",
    "mfp",
    "multifunction",
    "mx",
    "n",
    "officejet",
    "pagewide",
    "plus",
    "postscript",
    "printer",
    "pro",
    "professional",
    "ps",
    "series",
    "tank",
    "tn",
    "ultra",
    "wide",
    "x",
];

/// What a printer answers that it is.
pub(super) fn printer(text: &str) -> &str {
    let is_known = |word: &str| PRINTERS.iter().any(|it| it.eq_ignore_ascii_case(word));
    let is_model = |word: &str| {
        word.len() <= 8
            && word.bytes().any(|b| b.is_ascii_digit())
            && word.bytes().all(|b| b.is_ascii_alphanumeric())
            && letters(word) <= 4
            && package::number(word.trim_matches(|c: char| c.is_ascii_alphabetic())).is_some()
    };
    let jet = ["laserjet", "designjet", "officejet"];
    let lower = text.to_ascii_lowercase();
    if !lower.split(' ').take(3).any(|word| jet.contains(&word)) {
        return text;
    }
    let known = text.split_inclusive(' ').take_while(|word| {
        let word = word.trim_ascii_end();
        is_known(word) || is_model(word)
    });
    let end: usize = known.map(str::len).sum();
    text.get(..end).unwrap_or(text).trim_ascii_end()
}

/// The version at the beginning: numbers, and no more than two letters behind each.
fn version(text: &str) -> &str {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '.');
    let whole = text.split(is_end).next().unwrap_or_default();
    let short = |part: &str| letters(part) <= 2 && digits(part) <= 6;
    let begins = whole.starts_with(|c: char| c.is_ascii_digit());
    match begins && whole.len() <= 16 && whole.split('.').all(short) {
        true => whole,
        false => package::number(text).unwrap_or_default(),
    }
}

/// Letters, and digits, in a row.
fn letters(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_alphabetic()).map(str::len).max().unwrap_or_default()
}

fn digits(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn keeps(of: fn(&str) -> &str, all: &[(&str, &str)]) {
        for (text, kept) in all {
            assert_eq!(of(text), *kept, "{text}");
            assert_eq!(of(kept), *kept, "it stays so");
        }
    }

    #[test]
    fn of_web_servers_platforms_and_modules_leave() {
        keeps(
            server,
            &[
                ("Apache/2.4 (CANARY)", "Apache/2.4"),
                ("Apache/2.4.41 (Ubuntu) CANARY", "Apache/2.4.41 (Ubuntu)"),
                ("Apache CANARY", "Apache"),
                ("Apache/CANARY", "Apache"),
                ("nginx/1.18.0-CANARY (Ubuntu)", "nginx/1.18.0"),
                ("nginx/1.22.1", "nginx/1.22.1"),
                (
                    "Apache/2.2.3 (Linux/SUSE) mod_ssl/2.2.3 OpenSSL/1.0.1e-fips PHP/5.3.3 X/1",
                    "Apache/2.2.3 (Linux/SUSE) mod_ssl/2.2.3 OpenSSL/1.0.1e-fips PHP/5.3.3",
                ),
                ("Apache/2.4.6 (CentOS) PHP/CANARY", "Apache/2.4.6 (CentOS)"),
                ("Apache-Coyote/1.1", "Apache-Coyote/1.1"),
                ("HP HTTP Server; HP X - Y; Serial", "HP HTTP Server; HP X - Y; Serial"),
            ],
        );
    }

    #[test]
    fn of_ssh_servers_version_and_system_leave() {
        keeps(
            ssh,
            &[
                ("SSH-2.0-OpenSSH_7.4 CANARY", "SSH-2.0-OpenSSH_7.4"),
                ("SSH-2.0-OpenSSH_7.4-CANARY", "SSH-2.0-OpenSSH_7.4"),
                ("SSH-2.0-dropbear_2019.78 CANARY", "SSH-2.0-dropbear_2019.78"),
                (
                    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10 CANARY",
                    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10",
                ),
                (
                    "SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.13\r",
                    "SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.13",
                ),
                ("SSH-2.0-OpenSSH_8.2p1 Debian-4+CANARY", "SSH-2.0-OpenSSH_8.2p1 Debian-4"),
                ("SSH-2.0-OpenSSH_8.2p1 DebianCANARY", "SSH-2.0-OpenSSH_8.2p1"),
                ("SSH-2.0-OpenSSH_9.3 FreeBSD-20230719", "SSH-2.0-OpenSSH_9.3 FreeBSD-20230719"),
                ("SSH-2.0-OpenSSH_9.3 FreeBSD-19470311", "SSH-2.0-OpenSSH_9.3 FreeBSD"),
                ("SSH-2.0-OpenSSH_for_Windows_8.1", "SSH-2.0-OpenSSH_for_Windows_8.1"),
                ("SSH-2.0-5.17 Bitvise SSH Server", "SSH-2.0-5.17 Bitvise SSH Server"),
            ],
        );
    }

    #[test]
    fn of_telephones_maker_model_and_version_leave() {
        keeps(
            phone,
            &[
                ("Yealink SIP-T46S 66.84.0.15 CANARY", "Yealink SIP-T46S 66.84.0.15"),
                ("Yealink SIP-T46S 66.84.0.15 805ec0123456", "Yealink SIP-T46S 66.84.0.15"),
                ("Yealink W52P Dongle 25.73.0.40", "Yealink W52P Dongle 25.73.0.40"),
                ("Yealink CANARY", "Yealink"),
                ("Yealink SIP-T46S CANARY", "Yealink SIP-T46S"),
                ("Grandstream UCM6202V1.5A 1.0.20.22", "Grandstream UCM6202V1.5A 1.0.20.22"),
                ("Cisco-CP7841-3PCC/11.2.3 CANARY", "Cisco-CP7841-3PCC/11.2.3"),
                ("Asterisk PBX 18.9.0 CANARY", "Asterisk PBX 18.9.0"),
                ("Asterisk PBX CANARY", "Asterisk PBX"),
                ("baresip v1.0.0 (x86_64/linux)", "baresip v1.0.0 (x86_64/linux)"),
            ],
        );
    }

    #[test]
    fn of_printers_the_words_of_their_models_leave() {
        keeps(
            printer,
            &[
                ("HP LaserJet 4250 CANARY", "HP LaserJet 4250"),
                ("HP LaserJet 4100 Series", "HP LaserJet 4100 Series"),
                ("HP Color LaserJet Flow MFP M880", "HP Color LaserJet Flow MFP M880"),
                ("hp LaserJet 400 M401dne", "hp LaserJet 400 M401dne"),
                ("HP LaserJet P3005 19470311", "HP LaserJet P3005"),
                ("Brother HL-5350DN series", "Brother HL-5350DN series"),
            ],
        );
    }
}
