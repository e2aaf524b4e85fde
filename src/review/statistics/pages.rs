//! Where people stopped. Pure.

use std::collections::BTreeMap;

/// Somebody's way through the pages, as far as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The pages they were seen on: index and name.
    pub pages: Vec<(i32, String)>,
    /// How it ended.
    pub end: End,
}

/// How somebody's way ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At the end of the experiment.
    Finished,
    /// Gave the work back, or ran out of time.
    Left,
    /// Is still there.
    Under,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub index: i32,
    pub name: String,
    /// Were seen here or further on, or finished.
    pub reached: usize,
    /// Were last seen here and left.
    pub left: usize,
    /// Are here.
    pub here: usize,
}

impl Page {
    /// Those who left, in per cent of those who reached it.
    pub fn percent(&self) -> usize {
        (self.left * 100).checked_div(self.reached).unwrap_or(0)
    }
}

/// Every page on which somebody was seen, in order.
pub fn drop_off(ways: &[Way]) -> Vec<Page> {
    let mut names: BTreeMap<i32, &str> = BTreeMap::new();
    for (index, name) in ways.iter().flat_map(|way| &way.pages) {
        names.entry(*index).or_insert(name);
    }
    names.into_iter().map(|(index, name)| page(index, name, ways)).collect()
}

fn page(index: i32, name: &str, ways: &[Way]) -> Page {
    let last = |way: &Way| way.pages.iter().map(|(index, _)| *index).max();
    let ended = |end: End| ways.iter().filter(|way| way.end == end && last(way) == Some(index)).count();
    let reached =
        ways.iter().filter(|way| way.end == End::Finished || last(way).is_some_and(|at| at >= index));
    Page {
        index,
        name: name.to_owned(),
        reached: reached.count(),
        left: ended(End::Left),
        here: ended(End::Under),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(end: End, pages: &[i32]) -> Way {
        Way { pages: pages.iter().map(|index| (*index, format!("Page{index}"))).collect(), end }
    }

    #[test]
    fn nobody_was_anywhere() {
        assert_eq!(drop_off(&[]), []);
        assert_eq!(drop_off(&[way(End::Left, &[])]), []);
    }

    #[test]
    fn each_page_tells_who_reached_it_and_who_stopped_there() {
        let pages = drop_off(&[
            way(End::Finished, &[1, 4]),
            way(End::Finished, &[]),
            way(End::Left, &[1, 2]),
            way(End::Left, &[2]),
            way(End::Under, &[1]),
            way(End::Under, &[1, 2, 4]),
            way(End::Left, &[]),
        ]);
        let told: Vec<_> = pages.iter().map(|p| (p.index, p.reached, p.left, p.here, p.percent())).collect();
        assert_eq!(told, [(1, 6, 0, 1, 0), (2, 5, 2, 0, 40), (4, 3, 0, 1, 0)]);
        assert_eq!(pages[1].name, "Page2");
    }
}
