//! What a question leaves for its answer, where that does not say whom it is about.

use std::net::IpAddr;

use crate::net::Mac;
use crate::observe::Lease;

/// What a question and its answer have in common: two ends and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// Address and port of who asks.
    pub asks: (IpAddr, u16),
    /// Address and port of who answers.
    pub answers: (IpAddr, u16),
    /// The number that the answer repeats.
    pub number: u8,
}

/// What only a question tells of whom its answer is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What tells it from the next question of the same number.
    pub nonce: u128,
    /// The card that it is about.
    pub card: Mac,
    /// Switch and port on which that hangs, where told.
    pub plug: Option<(Box<str>, Box<str>)>,
    /// The addresses that it is said to have.
    pub held: Vec<(IpAddr, Lease)>,
    /// The card by which it came, where who answers himself has asked nobody.
    pub by: Option<Mac>,
    /// The computer's name that is to be checked.
    pub name: Option<Box<str>>,
    /// It is about no station: who asks begins to account anew, or ends it.
    pub anew: bool,
}
