"""Gives the roles their rights on a cluster. Adds what is missing and takes nothing away."""

from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType
from kafka.errors import KafkaError

from schemas.kafka import KafkaSettings
from schemas.problems import WorkFailedError
from streams.access import Right

_RESOURCES = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactional-id": ResourceType.TRANSACTIONAL_ID}
_OPERATIONS = {
    "AlterConfigs": ACLOperation.ALTER_CONFIGS,
    "Create": ACLOperation.CREATE,
    "Delete": ACLOperation.DELETE,
    "Describe": ACLOperation.DESCRIBE,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
}


class RightsRefusedError(WorkFailedError):
    """The cluster did not take the rights; says why and what to do."""


def grant(kafka: KafkaSettings, rights: dict[str, list[Right]]) -> None:
    """Gives each role, a user of the same name, its rights.

    Args:
        kafka: the cluster, as a user that may alter it.
        rights: by role.

    Raises:
        RightsRefusedError: the cluster has no authorizer, does not answer, or we may not.
    """
    try:
        admin = KafkaAdminClient(**kafka.client_settings, client_id="nccid-rights")
        try:
            done = admin.create_acls([acl for role, those in rights.items() for right in those for acl in _acls(role, right)])
        finally:
            admin.close()
    except (KafkaError, OSError, ValueError) as error:
        raise RightsRefusedError(
            f"{kafka.bootstrap} did not take the rights ({type(error).__name__}); it needs an authorizer, and us as a super user"
        ) from None
    if failed := done.get("failed"):
        raise RightsRefusedError(f"{kafka.bootstrap} did not take {len(failed)} of the rights; are we a super user there?")


def _acls(role: str, right: Right) -> list[ACL]:
    form = ACLResourcePatternType.PREFIXED if right.is_prefix else ACLResourcePatternType.LITERAL
    resource = ResourcePattern(_RESOURCES[right.resource], right.name, form)
    allow = ACLPermissionType.ALLOW
    return [ACL(f"User:{role}", "*", _OPERATIONS[operation], allow, resource) for operation in right.operations]
