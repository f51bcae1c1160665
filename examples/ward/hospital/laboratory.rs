//! Analysers, the laboratory's system, and the engine that passes messages on.

use std::io::Write;

use super::cast::{Kind, Power, Results};
use super::clock::{DAY, MINUTE, SECOND, is_open, of_day};
use super::mirror::Talk;
use super::play::Play;
use super::rng::Rng;
use super::say::{astm, hl7};

impl<W: Write> Play<W> {
    /// Runs of samples by day, single ones by night.
    pub(crate) fn analyse(
        &mut self,
        day: u64,
        who: usize,
        it: (Results, &'static str, &str),
        (on, off): (u64, u64),
        rng: &mut Rng,
    ) {
        // Asked for again at night: what was done yesterday is told once more.
        if it.0 == Results::Oru && day > 0 {
            let (from, to) = (of_day(day - 1, 9, 0), of_day(day - 1, 10, 0));
            let old: Vec<u64> = self.traces[who].results.clone();
            let old: Vec<u64> = old.into_iter().filter(|at| from <= *at && *at < to).collect();
            for (done, n) in old.into_iter().zip(0..) {
                self.tell(who, it, done, of_day(day, 3, 1) + n * 2 * SECOND);
            }
        }
        let mut times = Vec::new();
        let mut at = on.max(of_day(day, 8, 0)) + rng.between(0, 1800) * SECOND;
        while is_open(day) && at < off.min(of_day(day, 17, 30)) {
            let end = at + rng.between(30, 150) * MINUTE;
            while at < end && at + MINUTE < off {
                times.push(at);
                at += rng.between(40, 200) * SECOND;
            }
            at = at.max(end) + rng.between(12, 70) * MINUTE;
        }
        if self.cast.devices[who].power == Power::Always {
            let mut at = of_day(day, 18, 30);
            while at < of_day(day, 23, 50) {
                times.push(at + rng.between(0, 60) * SECOND);
                at += rng.between(20, 90) * MINUTE;
            }
            let early = of_day(day, 6, 10) + rng.between(0, 600) * SECOND;
            times.insert(0, early);
        }
        for at in times {
            let at = if self.is_near_edge(&[at]) { at + 7 * MINUTE } else { at };
            if at < off {
                self.result(who, it, at);
            }
        }
    }

    /// A result, and every fifth of them passed on by the laboratory's system.
    fn result(&mut self, who: usize, it: (Results, &'static str, &str), at: u64) {
        let lis = self.cast.find(|kind| matches!(kind, Kind::LabSystem));
        let number = self.tell(who, it, at - 8 * SECOND, at);
        if self.sees(at, who, lis) {
            self.traces[who].results.push(at);
        }
        if number.is_multiple_of(5) {
            let engine = self.cast.find(|kind| matches!(kind, Kind::Engine));
            let said = hl7::result("LIS", (it.1, it.2), number, at, at + 30 * SECOND);
            self.message((lis, engine, who), at + 30 * SECOND, &said, "R01", number);
        }
    }

    /// Tells the laboratory's system of a sample; its number.
    fn tell(
        &mut self,
        who: usize,
        (how, model, serial): (Results, &'static str, &str),
        done: u64,
        at: u64,
    ) -> u64 {
        let number = self.next();
        let lis = self.cast.find(|kind| matches!(kind, Kind::LabSystem));
        let said = match how {
            Results::Oru => hl7::result(model, (model, serial), number, done, at),
            Results::Oul => hl7::specimen((model, serial), number, done, at),
            Results::Astm | Results::AstmEach => {
                self.astm(who, lis, (how, model, serial), number, (done, at));
                return number;
            }
        };
        let trigger = if how == Results::Oru { "R01" } else { "R22" };
        self.message((who, lis, 0), at, &said, trigger, number);
        number
    }

    fn astm(
        &mut self,
        who: usize,
        lis: usize,
        (how, model, serial): (Results, &'static str, &str),
        number: u64,
        (done, at): (u64, u64),
    ) {
        let sender = match model.starts_with("XN") {
            true => format!("{model}^00-22^{serial}^^^^BF634545"),
            false => format!("{model}^Roche^{model}^4.2.2^1^{serial}"),
        };
        let mut talk =
            match self.talks.remove(&(who, lis, 0)).filter(|talk| talk.now / DAY == at / DAY) {
                Some(mut talk) => {
                    talk.now = talk.now.max(at);
                    talk
                }
                None => self.open(who, lis, at, 4001),
            };
        for said in astm::message(&sender, number, done, at) {
            talk.say(&mut self.mirror, 0, &said);
            if said != [4] {
                talk.say(&mut self.mirror, 1, astm::ACK);
            }
        }
        match how {
            Results::AstmEach => talk.close(&mut self.mirror),
            _ => _ = self.talks.insert((who, lis, 0), talk),
        }
    }

    pub(crate) fn open(&mut self, client: usize, server: usize, at: u64, port: u16) -> Talk {
        let ends = self.ends(at, client, server);
        let mut rng = self.rng(at, client);
        Talk::open(&mut self.mirror, &mut rng, at, ends, port)
    }

    /// An HL7 message and its acknowledgement, on the conversation of the day from one to the
    /// other about a third.
    pub(crate) fn message(
        &mut self,
        line: (usize, usize, usize),
        at: u64,
        said: &[u8],
        trigger: &str,
        number: u64,
    ) {
        let (from, to, _) = line;
        let kept = self.talks.remove(&line).filter(|it| it.now / DAY == at / DAY);
        let mut talk = match kept {
            Some(talk) => talk,
            None => self.open(from, to, at, 6661),
        };
        talk.say_at(&mut self.mirror, at, 0, said);
        let who = self.cast.devices[to].ae();
        let answer = hl7::accepted(&who, trigger, number, at);
        talk.say(&mut self.mirror, 1, &answer);
        talk.ack(&mut self.mirror, 0);
        self.talks.insert(line, talk);
    }

    /// The information system tells of admissions; the engine passes them on.
    pub(crate) fn admissions(&mut self, day: u64) {
        let engine = self.cast.find(|kind| matches!(kind, Kind::Engine));
        let ris = self.cast.find(|kind| matches!(kind, Kind::Information));
        let lis = self.cast.find(|kind| matches!(kind, Kind::LabSystem));
        let mut rng = self.rng(day, engine);
        let mut at = of_day(day, 0, 10);
        while at < of_day(day, 23, 50) {
            let number = self.next();
            self.message((ris, engine, 0), at, &hl7::admission(number, at), "A01", number);
            let later = at + 2 * SECOND;
            self.message((engine, lis, 0), later, &hl7::admission(number, later), "A01", number);
            at += rng.between(15, 60) * MINUTE;
        }
    }
}
