"""Parse the embargo document into the embargo to enforce, or into a list of all its problems."""

import ipaddress
import itertools
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from . import schema
from .errors import InvalidDocument

MAX_BYTES = 8 * 1024 * 1024  # 20,000 ranges with names and notes need far less
MAX_RANGES = 10_000  # per IP set, https://docs.aws.amazon.com/waf/latest/developerguide/limits.html
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # a client of IPv4 is only ever in the IPv4 set
MAX_PROBLEMS = 20  # reported at once


@dataclass(frozen=True)
class Embargo:
    """ISO country codes, and CIDRs in canonical form (no host bits, IPv6 compressed, lower case)."""

    countries: frozenset[str] = frozenset()
    ranges: frozenset[str] = frozenset()

    def of_version(self, version: str) -> frozenset[str]:
        """Return the ranges of version `IPV4` or `IPV6`."""
        return frozenset(one for one in self.ranges if (":" in one) == (version == "IPV6"))


def parse(body: bytes) -> Embargo:
    """Return the embargo of a document. Raise InvalidDocument, and no other exception, for any other bytes."""
    if len(body) > MAX_BYTES:
        raise InvalidDocument([f"The document has {len(body):,} bytes; the maximum is {MAX_BYTES:,}."])
    if not body.strip():
        raise InvalidDocument(["The document is empty."])
    try:
        value = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_constant)
    except InvalidDocument:
        raise
    except UnicodeDecodeError as error:
        raise InvalidDocument([f"The document is not UTF-8 (byte {error.start})."]) from None
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidDocument([f"The document is not JSON{where}."]) from None
    return enforceable(value)


def enforceable(value: Any) -> Embargo:
    """Return the embargo of a parsed document. Raise InvalidDocument if it has problems."""
    problems = list(itertools.islice(schema.problems(value), MAX_PROBLEMS + 1))
    if not problems:
        embargo, problems = _read(value)
    if problems:
        more = ["There are more problems."] if len(problems) > MAX_PROBLEMS else []
        raise InvalidDocument(problems[:MAX_PROBLEMS] + more)
    return embargo


def canonical(cidr: str) -> str:
    """Return a CIDR without host bits, with IPv6 compressed. Raise ValueError if it is not a CIDR."""
    return str(ipaddress.ip_network(cidr, strict=False))


def _read(value: dict[str, Any]) -> tuple[Embargo, list[str]]:
    """Return the embargo of a document that matches the schema, and the problems that a schema cannot detect."""
    codes = [country["code"] for country in value["embargoed-countries"]]
    repeated = [code for code, times in Counter(codes).items() if times > 1]
    problems = [f"embargoed-countries lists {code} more than once." for code in repeated]
    seen: dict[str, str] = {}
    for group, entry in enumerate(value["embargoed-ips"]):
        for number, one in enumerate(entry["ips"]):
            place = f"embargoed-ips[{group}].ips[{number}]"
            try:
                network = ipaddress.ip_network(one["Value"], strict=False)
            except ValueError:
                problems.append(f"{place}.Value is {schema.shown(one['Value'])}, which is not a CIDR.")
                continue
            if f"IPV{network.version}" != one["Type"]:
                problems.append(f"{place}.Value is {schema.shown(one['Value'])}, which is not of Type {one['Type']}.")
            elif isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):
                problems.append(f"{place}.Value, {network}, contains IPv4 addresses: write the range as IPv4.")
            elif str(network) in seen:
                problems.append(f"{place}.Value, {network}, is already in {seen[str(network)]}.")
            seen.setdefault(str(network), place)
    embargo = Embargo(frozenset(codes), frozenset(seen))
    sizes = {version: len(embargo.of_version(version)) for version in ("IPV4", "IPV6")}
    problems += [
        f"embargoed-ips has {size:,} ranges of {version}; the maximum is {MAX_RANGES:,}."
        for version, size in sizes.items()
        if size > MAX_RANGES
    ]
    if not embargo.countries and not embargo.ranges:
        problems.append("The document names no country and no range; an empty embargo is refused as a mistake.")
    return embargo, problems


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):  # json.loads would silently keep the last one
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise InvalidDocument([f"An object has the key {schema.shown(twice)} twice."])
    return found


def _constant(name: str) -> Any:
    raise InvalidDocument([f"The document contains {name}, which is not JSON."])
