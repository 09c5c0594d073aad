"""Words of the status of a cluster."""

DB_STATUS_REPORTER = "db_status_reporter"
BROKER_STATUS_REPORTER = "broker_status_reporter"
MANAGER_STATUS_REPORTER = "manager_status_reporter"
STATUS_REPORTER_USERS = [DB_STATUS_REPORTER, BROKER_STATUS_REPORTER, MANAGER_STATUS_REPORTER]
MANAGER_STATUS_REPORTER_ID, DB_STATUS_REPORTER_ID, BROKER_STATUS_REPORTER_ID = 90000, 90001, 90002


class CloudifyNodeType:
    DB = "db"
    BROKER = "broker"
    MANAGER = "manager"
    TYPE_LIST = (DB, BROKER, MANAGER)


class ServiceStatus:
    HEALTHY = "OK"
    DEGRADED = "Degraded"
    FAIL = "Fail"


class NodeServiceStatus:
    ACTIVE = "Active"
    INACTIVE = "Inactive"
