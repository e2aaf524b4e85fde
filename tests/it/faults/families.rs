//! What goes wrong in each family of schedules.

use market::faults::FaultKind;

/// A kind of schedule. Each runs the same studies and people among other troubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Double clicks, stale tabs, two people who decide otherwise.
    Clicks,
    /// Answers of the marketplace that are lost, late, wrong or a web page.
    Answers,
    /// Processes that die at named points or at any moment, or are asked to end.
    Crashes,
    /// Processes that stand still past their leases while the other goes on.
    Pauses,
    /// Lines to Postgres that break, a database that takes no writes.
    Database,
    /// Time that leaps, approvals by the clock, batches that end.
    Clocks,
    /// An oTree that is down or forgets, payoffs that are none.
    Otree,
    /// Hours that a restored backup does not know of.
    Backups,
    /// Everything at once.
    Everything,
}

/// One thing that may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Arrive,
    ArriveAgain,
    SecondPlace,
    Stranger,
    LinkChecker,
    PlayOn,
    Decide,
    Overturn,
    Compensate,
    Collect,
    DoubleClick,
    StaleTab,
    Trouble,
    Page,
    Kill,
    CrashAtPoint,
    Terminate,
    Freeze,
    StopAtPoint,
    CutLine,
    ReadOnly,
    Seconds,
    Hours,
    AutoApproval,
    OtreeDown,
    OtreeForgets,
    LoseHours,
    Close,
}

impl Family {
    pub const ALL: [Self; 9] = [
        Self::Clicks,
        Self::Answers,
        Self::Crashes,
        Self::Pauses,
        Self::Database,
        Self::Clocks,
        Self::Otree,
        Self::Backups,
        Self::Everything,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clicks => "clicks",
            Self::Answers => "answers",
            Self::Crashes => "crashes",
            Self::Pauses => "pauses",
            Self::Database => "database",
            Self::Clocks => "clocks",
            Self::Otree => "otree",
            Self::Backups => "backups",
            Self::Everything => "everything",
        }
    }

    /// What may happen, and how often beside the other things.
    pub fn acts(self) -> Vec<(Act, u32)> {
        let mut acts = vec![
            (Act::Arrive, 20),
            (Act::PlayOn, 30),
            (Act::Decide, 12),
            (Act::Overturn, 3),
            (Act::Compensate, 4),
            (Act::Collect, 4),
            (Act::ArriveAgain, 3),
            (Act::Seconds, 8),
        ];
        acts.extend(self.troubles());
        acts
    }

    fn troubles(self) -> Vec<(Act, u32)> {
        match self {
            Self::Clicks => vec![
                (Act::DoubleClick, 14),
                (Act::StaleTab, 14),
                (Act::ArriveAgain, 6),
                (Act::SecondPlace, 6),
                (Act::Stranger, 4),
                (Act::LinkChecker, 3),
                (Act::Close, 1),
            ],
            Self::Answers => vec![(Act::Trouble, 30), (Act::Page, 12), (Act::DoubleClick, 3)],
            Self::Crashes => {
                vec![(Act::CrashAtPoint, 12), (Act::Kill, 5), (Act::Terminate, 3), (Act::Trouble, 3)]
            }
            Self::Pauses => vec![(Act::Freeze, 8), (Act::StopAtPoint, 10), (Act::Trouble, 3)],
            Self::Database => vec![(Act::CutLine, 20), (Act::ReadOnly, 3), (Act::DoubleClick, 3)],
            Self::Clocks => vec![
                (Act::Hours, 8),
                (Act::AutoApproval, 3),
                (Act::Seconds, 12),
                (Act::Trouble, 10),
                (Act::Close, 1),
            ],
            Self::Otree => vec![(Act::OtreeDown, 10), (Act::OtreeForgets, 2), (Act::Trouble, 2)],
            Self::Backups => {
                vec![(Act::LoseHours, 12), (Act::Hours, 4), (Act::Trouble, 6), (Act::DoubleClick, 4)]
            }
            // Without backups: what a restored database cannot know makes the checker milder.
            Self::Everything => [
                Self::Clicks,
                Self::Answers,
                Self::Crashes,
                Self::Pauses,
                Self::Database,
                Self::Clocks,
                Self::Otree,
            ]
            .into_iter()
            .flat_map(Self::troubles)
            .map(|(act, weight)| (act, weight.div_ceil(4)))
            .collect(),
        }
    }

    /// Whether a page may fail because what is behind it does.
    pub fn pages_may_fail(self) -> bool {
        matches!(self, Self::Crashes | Self::Pauses | Self::Database | Self::Backups | Self::Everything)
    }
}

impl std::str::FromStr for Family {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|family| family.name() == text)
            .ok_or_else(|| format!("one of {}", names()))
    }
}

/// Calls that may be struck.
pub const OPERATIONS: [&str; 16] = [
    "CreateHITType",
    "CreateHITWithHITType",
    "GetHIT",
    "ListHITs",
    "ListAssignmentsForHIT",
    "GetAssignment",
    "ApproveAssignment",
    "RejectAssignment",
    "SendBonus",
    "ListBonusPayments",
    "UpdateExpirationForHIT",
    "CreateQualificationType",
    "ListQualificationTypes",
    "AssociateQualificationWithWorker",
    "NotifyWorkers",
    "DeleteQualificationType",
];

/// What may strike them.
pub const FAULTS: [FaultKind; 11] = [
    FaultKind::HtmlBefore,
    FaultKind::HtmlAfter,
    FaultKind::ThrottleTo(1),
    FaultKind::DelayBefore(300),
    // Longer than anybody waits for the answer.
    FaultKind::DelayAfter(2500),
    FaultKind::Hide(60),
    FaultKind::FailBefore,
    FaultKind::FailAfter,
    FaultKind::DropBefore,
    FaultKind::DropAfter,
    FaultKind::Throttle,
];

/// The names of all crash points in the code, read from it, so that a new one is tried as soon as it is there.
pub fn crash_points() -> Vec<String> {
    let mut named = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let points = text.split("crash::point(\"").skip(1);
            named.extend(points.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    named.sort();
    named.dedup();
    assert!(named.len() >= 10, "{named:?}");
    named
}
