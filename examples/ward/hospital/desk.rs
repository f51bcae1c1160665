//! Workstations: people log on, work, leave.

use std::io::Write;

use super::cast::Kind;
use super::clock::{DAY, HOUR, MINUTE, SECOND, is_open, of_day};
use super::play::Play;
use super::rng::Rng;
use super::say::kerberos;

impl<W: Write> Play<W> {
    /// Who sits at a workstation on a day.
    pub(crate) fn sit(&mut self, day: u64, who: usize, (on, off): (u64, u64), rng: &mut Rng) {
        let always = matches!(self.cast.devices[who].kind, Kind::Workstation { always: true });
        self.machine_account(who, (on, off), rng);
        let mut at = on + rng.between(3, 12) * MINUTE;
        if always {
            at = on + rng.between(0, 90) * MINUTE;
        } else if !is_open(day) {
            return;
        }
        while at + 20 * MINUTE < off {
            let lunch = of_day(day, 12, 0) + rng.between(0, 60) * MINUTE;
            let mut end = at + rng.between(90, 300) * MINUTE;
            if !always && at < lunch && end > lunch {
                end = lunch;
            }
            let end = end.min(off - rng.between(2, 9) * MINUTE);
            self.session(who, (at, end), rng);
            at = end + rng.between(40, 100) * MINUTE;
        }
    }

    /// A person logs on, and asks for tickets as long as it works.
    fn session(&mut self, who: usize, (from, to): (u64, u64), rng: &mut Rng) {
        let account = format!("canaryuser{:02}", rng.below(60));
        let files = format!("files1.ward.{who}");
        let mut at = from;
        let mut first = true;
        while at < to {
            while self.is_near_edge(&[at]) {
                at += 30 * SECOND;
            }
            let said = match std::mem::take(&mut first) {
                true => kerberos::log_on(&account),
                false => kerberos::use_of(&account, &files),
            };
            self.ticket(who, at, &said);
            let domain = self.cast.find(|kind| matches!(kind, Kind::Domain));
            if self.sees(at, who, domain) {
                self.traces[who].sessions.push(at);
            }
            at += rng.between(4 * 60, 20 * 60) * SECOND;
        }
    }

    /// The computer itself has an account too: nobody sits there for that.
    fn machine_account(&mut self, who: usize, (on, off): (u64, u64), rng: &mut Rng) {
        let account = format!("{}$", self.cast.devices[who].name.to_uppercase());
        let mut at = on + if on % DAY == 0 { rng.between(0, 3600) } else { 40 } * SECOND;
        while at < off {
            self.ticket(who, at, &kerberos::log_on(&account));
            self.ticket(who, at + SECOND, &kerberos::use_of(&account, "dc1.ward.example"));
            at += rng.between(3, 6) * HOUR;
        }
    }

    /// Question and answer in a conversation of their own (RFC 4120 §7.2.2).
    fn ticket(&mut self, who: usize, at: u64, said: &[Vec<u8>; 2]) {
        let domain = self.cast.find(|kind| matches!(kind, Kind::Domain));
        let mut talk = self.open(who, domain, at, 88);
        for (side, bytes) in said.iter().enumerate() {
            let framed = [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
            talk.say(&mut self.mirror, side, &framed);
        }
        talk.close(&mut self.mirror);
    }
}
