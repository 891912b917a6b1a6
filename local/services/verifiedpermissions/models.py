"""Policy stores: Cedar policies, templates and schema, with decisions by cedarpy; identity sources.

Source: Verified Permissions API reference and user guide; Cedar policy and schema reference.
"""

from __future__ import annotations

import datetime
import json
import re
import secrets
import string
from collections.abc import Iterable
from typing import Any

import cedarpy
from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import Pager, operation
from local.services.base import TokenError as PageTokenError

from .exceptions import ConflictException, InvalidStateException, ResourceNotFoundException, ValidationException
from .tokens import TokenError, Verifier

MAX_BATCH, MAX_ENTITIES, MAX_SCHEMA, MAX_STATEMENT, PAGE = 30, 100, 100_000, 10_000, 50

Data = dict[str, Any]


def new_id(prefix: str) -> str:
    """Return a new id in the service's format: a prefix for the kind and 20 letters and digits."""
    return prefix + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(20))


def now() -> str:
    """Return the current time in the API's format."""
    return datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")


def cedar_id(entity: Data) -> Data:
    """Return an API entity identifier in Cedar's JSON format."""
    return {"type": entity["entityType"], "id": entity["entityId"]}


def cedar_value(value: Data) -> Any:
    """Return an API attribute value in Cedar's JSON format."""
    ((kind, content),) = value.items()
    match kind:
        case "entityIdentifier":
            return {"__entity": cedar_id(content)}
        case "set":
            return [cedar_value(item) for item in content]
        case "record":
            return {name: cedar_value(item) for name, item in content.items()}
        case "ipaddr" | "decimal" | "datetime" | "duration":
            return {"__extn": {"fn": {"ipaddr": "ip"}.get(kind, kind), "arg": content}}
    return content


def literal(entity: Data) -> str:
    """Return an entity in Cedar's text format."""
    return f"{entity['entityType']}::{json.dumps(entity['entityId'], ensure_ascii=False)}"


def statement_of(text: str, slots: bool) -> Data:
    """Return the one policy (or template, if `slots`) of a statement, as JSON. Raise ValidationException."""
    if len(text) > MAX_STATEMENT:
        raise ValidationException(f"The statement must not be longer than {MAX_STATEMENT} bytes")
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise ValidationException(f"Invalid Cedar: {error}") from None
    policies, templates = parsed["staticPolicies"], parsed["templates"]
    if len(policies) + len(templates) != 1:
        raise ValidationException("The statement must hold exactly one policy")
    if slots != bool(templates):
        raise ValidationException("A policy template needs a slot" if slots else "A static policy has no slots")
    found: Data = next(iter((templates or policies).values()))
    return found


class Store:
    """One policy store."""

    def __init__(self, account: str, mode: str, description: str, tags: dict[str, str], protection: str) -> None:
        self.id = new_id("PS")
        self.arn = f"arn:aws:verifiedpermissions::{account}:policy-store/{self.id}"
        self.mode, self.description, self.tags, self.protection = mode, description, tags, protection
        self.created = self.updated = now()
        self.schema: Data = {}
        self.schema_text = ""
        self.policies: dict[str, Data] = {}
        self.templates: dict[str, Data] = {}
        self.sources: dict[str, Data] = {}
        self.changed()

    def changed(self) -> None:
        """Forget what was parsed. Every write calls this."""
        self._parsed: tuple[cedarpy.PolicySet, cedarpy.Schema | None] | None = None

    @property
    def parsed(self) -> tuple[cedarpy.PolicySet, cedarpy.Schema | None]:
        """Return policies and schema, parsed once for all decisions between two writes."""
        if self._parsed is None:
            links = [
                {
                    "templateId": policy["template"],
                    "newId": policy["policyId"],
                    "values": {f"?{slot}": {"__entity": cedar_id(policy[slot])} for slot in self._slots(policy)},
                }
                for policy in self.policies.values()
                if policy["policyType"] == "TEMPLATE_LINKED"
            ]
            document = {
                "staticPolicies": {i: p["cedar"] for i, p in self.policies.items() if p["policyType"] == "STATIC"},
                "templates": {i: t["cedar"] for i, t in self.templates.items()},
                "templateLinks": links,
            }
            schema = cedarpy.Schema.from_json_str(self.schema_text) if self.schema else None
            self._parsed = (cedarpy.PolicySet.from_json_str(json.dumps(document)), schema)
        return self._parsed

    def _slots(self, policy: Data) -> list[str]:
        cedar = self.templates[policy["template"]]["cedar"]
        return [slot for slot in ("principal", "resource") if "slot" in cedar[slot]]

    def validate(self, statement: str) -> None:
        """Validate a statement against the schema, in STRICT mode. Raise ValidationException if it does not fit."""
        if self.mode != "STRICT":
            return
        result = cedarpy.validate_policies(statement, self.schema_text or "{}")
        if not result.validation_passed:
            raise ValidationException("; ".join(error.error for error in result.errors)[:1000])

    def attributes(self, kind: str, name: str) -> dict[str, Any]:
        """Return the attributes that the schema declares for an entity type, or for the context of an action."""
        namespace, _, short = name.rpartition("::")
        part = self.schema.get(namespace, {})
        if kind == "entity":
            shape = part.get("entityTypes", {}).get(short, {}).get("shape", {})
        else:
            applies = part.get("actions", {}).get(short, {}).get("appliesTo") or {}
            shape = applies.get("context", {}).get("attributes", {}).get("token", {})
        return dict(shape.get("attributes", {}))


class VerifiedPermissionsBackend(BaseBackend):
    """Verified Permissions in one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.stores: dict[str, Store] = {}
        self.verifier = Verifier()
        self.pager = Pager(lambda: 3600)
        self.answers: dict[str, tuple[str, Data]] = {}

    def _store(self, policy_store_id: str) -> Store:
        if policy_store_id not in self.stores:
            raise ResourceNotFoundException("POLICY_STORE", policy_store_id)
        return self.stores[policy_store_id]

    def _once(self, client_token: str | None, request: Any, create: Any) -> Data:
        """Create once for each client token: a repeated token returns the first result."""
        asked = json.dumps(request, sort_keys=True)
        if client_token and client_token in self.answers:
            before, answer = self.answers[client_token]
            if before != asked:
                raise ConflictException("The client token was used for another request")
            return answer
        answer = dict(create())
        if client_token:
            self.answers[client_token] = (asked, answer)
        return answer

    def _page(self, key: Any, items: Iterable[Data], limit: int | None, token: str | None, field: str) -> Data:
        try:
            page, following = self.pager.page(key, lambda: list(items), min(limit or PAGE, PAGE), token)
        except PageTokenError as error:
            raise ValidationException(str(error)) from None
        return {field: page, **({"nextToken": following} if following else {})}

    # Policy stores and their schema

    @operation()
    def create_policy_store(
        self,
        validation_settings: Data,
        client_token: str | None = None,
        description: str = "",
        deletion_protection: str = "DISABLED",
        tags: dict[str, str] | None = None,
    ) -> Data:
        def create() -> Data:
            store = Store(self.account_id, validation_settings["mode"], description, tags or {}, deletion_protection)
            self.stores[store.id] = store
            return self._brief(store)

        return self._once(client_token, [validation_settings, description, tags], create)

    def _brief(self, store: Store) -> Data:
        return {
            "policyStoreId": store.id,
            "arn": store.arn,
            "createdDate": store.created,
            "lastUpdatedDate": store.updated,
        }

    @operation()
    def get_policy_store(self, policy_store_id: str, tags: bool = False) -> Data:
        store = self._store(policy_store_id)
        return {
            **self._brief(store),
            "validationSettings": {"mode": store.mode},
            "description": store.description,
            "deletionProtection": store.protection,
            "cedarVersion": "CEDAR_4",
            **({"tags": store.tags} if tags else {}),
        }

    @operation()
    def update_policy_store(
        self,
        policy_store_id: str,
        validation_settings: Data,
        description: str | None = None,
        deletion_protection: str | None = None,
    ) -> Data:
        store = self._store(policy_store_id)
        store.mode = validation_settings["mode"]
        store.description = store.description if description is None else description
        store.protection = deletion_protection or store.protection
        store.updated = now()
        return self._brief(store)

    @operation()
    def delete_policy_store(self, policy_store_id: str) -> Data:
        store = self.stores.get(policy_store_id)
        if store and store.protection == "ENABLED":
            raise InvalidStateException("The policy store is protected from deletion")
        self.stores.pop(policy_store_id, None)
        return {}

    @operation()
    def list_policy_stores(self, next_token: str | None = None, max_results: int | None = None) -> Data:
        items = ({**self._brief(s), "description": s.description} for s in self.stores.values())
        return self._page("stores", items, max_results, next_token, "policyStores")

    @operation()
    def put_schema(self, policy_store_id: str, definition: Data) -> Data:
        store = self._store(policy_store_id)
        text = definition.get("cedarJson", "")
        try:
            schema = json.loads(text)
            cedarpy.Schema.from_json_str(text)
        except ValueError as error:
            raise ValidationException(f"Invalid schema: {error}") from None
        if len(schema) > 1:
            raise ValidationException("A schema must have one namespace")
        if len(text) > MAX_SCHEMA:
            raise ValidationException(f"The schema must not be longer than {MAX_SCHEMA} bytes")
        store.schema, store.schema_text, store.updated = schema, text, now()
        store.changed()
        return {
            "policyStoreId": store.id,
            "namespaces": list(schema),
            "createdDate": store.created,
            "lastUpdatedDate": store.updated,
        }

    @operation()
    def get_schema(self, policy_store_id: str) -> Data:
        store = self._store(policy_store_id)
        if not store.schema_text:
            raise ResourceNotFoundException("SCHEMA", policy_store_id)
        return {
            "policyStoreId": store.id,
            "schema": store.schema_text,
            "namespaces": list(store.schema),
            "createdDate": store.created,
            "lastUpdatedDate": store.updated,
        }

    # Tags

    def _tagged(self, resource_arn: str) -> Store:
        return self._store(resource_arn.rpartition("/")[2])

    @operation()
    def tag_resource(self, resource_arn: str, tags: dict[str, str]) -> Data:
        self._tagged(resource_arn).tags |= tags
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        store = self._tagged(resource_arn)
        store.tags = {key: value for key, value in store.tags.items() if key not in tag_keys}
        return {}

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        return {"tags": self._tagged(resource_arn).tags}

    # Policies and templates

    @operation()
    def create_policy(self, policy_store_id: str, definition: Data, client_token: str | None = None) -> Data:
        store = self._store(policy_store_id)
        return self._once(client_token, [policy_store_id, definition], lambda: self._new_policy(store, definition))

    def _new_policy(self, store: Store, definition: Data) -> Data:
        ((kind, content),) = definition.items()
        policy: Data = {"policyStoreId": store.id, "createdDate": now(), "lastUpdatedDate": now()}
        if kind == "static":
            policy |= {"policyId": new_id("SP"), "policyType": "STATIC", **self._static(store, content)}
        else:
            template_id = content["policyTemplateId"]
            template = self._template(store, template_id)
            text = template["statement"]
            for slot in ("principal", "resource"):
                if ("slot" in template["cedar"][slot]) != (slot in content):
                    raise ValidationException(f"{slot} must be given exactly when the template has a slot for it")
                if slot in content:
                    text = text.replace(f"?{slot}", literal(content[slot]))
            store.validate(text)
            policy |= {
                "policyId": new_id("TP"),
                "policyType": "TEMPLATE_LINKED",
                "template": template_id,
                "definition": {"templateLinked": content},
                **{slot: content[slot] for slot in ("principal", "resource") if slot in content},
                "effect": template["cedar"]["effect"].capitalize(),
            }
        store.policies[policy["policyId"]] = policy
        store.changed()
        return self._policy_brief(policy)

    def _static(self, store: Store, content: Data) -> Data:
        cedar = statement_of(content["statement"], slots=False)
        store.validate(content["statement"])
        found: Data = {"definition": {"static": content}, "cedar": cedar, "effect": cedar["effect"].capitalize()}
        for slot in ("principal", "resource"):
            if cedar[slot].get("entity"):
                entity = cedar[slot]["entity"]
                found[slot] = {"entityType": entity["type"], "entityId": entity["id"]}
        return found

    def _policy_brief(self, policy: Data) -> Data:
        hidden = {"template", "cedar", "definition"}
        return {name: value for name, value in policy.items() if name not in hidden}

    def _policy(self, store: Store, policy_id: str) -> Data:
        if policy_id not in store.policies:
            raise ResourceNotFoundException("POLICY", policy_id)
        return store.policies[policy_id]

    @operation()
    def get_policy(self, policy_store_id: str, policy_id: str) -> Data:
        policy = self._policy(self._store(policy_store_id), policy_id)
        return {**self._policy_brief(policy), "definition": policy["definition"]}

    @operation()
    def update_policy(self, policy_store_id: str, policy_id: str, definition: Data) -> Data:
        store = self._store(policy_store_id)
        policy = self._policy(store, policy_id)
        if policy["policyType"] != "STATIC":
            raise ValidationException("Only static policies can be updated")
        changed = self._static(store, definition["static"])
        if changed["effect"] != policy["effect"] or any(
            changed.get(slot) != policy.get(slot) for slot in ("principal", "resource")
        ):
            raise ValidationException("Effect, principal and resource of a policy cannot be updated")
        policy |= {**changed, "lastUpdatedDate": now()}
        store.changed()
        return self._policy_brief(policy)

    @operation()
    def delete_policy(self, policy_store_id: str, policy_id: str) -> Data:
        store = self._store(policy_store_id)
        store.policies.pop(policy_id, None)
        store.changed()
        return {}

    @operation()
    def list_policies(
        self,
        policy_store_id: str,
        next_token: str | None = None,
        max_results: int | None = None,
        filter: Data | None = None,  # noqa: A002 - the API's name
    ) -> Data:
        store, wanted = self._store(policy_store_id), filter or {}

        def fits(policy: Data) -> bool:
            for slot in ("principal", "resource"):
                asked = wanted.get(slot, {})
                if "identifier" in asked and policy.get(slot) != asked["identifier"]:
                    return False
                if asked.get("unspecified") and slot in policy:
                    return False
            if "policyType" in wanted and policy["policyType"] != wanted["policyType"]:
                return False
            return wanted.get("policyTemplateId") in (None, policy.get("template"))

        def item(policy: Data) -> Data:
            kept = policy["definition"].get("static")
            shown = {"static": {"description": kept.get("description", "")}} if kept else policy["definition"]
            return {**self._policy_brief(policy), "definition": shown}

        items = (item(policy) for policy in store.policies.values() if fits(policy))
        return self._page([policy_store_id, wanted], items, max_results, next_token, "policies")

    def _template(self, store: Store, template_id: str) -> Data:
        if template_id not in store.templates:
            raise ResourceNotFoundException("POLICY_TEMPLATE", template_id)
        return store.templates[template_id]

    def _template_brief(self, template: Data) -> Data:
        return {name: value for name, value in template.items() if name not in {"cedar", "statement", "description"}}

    @operation()
    def create_policy_template(
        self, policy_store_id: str, statement: str, description: str = "", client_token: str | None = None
    ) -> Data:
        store = self._store(policy_store_id)

        def create() -> Data:
            cedar = statement_of(statement, slots=True)
            store.validate(statement)
            template: Data = {
                "policyStoreId": store.id,
                "policyTemplateId": new_id("PT"),
                "createdDate": now(),
                "lastUpdatedDate": now(),
                "statement": statement,
                "description": description,
                "cedar": cedar,
            }
            store.templates[template["policyTemplateId"]] = template
            store.changed()
            return self._template_brief(template)

        return self._once(client_token, [policy_store_id, statement, description], create)

    @operation()
    def get_policy_template(self, policy_store_id: str, policy_template_id: str) -> Data:
        template = self._template(self._store(policy_store_id), policy_template_id)
        return {name: value for name, value in template.items() if name != "cedar"}

    @operation()
    def update_policy_template(
        self, policy_store_id: str, policy_template_id: str, statement: str, description: str | None = None
    ) -> Data:
        store = self._store(policy_store_id)
        template = self._template(store, policy_template_id)
        cedar = statement_of(statement, slots=True)
        store.validate(statement)
        if any(cedar[part] != template["cedar"][part] for part in ("effect", "principal", "resource")):
            raise ValidationException("Effect, principal and resource of a template cannot be updated")
        description = template["description"] if description is None else description
        template |= {"statement": statement, "cedar": cedar, "description": description, "lastUpdatedDate": now()}
        store.changed()
        return self._template_brief(template)

    @operation()
    def delete_policy_template(self, policy_store_id: str, policy_template_id: str) -> Data:
        store = self._store(policy_store_id)
        store.templates.pop(policy_template_id, None)
        store.policies = {i: p for i, p in store.policies.items() if p.get("template") != policy_template_id}
        store.changed()
        return {}

    @operation()
    def list_policy_templates(
        self, policy_store_id: str, next_token: str | None = None, max_results: int | None = None
    ) -> Data:
        items = (
            {**self._template_brief(t), "description": t["description"]}
            for t in self._store(policy_store_id).templates.values()
        )
        return self._page([policy_store_id, "templates"], items, max_results, next_token, "policyTemplates")

    # Identity sources

    @operation()
    def create_identity_source(
        self,
        policy_store_id: str,
        configuration: Data,
        principal_entity_type: str = "User",
        client_token: str | None = None,
    ) -> Data:
        store = self._store(policy_store_id)

        def create() -> Data:
            if store.sources:
                raise ConflictException("The policy store has an identity source")
            source: Data = {
                "policyStoreId": store.id,
                "identitySourceId": new_id("IS"),
                "createdDate": now(),
                **self._source(configuration, principal_entity_type),
            }
            store.sources[source["identitySourceId"]] = source
            return self._source_brief(source)

        return self._once(client_token, [policy_store_id, configuration, principal_entity_type], create)

    def _source(self, configuration: Data, principal_entity_type: str) -> Data:
        pool = configuration.get("cognitoUserPoolConfiguration")
        if pool is None:
            raise ValidationException("The local cloud takes only Cognito user pools as identity sources")
        _, _, _, region, _, name = pool["userPoolArn"].split(":", 5)
        kept = {
            "clientIds": [],
            **pool,
            "issuer": f"https://cognito-idp.{region}.amazonaws.com/{name.partition('/')[2]}",
        }
        return {
            "configuration": {"cognitoUserPoolConfiguration": kept},
            "principalEntityType": principal_entity_type,
            "lastUpdatedDate": now(),
        }

    def _source_brief(self, source: Data) -> Data:
        return {name: source[name] for name in ("policyStoreId", "identitySourceId", "createdDate", "lastUpdatedDate")}

    def _found_source(self, policy_store_id: str, identity_source_id: str) -> Data:
        sources = self._store(policy_store_id).sources
        if identity_source_id not in sources:
            raise ResourceNotFoundException("IDENTITY_SOURCE", identity_source_id)
        return sources[identity_source_id]

    @operation()
    def get_identity_source(self, policy_store_id: str, identity_source_id: str) -> Data:
        return self._found_source(policy_store_id, identity_source_id)

    @operation()
    def update_identity_source(
        self,
        policy_store_id: str,
        identity_source_id: str,
        update_configuration: Data,
        principal_entity_type: str | None = None,
    ) -> Data:
        source = self._found_source(policy_store_id, identity_source_id)
        source |= self._source(update_configuration, principal_entity_type or source["principalEntityType"])
        return self._source_brief(source)

    @operation()
    def delete_identity_source(self, policy_store_id: str, identity_source_id: str) -> Data:
        self._store(policy_store_id).sources.pop(identity_source_id, None)
        return {}

    @operation()
    def list_identity_sources(
        self, policy_store_id: str, next_token: str | None = None, max_results: int | None = None
    ) -> Data:
        items = self._store(policy_store_id).sources.values()
        return self._page([policy_store_id, "sources"], items, max_results, next_token, "identitySources")

    # Decisions

    @operation()
    def is_authorized(
        self,
        policy_store_id: str,
        principal: Data | None = None,
        action: Data | None = None,
        resource: Data | None = None,
        context: Data | None = None,
        entities: Data | None = None,
    ) -> Data:
        store = self._store(policy_store_id)
        asked = {"principal": principal, "action": action, "resource": resource, "context": context}
        return self._decide(store, [asked], self._entities(entities), {})[0]

    @operation()
    def batch_is_authorized(self, policy_store_id: str, requests: list[Data], entities: Data | None = None) -> Data:
        store = self._store(policy_store_id)
        self._check_batch(requests)
        same = [len({json.dumps(r.get(part), sort_keys=True) for r in requests}) == 1 for part in _ENDS]
        if not any(same):
            raise ValidationException("Either the principal or the resource must be the same in all requests")
        decided = self._decide(store, requests, self._entities(entities), {})
        return {"results": [{"request": r, **d} for r, d in zip(requests, decided, strict=True)]}

    @operation()
    def is_authorized_with_token(
        self,
        policy_store_id: str,
        identity_token: str | None = None,
        access_token: str | None = None,
        action: Data | None = None,
        resource: Data | None = None,
        context: Data | None = None,
        entities: Data | None = None,
    ) -> Data:
        store = self._store(policy_store_id)
        principal, known, token = self._principal(store, identity_token, access_token, entities)
        asked = {"principal": principal, "action": action, "resource": resource, "context": context}
        return {**self._decide(store, [asked], known, token)[0], "principal": principal}

    @operation()
    def batch_is_authorized_with_token(
        self,
        policy_store_id: str,
        requests: list[Data],
        identity_token: str | None = None,
        access_token: str | None = None,
        entities: Data | None = None,
    ) -> Data:
        store = self._store(policy_store_id)
        self._check_batch(requests)
        principal, known, token = self._principal(store, identity_token, access_token, entities)
        decided = self._decide(store, [{**r, "principal": principal} for r in requests], known, token)
        results = [{"request": r, **d} for r, d in zip(requests, decided, strict=True)]
        return {"principal": principal, "results": results}

    def _check_batch(self, requests: list[Data]) -> None:
        if len(requests) > MAX_BATCH:
            raise ValidationException(f"A batch must not hold more than {MAX_BATCH} requests")

    def _entities(self, entities: Data | None) -> list[Data]:
        if not entities:
            return []
        if "cedarJson" in entities:
            try:
                return list(json.loads(entities["cedarJson"]))
            except (ValueError, TypeError):
                raise ValidationException("entities.cedarJson is not a list in JSON") from None
        return [
            {
                "uid": cedar_id(entity["identifier"]),
                "attrs": {name: cedar_value(value) for name, value in entity.get("attributes", {}).items()},
                "parents": [cedar_id(parent) for parent in entity.get("parents", [])],
            }
            for entity in entities["entityList"]
        ]

    def _principal(
        self, store: Store, identity_token: str | None, access_token: str | None, entities: Data | None
    ) -> tuple[Data, list[Data], Data]:
        """Return the token's principal, all entities, and claims of the access token. Raise ValidationException."""
        given = {"id": identity_token, "access": access_token}
        if not any(given.values()):
            raise ValidationException("An identity token or an access token must be given")
        pools = [s["configuration"]["cognitoUserPoolConfiguration"] for s in store.sources.values()]
        issuers = {pool["issuer"]: list(pool["clientIds"]) for pool in pools}
        claims: dict[str, Data] = {}
        for use, token in given.items():
            if token:
                try:
                    claims[use] = self.verifier.claims(token, use, issuers)
                except TokenError as error:
                    raise ValidationException(f"The {use} token is not valid: {error}") from None
        if len({c["sub"] for c in claims.values()}) > 1:
            raise ValidationException("Both tokens must belong to the same user")
        any_claims = next(iter(claims.values()))
        source = next(
            s
            for s in store.sources.values()
            if s["configuration"]["cognitoUserPoolConfiguration"]["issuer"] == any_claims["iss"]
        )
        pool_id = any_claims["iss"].rpartition("/")[2]
        pool = source["configuration"]["cognitoUserPoolConfiguration"]
        group_type = pool.get("groupConfiguration", {}).get("groupEntityType")
        user_type = source["principalEntityType"]
        known = self._entities(entities)
        if any(entity["uid"]["type"] in (user_type, group_type) for entity in known):
            raise ValidationException("entities must not hold principals: they come from the token")
        principal = {"entityType": user_type, "entityId": f"{pool_id}|{any_claims['sub']}"}
        groups = any_claims.get("cognito:groups", []) if group_type else []
        declared = store.attributes("entity", user_type)
        user = {
            "uid": cedar_id(principal),
            "attrs": {name: value for name, value in claims.get("id", {}).items() if name in declared},
            "parents": [{"type": group_type, "id": f"{pool_id}|{group}"} for group in groups],
        }
        return principal, [*known, user], claims.get("access", {})

    def _decide(self, store: Store, requests: list[Data], entities: list[Data], token: Data) -> list[Data]:
        policies, schema = store.parsed
        for kind in {entity["uid"]["type"] for entity in entities}:
            if sum(entity["uid"]["type"] == kind for entity in entities) > MAX_ENTITIES:
                raise ValidationException(f"entities must not hold more than {MAX_ENTITIES} of a kind")
        asked = []
        for request in requests:
            context = request.get("context") or {}
            values = {name: cedar_value(value) for name, value in context.get("contextMap", {}).items()}
            if "cedarJson" in context:
                values = json.loads(context["cedarJson"])
            action = request["action"]
            namespace = action["actionType"].removesuffix("Action")
            declared = store.attributes("action", f"{namespace}{action['actionId']}")
            if declared:
                values["token"] = {name: value for name, value in token.items() if name in declared}
            asked.append(
                {
                    "principal": cedar_id(request["principal"]),
                    "action": {"type": action["actionType"], "id": action["actionId"]},
                    "resource": cedar_id(request["resource"]),
                    "context": values,
                }
            )
        try:
            known = cedarpy.Entities.from_json_str(json.dumps(entities), schema)
            results = cedarpy.is_authorized_batch(asked, policies, known, schema)
        except ValueError as error:
            raise ValidationException(f"The request does not fit the schema: {error}") from None
        return [self._decision(result) for result in results]

    def _decision(self, result: cedarpy.AuthzResult) -> Data:
        if result.decision is cedarpy.Decision.NoDecision:
            raise ValidationException(re.sub(r"\s+", " ", "; ".join(result.diagnostics.errors))[:1000])
        return {
            "decision": "ALLOW" if result.allowed else "DENY",
            "determiningPolicies": [{"policyId": reason} for reason in result.diagnostics.reasons],
            "errors": [{"errorDescription": text} for text in result.diagnostics.errors],
        }


_ENDS = ("principal", "resource")

verifiedpermissions_backends = BackendDict(VerifiedPermissionsBackend, "verifiedpermissions")
