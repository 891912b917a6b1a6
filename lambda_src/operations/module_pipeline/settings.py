"""The settings of a build, from its environment."""

from dataclasses import dataclass, field

S3, GIT_TAG = "s3", "git_tag"


@dataclass(frozen=True)
class Build:
    """The environment variables of a build. All have defaults, so that the gate also runs outside a pipeline.

    `module_path` is the module's folder in its source. `bucket` keeps the reports, in addition to the folder `.gate`.
    `registry_bucket` has the releases of `s3`. `accept_unparsed` names files, relative to the module, that Terraform
    reads and Checkov cannot parse. `integration` says that the module has tests for the sandbox.
    """

    module: str = "module"
    module_path: str = "."
    execution: str = "local"
    bucket: str = ""
    registry_bucket: str = ""
    bucket_owner: str = ""
    release: str = S3
    accept_unparsed: list[str] = field(default_factory=list)
    test_directory: str = "tests"
    integration_directory: str = "tests/integration"
    name_prefix: str = "local"
    test_role_arn: str = ""
    sweep_role_arn: str = ""
    external_id: str = ""
    sandbox_region: str = ""
    budget_minutes: int = 30
    integration: bool = False

    def __post_init__(self) -> None:
        if self.release not in (S3, GIT_TAG):
            raise ValueError(f"RELEASE must be {S3} or {GIT_TAG}")
        if not 1 <= self.budget_minutes <= 45:
            raise ValueError("BUDGET_MINUTES must be a number of minutes from 1 to 45")
