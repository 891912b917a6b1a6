"""Domains, repositories and packages of one account and Region.

Source: CodeArtifact API reference, and "Domain overview" of the user guide.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import operation

from . import neighbours
from .endpoint import Endpoint, Repository
from .exceptions import AccessDeniedException, ConflictException, ResourceNotFoundException

Data = dict[str, Any]
BEARER = "sts:GetServiceBearerToken"


class CodeArtifactBackend(BaseBackend):
    """CodeArtifact in one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.domains: dict[str, Data] = {}
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.tags: dict[str, list[Data]] = {}
        self.tokens: dict[str, tuple[str, dict[str, Any], float]] = {}
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a domain, repository or package."""
        return f"arn:aws:codeartifact:{self.region_name}:{self.account_id}:{kind}/{name}"

    # Domains

    def _domain(self, name: str) -> Data:
        if name not in self.domains:
            raise ResourceNotFoundException(f"Domain not found: {name}")
        found = self.domains[name]
        count = sum(domain == name for domain, _ in self.repositories)
        return {**found, "repositoryCount": count}

    @operation()
    def create_domain(self, domain: str, encryption_key: str = "", tags: list[Data] | None = None) -> Data:
        """Create a domain."""
        if domain in self.domains:
            raise ConflictException(f"Domain already exists: {domain}")
        self.domains[domain] = {
            "name": domain,
            "owner": self.account_id,
            "arn": self.arn("domain", domain),
            "status": "Active",
            "createdTime": time.time(),
            "encryptionKey": encryption_key,
            "assetSizeBytes": 0,
            "s3BucketArn": f"arn:aws:s3:::assets-{self.account_id}-{self.region_name}",
        }
        self.tags[self.arn("domain", domain)] = list(tags or [])
        return {"domain": self._domain(domain)}

    @operation()
    def describe_domain(self, domain: str, domain_owner: str = "") -> Data:
        """Return a domain."""
        return {"domain": self._domain(domain)}

    @operation()
    def delete_domain(self, domain: str, domain_owner: str = "") -> Data:
        """Delete a domain without repositories."""
        found = self._domain(domain)
        if found["repositoryCount"]:
            raise ConflictException(f"Domain contains repositories: {domain}")
        del self.domains[domain]
        self.tags.pop(found["arn"], None)
        return {"domain": {**found, "status": "Deleted"}}

    @operation()
    def list_domains(self, **_: Any) -> Data:
        """Return all domains, in one page."""
        shown = ("name", "owner", "arn", "status", "createdTime", "encryptionKey")
        return {"domains": [{key: one[key] for key in shown} for one in self.domains.values()]}

    # Repositories

    def _repository(self, domain: str, repository: str) -> Repository:
        self._domain(domain)
        try:
            return self.repositories[domain, repository]
        except KeyError:
            raise ResourceNotFoundException(f"Repository not found: {domain}/{repository}") from None

    @operation()
    def create_repository(
        self, domain: str, repository: str, description: str = "", tags: list[Data] | None = None, **_: Any
    ) -> Data:
        """Create a repository in a domain."""
        self._domain(domain)
        if (domain, repository) in self.repositories:
            raise ConflictException(f"Repository already exists: {repository}")
        described: Data = {
            "name": repository,
            "administratorAccount": self.account_id,
            "domainName": domain,
            "domainOwner": self.account_id,
            "arn": self.arn("repository", f"{domain}/{repository}"),
            "description": description,
            "upstreams": [],
            "externalConnections": [],
            "createdTime": time.time(),
        }
        self.repositories[domain, repository] = Repository(described)
        self.tags[described["arn"]] = list(tags or [])
        return {"repository": described}

    @operation()
    def describe_repository(self, domain: str, repository: str, domain_owner: str = "") -> Data:
        """Return a repository."""
        return {"repository": self._repository(domain, repository).described}

    @operation()
    def update_repository(self, domain: str, repository: str, description: str | None = None, **_: Any) -> Data:
        """Change a repository's description."""
        found = self._repository(domain, repository).described
        found |= {"description": description} if description is not None else {}
        return {"repository": found}

    @operation()
    def delete_repository(self, domain: str, repository: str, domain_owner: str = "") -> Data:
        """Delete a repository, with its packages."""
        found = self._repository(domain, repository).described
        del self.repositories[domain, repository]
        self.tags.pop(found["arn"], None)
        return {"repository": found}

    @operation()
    def list_repositories(self, **_: Any) -> Data:
        """Return all repositories, in one page."""
        shown = ("name", "administratorAccount", "domainName", "domainOwner", "arn", "description")
        return {"repositories": [{key: r.described[key] for key in shown} for r in self.repositories.values()]}

    @operation()
    def get_repository_endpoint(self, domain: str, repository: str, format: str, **_: Any) -> Data:  # noqa: A002
        """Return the URL at which a repository is served to clients of a format."""
        self._repository(domain, repository)
        with self._lock:
            self._endpoint = self._endpoint or Endpoint(
                self.repositories, self.tokens, (self.account_id, self.region_name)
            )
        return {"repositoryEndpoint": f"{self._endpoint.url}/{domain}/{format}/{repository}/"}

    @operation()
    def get_authorization_token(self, domain: str, duration_seconds: int = 43200, **_: Any) -> Data:
        """Return a token that acts as the principal that asks for it."""
        self._domain(domain)
        caller = neighbours.current.caller()
        keys = {"sts:awsservicename": "codeartifact.amazonaws.com", "sts:durationseconds": str(duration_seconds)}
        if not neighbours.current.may(caller, BEARER, "*", self.account_id, self.region_name, keys):
            raise AccessDeniedException(f"User is not authorized to perform: {BEARER} on resource: *")
        token, expires = secrets.token_urlsafe(48), time.time() + (duration_seconds or 43200)
        self.tokens[token] = (domain, caller, expires)
        return {"authorizationToken": token, "expiration": expires}

    # Packages

    @operation()
    def list_packages(self, domain: str, repository: str, **_: Any) -> Data:
        """Return the packages of a repository, in one page."""
        found = {(kind, name) for kind, name, _ in self._repository(domain, repository).versions}
        return {"packages": [{"format": kind, "package": name} for kind, name in sorted(found)]}

    @operation()
    def list_package_versions(self, domain: str, repository: str, format: str, package: str, **_: Any) -> Data:  # noqa: A002
        """Return the versions of a package, in one page."""
        versions = self._repository(domain, repository).versions
        found = [version for kind, name, version in versions if (kind, name) == (format, package)]
        if not found:
            raise ResourceNotFoundException(f"Package not found: {package}")
        shown = [{"version": version, "status": "Published"} for version in sorted(found)]
        return {"format": format, "package": package, "versions": shown}

    @operation()
    def describe_package_version(
        self,
        domain: str,
        repository: str,
        format: str,  # noqa: A002 - the API's name
        package: str,
        package_version: str,
        **_: Any,
    ) -> Data:
        """Return a version of a package."""
        found = self._repository(domain, repository).versions.get((format, package, package_version))
        if not found:
            raise ResourceNotFoundException(f"Package version not found: {package} {package_version}")
        return {
            "packageVersion": {
                "format": format,
                "packageName": package,
                "version": package_version,
                "publishedTime": found.published,
                "status": "Published",
            }
        }

    # Tags

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        """Return the tags of a domain or a repository."""
        if resource_arn not in self.tags:
            raise ResourceNotFoundException(f"Resource not found: {resource_arn}")
        return {"tags": self.tags[resource_arn]}

    @operation()
    def tag_resource(self, resource_arn: str, tags: list[Data]) -> Data:
        """Set tags."""
        new = {one["key"] for one in tags}
        kept = [one for one in self.list_tags_for_resource(resource_arn)["tags"] if one["key"] not in new]
        self.tags[resource_arn] = kept + tags
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        """Remove tags."""
        kept = self.list_tags_for_resource(resource_arn)["tags"]
        self.tags[resource_arn] = [one for one in kept if one["key"] not in tag_keys]
        return {}


codeartifact_backends = BackendDict(CodeArtifactBackend, "codeartifact")
