//! How a study is cut: batches, seats, spares. Pure.

/// The largest unit that avoids MTurk's surcharge for ten assignments and more.
pub const LARGEST_BATCH: i32 = 9;

/// The largest multiple of the group size that is at most nine; nine when a group is larger than
/// that, since groups form in the oTree session, which all batches share.
pub fn default_batch_size(group_size: i32) -> i32 {
    match LARGEST_BATCH / group_size.max(1) {
        0 => LARGEST_BATCH,
        groups => groups * group_size.max(1),
    }
}

/// A quarter more seats than places, at least two: about as many people return a HIT after opening
/// oTree, and each of those has used a seat up.
pub fn default_spares(places: i32) -> i32 {
    (places + 3) / 4 + i32::from(places <= 4)
}

/// Places and spares, rounded up to whole groups, as oTree demands.
pub fn seats(places: i32, spares: i32, group_size: i32) -> i32 {
    let group = group_size.max(1);
    (places + spares + group - 1) / group * group
}

/// The sizes of the batches: full ones, then the rest.
pub fn batches(places: i32, batch_size: i32) -> Vec<i32> {
    let size = batch_size.max(1);
    let full = std::iter::repeat_n(size, usize::try_from(places / size).unwrap_or(0));
    full.chain(Some(places % size).filter(|rest| *rest > 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn batches_fit_groups_and_stay_under_ten() {
        let sizes: Vec<i32> = [1, 2, 3, 4, 5, 6, 9, 10, 40].map(default_batch_size).into();
        assert_eq!(sizes, [9, 8, 9, 8, 5, 6, 9, 9, 9]);
    }

    #[test]
    fn twelve_places_make_two_batches() {
        assert_eq!(batches(12, 9), [9, 3]);
        assert_eq!(batches(9, 9), [9]);
        assert_eq!(batches(1, 9), [1]);
    }

    #[test]
    fn seats_are_whole_groups() {
        assert_eq!(seats(12, 3, 1), 15);
        assert_eq!(seats(12, 3, 4), 16);
        assert_eq!(seats(12, 0, 4), 12);
    }

    #[test]
    fn small_studies_get_two_spares() {
        assert_eq!([1, 4, 8, 12, 100].map(default_spares), [2, 2, 2, 3, 25]);
    }

    proptest! {
        #[test]
        fn batches_add_up_to_the_places(places in 1..5000i32, size in 1..50i32) {
            let cut = batches(places, size);
            prop_assert_eq!(cut.iter().sum::<i32>(), places);
            prop_assert!(cut.iter().all(|&n| n > 0 && n <= size));
        }
    }
}
