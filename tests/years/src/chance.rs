//! Chance that a seed gives: the same in every run.

use jiff::SignedDuration;

/// Numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Numbers of their own for each `of`.
    pub(crate) fn new(seed: u64, of: u64) -> Self {
        Self(mixed(seed ^ mixed(of)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// From `least` to `most`, in seconds.
    pub(crate) fn span(&mut self, least: SignedDuration, most: SignedDuration) -> SignedDuration {
        let range = u64::try_from((most - least).as_secs()).unwrap_or(0);
        let drawn = i64::try_from(self.below(range + 1)).unwrap_or(0);
        least + SignedDuration::from_secs(drawn)
    }
}

/// Each bit of the result depends on each of the number.
pub(crate) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A number that stands for these words.
pub(crate) fn number_of(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
