//! In which order events come.

use super::fleet::Fleet;
use super::lab::random::Random;

/// One change of each of the first `count` zones.
pub fn each_once(fleet: &mut Fleet, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| fleet.change(number)).collect()
}

/// `times` changes of each of the first `count` zones, those of one zone one after the other.
pub fn bursts(fleet: &mut Fleet, count: usize, times: usize) -> Vec<Vec<u8>> {
    (0..count * times).map(|event| fleet.change(event / times)).collect()
}

/// `times` changes of each of the first `count` zones, those of all zones mixed.
pub fn mixed(fleet: &mut Fleet, count: usize, times: usize, random: &mut Random) -> Vec<Vec<u8>> {
    shuffled(count, times, random).into_iter().map(|number| fleet.change(number)).collect()
}

/// Each number below `count` `times` times, in an order of chance.
pub fn shuffled(count: usize, times: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count * times).map(|event| event % count).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}
