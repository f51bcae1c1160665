//! The only reader of wire bytes: every take is checked and names its field.

/// Why a message could not be read; carries no heap, so it can be counted per packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {kind}")]
pub struct Error {
    /// The field, as the standard calls it.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The message ends before it.
    #[error("cut short")]
    Short,
    /// A value that the standard does not allow.
    #[error("not allowed")]
    Invalid,
    /// More than this sensor is willing to follow.
    #[error("too large")]
    TooLarge,
}

impl Error {
    /// `field` is missing.
    #[must_use]
    pub const fn short(field: &'static str) -> Self {
        Self { field, kind: ErrorKind::Short }
    }

    /// `field` has a forbidden value.
    #[must_use]
    pub const fn invalid(field: &'static str) -> Self {
        Self { field, kind: ErrorKind::Invalid }
    }

    /// `field` announces more than will be followed.
    #[must_use]
    pub const fn too_large(field: &'static str) -> Self {
        Self { field, kind: ErrorKind::TooLarge }
    }
}

/// A checked cursor over borrowed bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    all: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// At the first byte of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { all: bytes, rest: bytes }
    }

    /// What is left.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// How many bytes were taken.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.all.len().saturating_sub(self.rest.len())
    }

    /// Whether all was taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A reader of the same bytes at an absolute offset.
    ///
    /// # Errors
    /// The offset is behind the end.
    pub fn at(&self, offset: usize, field: &'static str) -> Result<Self, Error> {
        let rest = self.all.get(offset..).ok_or(Error::short(field))?;
        Ok(Self { all: self.all, rest })
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn take(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], Error> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(Error::short(field))?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(Error::short(field))?;
        self.rest = tail;
        Ok(*head)
    }

    /// Passes over `n` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn skip(&mut self, n: usize, field: &'static str) -> Result<(), Error> {
        self.take(n, field).map(drop)
    }

    /// One byte.
    ///
    /// # Errors
    /// None is left.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, Error> {
        self.array::<1>(field).map(|[b]| b)
    }

    /// Two bytes, big-endian.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u16_be(&mut self, field: &'static str) -> Result<u16, Error> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Four bytes, big-endian.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u32_be(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Two bytes, little-endian.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u16_le(&mut self, field: &'static str) -> Result<u16, Error> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// Four bytes, little-endian.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u32_le(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(u32::from_le_bytes)
    }
}

/// A 32-bit length as an index; saturates where a pointer is narrower.
#[must_use]
pub(crate) fn wide(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_stops() {
        let mut r = Reader::new(&[1, 2, 3, 4, 5]);
        assert_eq!(r.u16_be("a"), Ok(0x0102));
        assert_eq!(r.u16_le("b"), Ok(0x0403));
        assert_eq!(r.position(), 4);
        assert_eq!(r.u32_be("c"), Err(Error::short("c")));
        assert_eq!(r.u8("d"), Ok(5));
        assert!(r.is_empty());
    }
}
