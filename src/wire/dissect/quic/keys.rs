//! Keys of a client's first packets (RFC 9001 §5.2, RFC 9369 §3.3).

use aes::Aes128;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;

use super::{SAMPLE, Version};

/// initial_salt of both versions.
const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];

/// Of packets, of their numbers, of their heads.
pub(super) struct Keys {
    pub(super) key: [u8; 16],
    pub(super) iv: [u8; 12],
    pub(super) hp: [u8; 16],
}

impl Keys {
    /// The client's, by the connection identifier that it made up.
    pub(super) fn of(version: Version, id: &[u8]) -> Option<Self> {
        let (salt, labels) = match version {
            Version::One => (SALT_1, ["quic key", "quic iv", "quic hp"]),
            Version::Two => (SALT_2, ["quicv2 key", "quicv2 iv", "quicv2 hp"]),
        };
        let initial = Hkdf::<Sha256>::new(Some(&salt), id);
        let secret = expand::<32>(&initial, "client in")?;
        let secret = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        let [key, iv, hp] = labels;
        Some(Self {
            key: expand(&secret, key)?,
            iv: expand(&secret, iv)?,
            hp: expand(&secret, hp)?,
        })
    }

    /// Mask of header protection (RFC 9001 §5.4.3).
    pub(super) fn mask(&self, sample: [u8; SAMPLE]) -> [u8; 5] {
        let mut block = sample.into();
        Aes128::new(&self.hp.into()).encrypt_block(&mut block);
        let block: [u8; SAMPLE] = block.into();
        let [a, b, c, d, e, ..] = block;
        [a, b, c, d, e]
    }

    /// The nonce of a packet (RFC 9001 §5.3).
    fn nonce(&self, number: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// The frames, when the tag is right.
    pub(super) fn open(&self, number: u64, head: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload { msg: sealed, aad: head };
        let cipher = Aes128Gcm::new(&self.key.into());
        cipher.decrypt(&Nonce::from(self.nonce(number)), payload).ok()
    }

    /// The other way round.
    #[cfg(test)]
    pub(super) fn seal(&self, number: u64, head: &[u8], frames: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: frames, aad: head };
        let cipher = Aes128Gcm::new(&self.key.into());
        cipher.encrypt(&Nonce::from(self.nonce(number)), payload).unwrap()
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; N]> {
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = u8::try_from(label.len()).ok()?.checked_add(6)?;
    let info: [&[u8]; 5] = [&length, &[label_length], b"tls13 ", label.as_bytes(), &[0]];
    let mut key = [0; N];
    secret.expand(&info.concat(), &mut key).ok()?;
    Some(key)
}
