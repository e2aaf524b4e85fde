//! Objects of somebody else: usually they do not exist, and with a switch the permission is denied.

use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::failure::Failure;

/// What is missing, and the member that names it.
const NAMED: [(&str, &str); 5] = [
    ("AWS.MechanicalTurk.HITDoesNotExist", "HITId"),
    ("AWS.MechanicalTurk.HITTypeDoesNotExist", "HITTypeId"),
    ("AWS.MechanicalTurk.AssignmentDoesNotExist", "AssignmentId"),
    ("AWS.MechanicalTurk.QualificationTypeDoesNotExist", "QualificationTypeId"),
    ("AWS.MechanicalTurk.QualificationRequestDoesNotExist", "QualificationRequestId"),
];

/// The identifiers that a call named.
pub(super) struct Named(Vec<(&'static str, String)>);

impl Named {
    pub(super) fn read(members: &Map<String, Value>) -> Self {
        let named =
            |(code, member): (&'static str, &str)| Some((code, members.get(member)?.as_str()?.to_owned()));
        Self(NAMED.into_iter().filter_map(named).collect())
    }

    /// The failure, or that the permission is denied when what is missing to this requester is somebody else's.
    pub(super) async fn told(
        &self,
        conn: &mut PgConnection,
        requester_id: &str,
        failure: Failure,
    ) -> Failure {
        let Failure::Answer(answer) = &failure else { return failure };
        let missing = self.0.iter().find(|(code, _)| answer.code == Some(code));
        let Some((_, id)) = missing else { return failure };
        match elsewhere(conn, requester_id, id).await {
            Ok(false) => failure,
            Ok(true) => {
                let message = format!("You do not have permission to access {id}.");
                Failure::request(Some("AWS.MechanicalTurk.PermissionDeniedException"), message)
            }
            Err(error) => error.into(),
        }
    }
}

/// Whether another requester has something of this identifier.
async fn elsewhere(conn: &mut PgConnection, requester_id: &str, id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from market.hit where hit_id = $2 and requester_id <> $1)
               or exists (select from market.hit_type where hit_type_id = $2 and requester_id <> $1)
               or exists (select from market.assignment where assignment_id = $2 and requester_id <> $1)
               or exists (select from market.qualification_type
                           where qualification_type_id = $2 and requester_id <> $1)
               or exists (select from market.qualification_request q
                            join market.qualification_type t using (qualification_type_id)
                           where q.request_id = $2 and t.requester_id <> $1) as "there!""#,
        requester_id,
        id,
    )
    .fetch_one(conn)
    .await
}
