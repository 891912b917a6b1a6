"""Embargo documents for hypothesis: valid ones, and ways to break them."""

import ipaddress
import json
from typing import Any

from hypothesis import strategies as st

from .fakes import CODES


def document(codes: Any = (), v4: Any = (), v6: Any = ()) -> dict[str, Any]:
    """Return a document with these codes and ranges."""
    ranges = [{"Type": "IPV4", "Value": one} for one in v4] + [{"Type": "IPV6", "Value": one} for one in v6]
    return {
        "embargoed-countries": [{"name": f"Country {code}", "code": code} for code in codes],
        "embargoed-ips": [{"name": "Ranges", "ips": ranges}] if ranges else [],
    }


def cidrs(bits: int) -> st.SearchStrategy[str]:
    """Return a strategy for CIDRs of one IP version, with host bits; none of IPv4 addresses in IPv6."""
    address = ipaddress.IPv4Address if bits == 32 else ipaddress.IPv6Address
    parts = st.tuples(st.integers(0, 2**bits - 1), st.integers(1, bits))
    return parts.map(lambda pair: f"{address(pair[0])}/{pair[1]}").filter(lambda cidr: not _mapped(cidr))


def _mapped(cidr: str) -> bool:
    found = ipaddress.ip_network(cidr, strict=False)
    return isinstance(found, ipaddress.IPv6Network) and found.subnet_of(ipaddress.IPv6Network("::ffff:0:0/96"))


def network(cidr: str) -> str:
    """Return the canonical form of a range, which is the same for equal ranges."""
    return str(ipaddress.ip_network(cidr, strict=False))


valid = st.builds(
    document,
    st.lists(st.sampled_from(CODES), unique=True, max_size=120),
    st.lists(cidrs(32), unique_by=network, max_size=8),
    st.lists(cidrs(128), unique_by=network, max_size=8),
).filter(lambda made: bool(made["embargoed-countries"] or made["embargoed-ips"]))

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=9), below, max_size=4),
    max_leaves=12,
)


@st.composite
def nearly(draw: Any) -> Any:
    """Draw a valid document in which one value at a random place is replaced, removed, renamed or duplicated."""
    made = json.loads(json.dumps(draw(valid)))
    part: Any = None
    key: Any = None
    current = made
    while isinstance(current, (dict, list)) and current and (part is None or draw(st.booleans())):
        part = current
        key = draw(st.sampled_from(sorted(current) if isinstance(current, dict) else range(len(current))))
        current = current[key]
    match draw(st.sampled_from(["replace", "remove", "rename", "double"])):
        case "replace":
            odd = st.sampled_from(
                ["", "ZZ", "cu", "1.2.3.4/0", "::/0", "1.2.3.4", "1.2.3.4/33", "1.2.3.0/24\n", "1::%1/8"]
            )
            part[key] = draw(anything | odd)
        case "remove":
            del part[key]
        case "rename" if isinstance(part, dict):
            part[draw(st.text(max_size=5))] = part.pop(key)
        case _ if isinstance(part, list):
            part.append(part[key])
    return made
