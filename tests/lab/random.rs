//! Random numbers that a printed seed gives again (SplitMix64, Steele, Lea and Flood 2014).

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator; two from one seed give the same numbers.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From `HAMS_SEED`, else from the clock; says which.
    pub fn seeded() -> Self {
        let given = std::env::var("HAMS_SEED").ok().map(|seed| seed.parse().expect("HAMS_SEED is a number"));
        let now =
            || SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos() as u64;
        let seed = given.unwrap_or_else(now);
        eprintln!("what is random comes from HAMS_SEED={seed}");
        Self(seed)
    }

    /// From 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number from 0 to `end` - 1.
    pub fn below(&mut self, end: usize) -> usize {
        (self.fraction() * end as f64) as usize
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}
